"""The progress file: checks, hints, answers and predictions of a participant; and the board that shows it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from filelock import FileLock
from pydantic import BaseModel, NonNegativeInt
from pydantic_core import from_json, to_json

from workshop_kit.errors import WrongUsage
from workshop_kit.files import load_document, write_atomically
from workshop_kit.trials.result import Verdict
from workshop_kit.workspace.exercise_list import Exercise

HINTS = 3
MAX_BYTES = 16_000_000


class State(StrEnum):
    """The state of an exercise, in the words that people read."""

    PASSED = "passed"
    SHOWN = "solution seen"  # and not passed
    TRIED = "tried"
    NOT_STARTED = "not started"


@dataclass(frozen=True)
class BoardRow:
    """One exercise. ``minutes`` includes the debrief; ``counts``: whether they are part of the lesson's minutes."""

    lesson: str
    id: str
    title: str
    state: State
    minutes: int
    counts: bool
    attempts: int
    hints: int


@dataclass(frozen=True)
class Board:
    """The exercises by lesson. Minutes are those of the exercises that count."""

    exercises: tuple[BoardRow, ...]
    minutes_done: int
    minutes_left: int


class _Entry(BaseModel, extra="allow", strict=True):
    """An entry of the progress file; fields of a newer version stay in it."""


class Guess(_Entry):
    """A locked prediction. ``actual`` is None until the experiment ran."""

    choice: str
    actual: str | None = None


class ExerciseRecord(_Entry):
    """What a participant did for an exercise; times are ISO 8601.

    ``attempts`` is the number of checks, ``hints`` the number of hints that are shown. ``passed_at`` stays once it is
    set. ``verdict`` is the last check's, "" before the first. ``first_hint_number`` is that of the hint shown first,
    0 for the usual order: the last check's findings choose it until a hint is shown. ``answer`` is the value from a
    notebook's cell, as JSON; None while there is none. ``is_reference``: a jump put the solution into the participant's
    file.
    """

    attempts: NonNegativeInt = 0
    passed_at: str | None = None
    hints: NonNegativeInt = 0
    solution_shown: bool = False
    verdict: str = ""
    first_hint_number: NonNegativeInt = 0
    answer: Any = None
    is_reference: bool = False

    @property
    def state(self) -> State:
        """The state of the exercise; one that was passed after its solution was shown is passed, too."""
        if self.passed_at is not None:
            return State.PASSED
        if self.solution_shown:
            return State.SHOWN
        if self.hints or self.verdict not in ("", Verdict.NOT_STARTED):
            return State.TRIED
        return State.NOT_STARTED


class ProgressDocument(_Entry):
    """The whole file: guesses by prediction, policies by lesson, records by exercise."""

    predictions: dict[str, Guess] = {}
    policies: dict[str, list[str]] = {}
    exercises: dict[str, ExerciseRecord] = {}


