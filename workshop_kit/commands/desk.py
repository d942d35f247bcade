"""``desk``: the instructor's desk, a page for the presenter and one for the audience."""

from __future__ import annotations

import signal
import time
from typing import Annotated

import typer

from workshop_kit.commands.common import NoBrowser, connected_stack, open_workspace
from workshop_kit.errors import Exit
from workshop_kit.lessons.browser import open_in_browser
from workshop_kit.terminal import TerminalReport, say

REDIRECTS = ("open-presenter.html", "open-audience.html")


def desk(
    port: Annotated[int | None, typer.Option(help="The pages' port; left out, a free one is chosen.")] = None,
    no_browser: NoBrowser = False,
) -> None:
    """Serve both pages until Ctrl-C; then revert every fault and end the load."""
    from workshop_kit.instructor.controller import Controller
    from workshop_kit.instructor.presenter_api import PresenterApi  # lazily: slow imports
    from workshop_kit.instructor.script import load_script
    from workshop_kit.instructor.server import InstructorServer

    server, script = InstructorServer(port), load_script()  # a taken port is an error before anything starts
    workspace = open_workspace()
    controller = Controller(connected_stack(workspace), workspace)
    redirects = [workspace.folder / name for name in REDIRECTS]
    with TerminalReport() as report:
        controller.open(report)
    left: list[str] = []
    received: list[int] = []  # a list, since a handler that sets an Event may wait for the thread that it interrupts
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a second Ctrl-C does not cut the clean-up short
        signal.signal(number, lambda number, _: received.append(number))
    try:
        server.start(PresenterApi(controller, script))
        say(f"For you:      {server.presenter_url}")
        say(f"For the room: {server.audience_url}")
        say("The first address presses buttons: keep it off the projector. Ctrl-C ends the desk and undoes it all.")
        if not no_browser:
            for url, redirect in zip((server.presenter_url, server.audience_url), redirects, strict=True):
                open_in_browser(url, redirect)
        while not received:
            time.sleep(0.1)
    finally:
        server.stop()
        for redirect in redirects:
            redirect.unlink(missing_ok=True)
        left = controller.close()
    for sentence in left:
        say(sentence)
    say("The desk is closed: no active fault, no load." if not left else "Run ./workshop down, then start again.")
    if left:
        raise typer.Exit(Exit.NOT_GOOD)
