"""The table of ``./workshop check``: a row for each exercise, of the own workspace or of a folder's copy."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from workshop_kit.errors import Exit, NotReady, WorkshopError
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.exercises.folder_copy import FolderCopy
from workshop_kit.reporting import Report
from workshop_kit.trials.result import Verdict
from workshop_kit.untrusted_text import visible
from workshop_kit.workspace.registry import Exercise

ID_COLUMNS = 24
TEXT_COLUMNS = 88
NO_FILE = "Its file is in exercises/, which this folder does not have."
NO_SEED = "Its numbers are those of a workspace, and this folder does not say which: name them with --seed."


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
            lines += textwrap.wrap(text, TEXT_COLUMNS, initial_indent=indent, subsequent_indent=indent)
        return "\n".join(lines)


def row_without_check(service: ExerciseService, exercise: Exercise, copy: FolderCopy | None) -> Row | None:
    """Return the row of an exercise that cannot be checked any more, or not from a folder's copy; None for any other.

    ``copy`` is None for the own workspace.
    """
    if service.is_replaced(exercise):
        return Row(exercise.id, Outcome.REPLACED)
    if copy is None:
        return None
    if exercise.file is None:
        return Row(exercise.id, Outcome.IN_NOTEBOOK)
    if not exercise.in_service and not copy.has_exercises:
        return Row(exercise.id, Outcome.NOT_JUDGED, NO_FILE)
    if not copy.has_seed and service.task_numbers(exercise.id):
        return Row(exercise.id, Outcome.NOT_JUDGED, NO_SEED)
    return None


def checked_row(service: ExerciseService, exercise: Exercise, report: Report) -> Row:
    """Check an exercise and return its row. Raises NotReady, since no other exercise can be checked then."""
    try:
        result = service.check(exercise.id, report)
    except NotReady:
        raise
    except WorkshopError as error:
        return Row(exercise.id, Outcome.NOT_JUDGED, str(error))
    return Row(exercise.id, OUTCOMES.get(result.verdict, Outcome.NOT_YET), result.summary)


def count_text(rows: Sequence[Row]) -> str:
    """Return how many rows have which outcome: ``3 passed, 1 not yet``."""
    counts = Counter(row.outcome for row in rows)
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome])


def exit_code(rows: Sequence[Row]) -> Exit:
    """Return the exit code of a table: that of the first outcome of "not yet" and "not judged" that a row has."""
    outcomes = {row.outcome for row in rows}
    if Outcome.NOT_YET in outcomes:
        return Exit.NOT_GOOD
    if Outcome.NOT_JUDGED in outcomes:
        return Exit.NOT_READY
    return Exit.GOOD
