"""``desk``: the instructor's desk, two pages on this machine; and the demo, rehearsed without a browser."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from workshop_kit.engine import reach, reaper
from workshop_kit.errors import Exit
from workshop_kit.lessons.browser import open_in_browser
from workshop_kit.terminal import TerminalReport, answer, say
from workshop_kit.workspace import provision
from workshop_kit.workspace.folder import own_workspace


def desk(
    port: Annotated[int | None, typer.Option(help="The pages' port; left out, a free one is chosen.")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the addresses.")] = False,
) -> None:
    """Serve the presenter's and the audience's page until Ctrl-C; then undo every fault and end the load."""
    from workshop_kit.instructor.controller import Stage
    from workshop_kit.instructor.presenter_api import Presenting  # here, not above: other commands need not wait for it
    from workshop_kit.instructor.script import load_script
    from workshop_kit.instructor.server import DeskServer
    from workshop_kit.instructor.signals import until_told

    server, script = DeskServer(port), load_script()  # a taken port is told before anything is started
    workspace = own_workspace(os.environ)
    stage = Stage(provision.stack_of(workspace, provision.session_of(workspace, reach.connect())), workspace)
    with TerminalReport() as report:
        stage.open(report)
    left: list[str] = []
    with until_told() as told:
        try:
            server.start(Presenting(stage, script))
            say(f"For you:      {server.presenter_url}")
            say(f"For the room: {server.audience_url}")
            say("The first address presses buttons: keep it off the projector. Ctrl-C ends the desk and undoes it all.")
            if not no_browser:
                open_in_browser(server.presenter_url)
                open_in_browser(server.audience_url)
            told.wait()
        finally:
            server.stop()
            left = stage.close()
    for sentence in left:
        say(sentence)
    say("The desk is closed: no fault in force, no load." if not left else "Run ./workshop down, then start again.")
    if left:
        raise typer.Exit(Exit.NOT_GOOD)


def rehearse_demo(folder: Path, *, book: bool, may_install: bool, as_json: bool) -> None:
    """Rehearse the demo in a workspace and stack of their own below ``folder``; exit 1 if something is not seen.

    With ``book`` its pictures go to docs/demo/.
    """
    from workshop_kit.instructor.controller import Stage
    from workshop_kit.instructor.rehearsal import rehearse  # here, not above: other commands need not wait for it
    from workshop_kit.instructor.script import PICTURES, load_script

    script = load_script()
    with provision.fresh_workspace(folder / "workspace") as workspace, TerminalReport() as report:
        stack = provision.make_ready(workspace, may_install=may_install, report=report)
        reaper.watch(stack.session, provision.UNDO_FAULTS, whole_workspace=provision.lock_path(workspace.folder))
        try:
            with Stage(stack, workspace) as stage:
                results = rehearse(stage, script, report, pictures=PICTURES if book else None)
        finally:
            provision.remove_everything(stack.session, {"kernel", "workspace"}, report)
        reaper.stop(stack.session)
    if as_json:
        answer(json.dumps([asdict(result) for result in results]))
    else:
        answer("\n".join([*map(str, results), f"On stage: {script.minutes:g} minutes."]))
    if any(result.problem for result in results):
        raise typer.Exit(Exit.NOT_GOOD)