@dataclass(frozen=True)
class Progress:
    """The progress file. Every change reads it under a lock and replaces it whole, so no change is lost.

    Unknown keys and ids stay in it.
    """

    path: Path

    def guess(self, prediction_id: str) -> Guess | None:
        """Return the locked guess, or None while there is none."""
        return self.document().predictions.get(prediction_id)

    def lock_guess(self, prediction_id: str, choice: str, options: Collection[str] = ()) -> None:
        """Record ``choice`` unless a guess is locked already; a guess that is not among ``options`` is replaced."""
        with self._open_for_change() as document:
            guess = document.predictions.get(prediction_id)
            is_outdated = guess is not None and options and guess.choice not in options
            if guess is None or is_outdated:
                document.predictions[prediction_id] = Guess(choice=choice)

    def record_actual(self, prediction_id: str, actual: str) -> None:
        """Record the experiment's result; without a guess do nothing."""
        if self.guess(prediction_id) is not None:
            with self._open_for_change() as document:
                document.predictions[prediction_id].actual = actual

    def keep_policy(self, lesson: str, sentences: Sequence[str]) -> None:
        """Record the participant's policy of a lesson, in place of an earlier one."""
        with self._open_for_change() as document:
            document.policies[lesson] = list(sentences)

    def exercise(self, exercise_id: str) -> ExerciseRecord:
        """Return the record of an exercise."""
        return self.document().exercises.get(exercise_id, ExerciseRecord())

    def record_check(self, exercise_id: str, verdict: str, first_hint_number: int = 0) -> None:
        """Count an attempt and record its verdict; the time of the first pass stays.

        ``first_hint_number`` is that of the hint for the findings; it stays once a hint is shown.
        """
        with self.record(exercise_id) as record:
            record.attempts += 1
            record.verdict = str(verdict)
            if verdict == Verdict.PASSED:
                record.passed_at = record.passed_at or _time_now()
            if not record.hints:
                record.first_hint_number = first_hint_number

    def note_references(self, exercise_ids: Collection[str]) -> None:
        """Record that a jump has solved these exercises, and no others."""
        with self._open_for_change() as document:
            noted_ids = {name for name, record in document.exercises.items() if record.is_reference}
            for name in {*noted_ids, *exercise_ids}:
                record = document.exercises.setdefault(name, ExerciseRecord())
                record.is_reference = name in exercise_ids

    def keep_answer(self, exercise_id: str, value: Any) -> None:
        """Record the value from a notebook's cell, in place of an earlier one. Raises WrongUsage if it is not JSON."""
        answer = as_json(exercise_id, value)
        with self.record(exercise_id) as record:
            record.answer = answer

    def board(self, exercises: Sequence[Exercise]) -> Board:
        """Return the state of the exercises."""
        records = self.document().exercises
        rows = tuple(_board_row(exercise, records.get(exercise.id, ExerciseRecord())) for exercise in exercises)
        minutes_done, minutes_left = minutes_of(rows)
        return Board(rows, minutes_done, minutes_left)

    def document(self) -> ProgressDocument:
        """Return the document, an empty one without a file. Raises NotReady for a damaged file."""
        try:
            return load_document(self.path, ProgressDocument, max_bytes=MAX_BYTES)
        except FileNotFoundError:
            return ProgressDocument()

    @contextmanager
    def record(self, exercise_id: str) -> Iterator[ExerciseRecord]:
        """Yield the record of an exercise for a change, and write it back."""
        with self._open_for_change() as document:
            yield document.exercises.setdefault(exercise_id, ExerciseRecord())

    @contextmanager
    def _open_for_change(self) -> Iterator[ProgressDocument]:
        """Yield the document for a change and write it back, one writer at a time across threads and processes."""
        with FileLock(self.path.with_name(f".{self.path.name}.lock")):
            document = self.document()
            yield document
            text = document.model_dump_json(indent=2, exclude_defaults=True)
            write_atomically(self.path, f"{text}\n".encode())


def minutes_of(rows: Sequence[BoardRow]) -> tuple[int, int]:
    """Return the minutes done and the minutes left, of the exercises that count."""
    counted_rows = [row for row in rows if row.counts]
    minutes = sum(row.minutes for row in counted_rows)
    minutes_done = sum(row.minutes for row in counted_rows if row.state is State.PASSED)
    return minutes_done, minutes - minutes_done


def _board_row(exercise: Exercise, record: ExerciseRecord) -> BoardRow:
    return BoardRow(
        lesson=exercise.lesson,
        id=exercise.id,
        title=exercise.title,
        state=record.state,
        minutes=exercise.all_minutes,
        counts=exercise.weight == "core",
        attempts=record.attempts,
        hints=record.hints,
    )


def as_json(exercise_id: str, value: Any) -> Any:
    """Return an answer as the file will hold it: as plain JSON data, with None in place of NaN.

    Raises WrongUsage for a value that JSON cannot hold.
    """
    try:
        text = to_json(value, inf_nan_mode="null", fallback=_numpy_as_list)
        return from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise WrongUsage(
            f"The answer of {exercise_id} cannot be kept: {error}.",
            "Hand in plain numbers, texts, lists and dictionaries.",
        ) from error


def _numpy_as_list(array: Any) -> Any:
    return array.tolist()


def _time_now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
