"""The command ``check``: one exercise with all that its check found, or several as a table."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from workshop_kit.commands.options import AsJson, Seed
from workshop_kit.errors import Exit, NotReady, WorkshopError, WrongUsage
from workshop_kit.exercises import cards
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.exercises.folder_copy import copy_of
from workshop_kit.paths import CHECKOUT
from workshop_kit.reporting import Report
from workshop_kit.terminal import TerminalReport, answer, say
from workshop_kit.trials.result import Verdict
from workshop_kit.untrusted_text import visible
from workshop_kit.workspace import exercise_list
from workshop_kit.workspace.course import find_lesson
from workshop_kit.workspace.exercise_list import Exercise
from workshop_kit.workspace.folder import Workspace, own_workspace, shared_seed

ID_COLUMNS = 24
NO_FILE = "Its file is in exercises/, which this folder does not have."
NO_SEED = "Its numbers are those of a workspace, and this folder does not say which: name them with --seed."

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


class Outcome(StrEnum):
    """What a row says of an exercise."""

    PASSED = "passed"
    NOT_YET = "not yet"
    NOT_JUDGED = "not judged"
    REPLACED = "replaced by a later lesson"
    IN_NOTEBOOK = "in a notebook"


OUTCOMES = {
    Verdict.PASSED: Outcome.PASSED,
    Verdict.CANNOT_JUDGE: Outcome.NOT_JUDGED,
    Verdict.NOT_JUDGED: Outcome.NOT_JUDGED,
}
"""The outcomes of verdicts; any other verdict is "not yet"."""


@dataclass(frozen=True)
class Row:
    """A row of the table. ``summary`` is the check's sentence, or says why there was no check."""

    exercise: str
    outcome: Outcome
    summary: str = ""

    def __str__(self) -> str:
        lines = [f"{self.exercise:<{ID_COLUMNS}} {self.outcome}"]
        if self.outcome in (Outcome.NOT_YET, Outcome.NOT_JUDGED):
            indent = " " * 4
            text = visible(" ".join(self.summary.split()))
            lines += textwrap.wrap(text, cards.TEXT_COLUMNS, initial_indent=indent, subsequent_indent=indent)
        return "\n".join(lines)


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
        service = ExerciseService.on_demand(own_workspace(seed=seed))
        if is_single:
            _check_one(service, exercises[0], as_json=as_json)
        else:
            _check_all(service, exercises, as_json=as_json)
        return

    with copy_of(folder, seed) as copy:
        say(f"This runs the programs in {folder} on this machine.")
        service = ExerciseService.on_demand(own_workspace(), copy)
        if is_single and _row_without_check(service, exercises[0], copy) is None:
            _check_one(service, exercises[0], as_json=as_json)
        else:
            _check_all(service, exercises, copy, as_json=as_json)


def _choose_exercises(words: Sequence[str], *, everything: bool) -> list[Exercise]:
    """Return the exercises that the words name, in their order. Raises WrongUsage for other words, or for none."""
    exercises = exercise_list.load(CHECKOUT)
    if everything and not words:
        return list(exercises)
    if everything or not words:
        raise WrongUsage("Which exercises?", "Name some, or lessons such as 02; or give --all alone.")

    ids = {identifier for word in words for identifier in _ids_of(exercises, word)}
    return [exercise for exercise in exercises if exercise.id in ids]


def _ids_of(exercises: Sequence[Exercise], word: str) -> Iterator[str]:
    """Yield the ids of the exercises that a word names: one, or those of a notebook, whose name begins with a digit.

    A lesson may have further notebooks: 03_logging names its exercises in 03b_logs_further as well.
    """
    if not word[:1].isdigit():
        yield exercise_list.find(exercises, word).id
        return

    notebook = find_lesson(word, CHECKOUT / "notebooks")
    ids = [exercise.id for exercise in exercises if notebook in (exercise.lesson, exercise.page)]
    if not ids:
        raise WrongUsage(f"{notebook} has no exercises.", "Name another lesson.")
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
    service: ExerciseService, exercises: Sequence[Exercise], copy: Workspace | None = None, *, as_json: bool
) -> None:
    """Check exercises one after the other, and show a row for each as soon as it is known."""
    rows: list[Row] = []
    for exercise in exercises:
        row = _row_without_check(service, exercise, copy)
        if row is None:
            with TerminalReport() as report:
                row = _checked_row(service, exercise, report)
        rows.append(row)
        if not as_json:
            answer(str(row))

    if as_json:
        answer(json.dumps([asdict(row) for row in rows]))
    say(f"{_count_text(rows)}. `./workshop check EXERCISE` shows all that a check found.")
    raise typer.Exit(_exit_code(rows))


def _row_without_check(service: ExerciseService, exercise: Exercise, copy: Workspace | None) -> Row | None:
    """Return the row of an exercise that cannot be checked any more, or not from a folder's copy; None for any other.

    ``copy`` is None for the own workspace.
    """
    if service.is_too_late(exercise):
        return Row(exercise.id, Outcome.REPLACED)
    if copy is None:
        return None
    if exercise.file is None:
        return Row(exercise.id, Outcome.IN_NOTEBOOK)
    if not exercise.in_service and not copy.exercises.is_dir():
        return Row(exercise.id, Outcome.NOT_JUDGED, NO_FILE)
    if shared_seed(copy.folder) is None and service.task_numbers(exercise.id):
        return Row(exercise.id, Outcome.NOT_JUDGED, NO_SEED)
    return None


def _checked_row(service: ExerciseService, exercise: Exercise, report: Report) -> Row:
    """Check an exercise and return its row. Raises NotReady, since no other exercise can be checked then."""
    try:
        result = service.check(exercise.id, report)
    except NotReady:
        raise
    except WorkshopError as error:
        return Row(exercise.id, Outcome.NOT_JUDGED, str(error))
    return Row(exercise.id, OUTCOMES.get(result.verdict, Outcome.NOT_YET), result.summary)


def _count_text(rows: Sequence[Row]) -> str:
    """Return how many rows have which outcome: ``3 passed, 1 not yet``."""
    counts = Counter(row.outcome for row in rows)
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome])


def _exit_code(rows: Sequence[Row]) -> Exit:
    """Return the exit code of a table: that of the first outcome of "not yet" and "not judged" that a row has."""
    outcomes = {row.outcome for row in rows}
    if Outcome.NOT_YET in outcomes:
        return Exit.NOT_GOOD
    if Outcome.NOT_JUDGED in outcomes:
        return Exit.NOT_READY
    return Exit.GOOD
