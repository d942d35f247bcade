"""The command ``check``: one exercise with all that its check found, or several as a table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from workshop_kit.commands.common import exercise_service
from workshop_kit.commands.options import AsJson, Seed
from workshop_kit.errors import Exit, WrongUsage
from workshop_kit.exercises import cards, check_table
from workshop_kit.exercises.check_table import Row
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.exercises.folder_copy import FolderCopy, copy_of
from workshop_kit.paths import CHECKOUT
from workshop_kit.terminal import TerminalReport, answer, say
from workshop_kit.trials.result import Verdict
from workshop_kit.workspace import registry
from workshop_kit.workspace.course import find_lesson
from workshop_kit.workspace.folder import own_workspace
from workshop_kit.workspace.registry import Exercise

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="EXERCISE|LESSON",
        help="Exercises, such as container.limits or a beginning that no other has; lessons by number, such as 02.",
    ),
]
Everything = Annotated[bool, typer.Option("--all", help="All exercises.")]
Folder = Annotated[
    Path | None,
    typer.Option(help="A workspace or a my_service folder to check in place of yours. Its programs are run."),
]


def check(
    words: Words = None,
    everything: Everything = False,
    folder: Folder = None,
    seed: Seed = None,
    as_json: AsJson = False,
) -> None:
    """Check exercises on real containers: one with all that was found, or several as a table.

    Exit codes: 1 when an exercise is not right yet, else 3 when one was not judged.
    """
    exercises = _choose_exercises(words or [], everything=everything)
    is_single = not everything and len(exercises) == 1

    if folder is None:
        service = exercise_service(own_workspace(seed=seed))
        if is_single:
            _check_one(service, exercises[0], as_json=as_json)
        else:
            _check_all(service, exercises, as_json=as_json)
        return

    with copy_of(folder, seed) as copy:
        say(f"This runs the programs in {folder} on this machine.")
        service = exercise_service(own_workspace(), copy.workspace)
        if is_single and check_table.row_without_check(service, exercises[0], copy) is None:
            _check_one(service, exercises[0], as_json=as_json)
        else:
            _check_all(service, exercises, copy, as_json=as_json)


def _choose_exercises(words: Sequence[str], *, everything: bool) -> list[Exercise]:
    """Return the exercises that the words name, in their order. Raises WrongUsage for other words, or for none."""
    exercises = registry.load(CHECKOUT)
    if everything and not words:
        return list(exercises)
    if everything or not words:
        raise WrongUsage("Which exercises?", "Name some, or lessons such as 02; or give --all alone.")

    ids = {identifier for word in words for identifier in _ids_of(exercises, word)}
    return [exercise for exercise in exercises if exercise.id in ids]


def _ids_of(exercises: Sequence[Exercise], word: str) -> Iterator[str]:
    """Yield the ids of the exercises that a word names: one, or those of a lesson, whose name begins with a digit."""
    if not word[:1].isdigit():
        yield registry.find(exercises, word).id
        return

    lesson = find_lesson(word, CHECKOUT / "notebooks")
    ids = [exercise.id for exercise in exercises if lesson in (exercise.lesson, exercise.page)]
    if not ids:
        raise WrongUsage(f"{lesson} has no exercises.", "Name another lesson.")
    yield from ids


def _check_one(service: ExerciseService, exercise: Exercise, *, as_json: bool) -> None:
    """Check an exercise, and show all that was found."""
    with TerminalReport() as report:
        result = service.check(exercise.id, report)

    needs_hints = not result.passed and result.verdict is not Verdict.NOT_JUDGED
    hints = service.hints_shown(exercise.id) if needs_hints else ()
    if as_json:
        answer(json.dumps(cards.as_json(result)))
    else:
        answer(cards.as_text(result, hints))

    if result.verdict is Verdict.CANNOT_JUDGE:
        say("./workshop doctor says what this engine lacks, and what to do.")
        raise typer.Exit(Exit.NOT_READY)
    if result.verdict is Verdict.NOT_JUDGED:
        raise typer.Exit(Exit.NOT_READY)
    if not result.passed:
        say(f"Edit {service.place(exercise.id)}, and check again.")
        raise typer.Exit(Exit.NOT_GOOD)


def _check_all(
    service: ExerciseService, exercises: Sequence[Exercise], copy: FolderCopy | None = None, *, as_json: bool
) -> None:
    """Check exercises one after the other, and show a row for each as soon as it is known."""
    rows: list[Row] = []
    for exercise in exercises:
        row = check_table.row_without_check(service, exercise, copy)
        if row is None:
            with TerminalReport() as report:
                row = check_table.checked_row(service, exercise, report)
        rows.append(row)
        if not as_json:
            answer(str(row))

    if as_json:
        answer(json.dumps([asdict(row) for row in rows]))
    say(f"{check_table.count_text(rows)}. `./workshop check EXERCISE` shows all that a check found.")
    raise typer.Exit(check_table.exit_code(rows))
