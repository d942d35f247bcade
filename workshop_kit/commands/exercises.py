"""The commands of the exercise loop: ``check``, ``watch``, ``hint``, ``solution``, ``reset``, ``status`` and more."""

from __future__ import annotations

import atexit
import json
import os
from typing import Annotated

import typer

from workshop_kit.engine import reach, reaper
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import Exit, WrongUsage
from workshop_kit.exercises import cards, checkpoint
from workshop_kit.exercises.exercise_service import Desk
from workshop_kit.exercises.registry import TRACKS
from workshop_kit.terminal import TerminalReport, answer, say
from workshop_kit.workspace import content, provision
from workshop_kit.workspace.folder import Workspace, own_workspace
from workshop_kit.workspace.lookup import find_lesson

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, and nothing else there.")]
Identifier = Annotated[
    str, typer.Argument(help="The exercise: container.limits, or a beginning that no other has, as container.li.")
]
Seed = Annotated[int | None, typer.Option(help="The numbers of this table; from now on, for every exercise.")]
Track = Annotated[str, typer.Option(help=f"One of: {', '.join(TRACKS)}.")]


def check(exercise: Identifier, seed: Seed = None, as_json: AsJson = False) -> None:
    """Check an exercise on real containers."""
    workspace = _workspace(seed)
    desk = _desk(workspace)
    exercise = desk.find(exercise).id  # a wrong name is told before anything is started
    with TerminalReport() as report:
        result = desk.check(exercise, report)
    hints = () if result.passed else desk.hints_shown(exercise)
    answer(json.dumps(cards.as_json(result)) if as_json else cards.as_text(result, hints))
    if not result.passed:
        say(f"Edit {desk.place(exercise)}, and check again.")
        raise typer.Exit(Exit.NOT_GOOD)


def watch(seed: Seed = None) -> None:
    """Check an exercise whenever its file is saved."""
    from workshop_kit.commands import watch as watching  # with what watches files: other commands need not wait

    watching.run(_desk(_workspace(seed)))


def hint(exercise: Identifier) -> None:
    """Give the next hint of an exercise, after those given before."""
    desk = _desk(_workspace())
    exercise = desk.find(exercise).id
    before, hints = desk.hints_shown(exercise), desk.hint(exercise)
    for number, text in enumerate(hints, 1):
        answer(f"{number}. {text}")
    if hints == before:
        say(f"That was the last one. `./workshop solution {exercise} --anyway` shows the solution.")


def solution(
    exercise: Identifier,
    anyway: Annotated[bool, typer.Option("--anyway", help="Show it although the exercise is not passed.")] = False,
) -> None:
    """Show the solution of an exercise, once it is passed."""
    desk = _desk(_workspace())
    exercise = desk.find(exercise).id
    text = desk.solution(exercise, anyway=anyway)
    if text is None:
        say(f"{exercise} is not passed yet. Try `./workshop hint {exercise}`, or add --anyway to see it nevertheless.")
        raise typer.Exit(Exit.NOT_GOOD)
    say(f"It belongs into {desk.place(exercise)}:")
    answer(text.rstrip())


def reset(exercise: Identifier) -> None:
    """Put an exercise back to its start; what was there is kept aside."""
    say(_desk(_workspace()).reset(exercise))


def status(track: Track = "full", as_json: AsJson = False) -> None:
    """Show what is done and what is left, in minutes."""
    from workshop_kit.exercises import board as boards

    if track not in TRACKS:
        raise WrongUsage(f"There is no track {track!r}.", f"Choose from: {', '.join(TRACKS)}.")
    desk = _desk(_workspace())
    board = boards.board(desk.exercises, desk.progress, track)
    answer(json.dumps(boards.as_json(board)) if as_json else str(boards.shown(board)))


def goto(
    lesson: Annotated[str, typer.Argument(help="The lesson: 03_logging, or a beginning such as 03 or log.")],
) -> None:
    """Bring the workspace and its containers to the start of a lesson."""
    desk = _desk(_workspace())
    name, stack = find_lesson(lesson, desk.root / "notebooks"), desk.stack()
    with TerminalReport() as report:
        arrived = checkpoint.goto(desk, name, stack, report)
    _sign(desk.workspace)
    for line in arrived.sentences():
        say(line)


def update() -> None:
    """Bring changed lessons and exercises into the workspace; what was edited there stays."""
    workspace = _workspace()
    done = content.update(workspace)
    if any(name.endswith(".ipynb") for name in (*done.added, *done.changed)):
        _sign(workspace)
    for line in done.sentences():
        say(line)


def _workspace(seed: int | None = None) -> Workspace:
    workspace = own_workspace(os.environ)
    if seed is not None:
        workspace.share_seed(seed)
    return workspace


def _sign(workspace: Workspace) -> None:
    """Sign the notebooks that were just written: JupyterLab shows no panels in unsigned ones."""
    from workshop_kit.workspace.lab_settings import trust  # what signs takes 1.7 s to import

    trust(workspace)


def _desk(workspace: Workspace) -> Desk:
    return Desk.of(workspace, lambda: _stack(workspace))


def _stack(workspace: Workspace) -> Stack:
    session = provision.session_of(workspace, reach.connect())
    reaper.watch(session, provision.UNDO_FAULTS)
    atexit.register(reaper.finish, session)
    return provision.stack_of(workspace, session)
