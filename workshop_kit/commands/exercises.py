"""The commands for exercises and lessons: ``check`` to ``update``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from workshop_kit.commands.common import AsJson, ExerciseId, Seed, Track, exercise_service, open_workspace
from workshop_kit.errors import Exit
from workshop_kit.exercises import cards, checkpoint
from workshop_kit.terminal import TerminalReport, answer, say
from workshop_kit.workspace import content
from workshop_kit.workspace.course import find_lesson
from workshop_kit.workspace.folder import Workspace


def check(exercise: ExerciseId, seed: Seed = None, as_json: AsJson = False) -> None:
    """Check an exercise on real containers."""
    service = exercise_service(open_workspace(seed))
    exercise = service.find(exercise).id  # a wrong name is an error before anything starts
    with TerminalReport() as report:
        result = service.check(exercise, report)
    hints = () if result.passed else service.hints_shown(exercise)
    answer(json.dumps(cards.as_json(result)) if as_json else cards.as_text(result, hints))
    if not result.passed:
        say(f"Edit {service.place(exercise)}, and check again.")
        raise typer.Exit(Exit.NOT_GOOD)


def watch(seed: Seed = None) -> None:
    """Check an exercise whenever its file is saved."""
    from workshop_kit.commands.watch import run  # lazily: it brings the file watcher

    run(exercise_service(open_workspace(seed)))


def hint(exercise: ExerciseId) -> None:
    """Give the next hint of an exercise, after those given before."""
    service = exercise_service(open_workspace())
    exercise = service.find(exercise).id
    before, hints = service.hints_shown(exercise), service.hint(exercise)
    for number, text in enumerate(hints, 1):
        answer(f"{number}. {text}")
    if hints == before:
        say(f"That was the last one. `./workshop solution {exercise} --anyway` shows the solution.")


def solution(
    exercise: ExerciseId,
    anyway: Annotated[bool, typer.Option("--anyway", help="Show it although the exercise is not passed.")] = False,
) -> None:
    """Show the solution of an exercise, once it is passed."""
    service = exercise_service(open_workspace())
    exercise = service.find(exercise).id
    text = service.solution(exercise, anyway=anyway)
    if text is None:
        say(f"{exercise} is not passed yet. Try `./workshop hint {exercise}`, or add --anyway to see it nevertheless.")
        raise typer.Exit(Exit.NOT_GOOD)
    say(f"It belongs into {service.place(exercise)}:")
    answer(text.rstrip())


def reset(exercise: ExerciseId) -> None:
    """Put an exercise back to its start; what was there is kept aside."""
    say(exercise_service(open_workspace()).reset(exercise))


def status(track: Track = None, as_json: AsJson = False) -> None:
    """Show what is done and what is left, in minutes."""
    from workshop_kit.exercises import board as boards  # lazily: slow imports

    service = exercise_service(open_workspace())
    board = boards.board(service.exercises, service.progress, track or service.workspace.track)
    answer(json.dumps(asdict(board)) if as_json else str(boards.render(board)))


def goto(
    lesson: Annotated[str, typer.Argument(help="The lesson: 03_logging, or a beginning such as 03 or log.")],
) -> None:
    """Bring the workspace and its containers to the start of a lesson."""
    service = exercise_service(open_workspace())
    name, stack = find_lesson(lesson, service.root / "notebooks"), service.stack()
    with TerminalReport() as report:
        arrived = checkpoint.goto(service, name, stack, report)
    _sign(service.workspace)
    for line in arrived.sentences():
        say(line)


def update() -> None:
    """Bring changed lessons and exercises into the workspace; what was edited there stays."""
    workspace = open_workspace()
    done = content.update(workspace)
    if any(name.endswith(".ipynb") for name in (*done.added, *done.changed)):
        _sign(workspace)
    for line in done.sentences():
        say(line)


def _sign(workspace: Workspace) -> None:
    """Sign the written notebooks: JupyterLab shows no panels in unsigned ones."""
    from workshop_kit.workspace.lab_settings import trust  # lazily: slow imports

    trust(workspace)
