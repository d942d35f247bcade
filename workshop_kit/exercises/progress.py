"""The progress file: checks, hints, answers and predictions of a participant. It survives crashes and hand edits."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

from filelock import FileLock
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from workshop_kit.errors import WrongUsage
from workshop_kit.exercises.result import Verdict
from workshop_kit.workspace.files import explain, read_small, write_atomically

Document = dict[str, Any]
HINTS = 3
"""Hints of an exercise."""
MAX_BYTES = 16_000_000


class _Entry(BaseModel):
    """An entry of the progress file. A field of the wrong type, left by a hand edit, counts as absent."""

    model_config = ConfigDict(frozen=True, strict=True)

    @field_validator("*", mode="wrap")
    @classmethod
    def _default_for_wrong_type(cls, value: Any, validate: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        try:
            return validate(value)
        except ValidationError:
            field = cls.model_fields[info.field_name or ""]
            if field.is_required():
                raise
            return field.default


class Guess(_Entry):
    """A locked prediction. ``actual`` is None until the experiment ran; times are ISO 8601, UTC."""

    choice: str
    locked_at: str
    actual: str | None = None


class ExerciseRecord(_Entry):
    """The state of an exercise. ``attempts`` counts checks; ``hints`` those that are shown, 0 to 3; times are ISO 8601.

    ``verdict`` is the last check's, ``""`` before the first. ``passed_at`` stays once it is set. ``first_hint`` is the
    key of the hint for the last check's findings before a hint was shown. ``answer`` is the value from a notebook's
    cell, as JSON; None while there is none.
    """

    attempts: Annotated[int, Field(ge=0)] = 0
    passed_at: Annotated[str, Field(min_length=1)] | None = None
    hints: Annotated[int, Field(ge=0), AfterValidator(lambda number: min(number, HINTS))] = 0
    solution_shown: bool = False
    verdict: str = ""
    first_hint: str = ""
    answer: Any = None


def guess_in(entry: Any) -> Guess | None:
    """Return the guess in an entry; None when a hand edit left something else there."""
    try:
        return Guess.model_validate(entry)
    except ValidationError:
        return None


def record_in(entry: Any) -> ExerciseRecord:
    """Return the record in an entry; an entry that is no object counts as absent."""
    return ExerciseRecord.model_validate(entry if isinstance(entry, dict) else {})


@dataclass(frozen=True)
class Progress:
    """The progress file. Every change reads it under a lock and replaces it whole, so no change is lost.

    Unknown keys and ids stay in it.
    """

    path: Path

    def guess(self, prediction_id: str) -> Guess | None:
        """Return the locked guess, or None while there is none."""
        return guess_in(self.read().get("predictions", {}).get(prediction_id))

    def lock_guess(self, prediction_id: str, choice: str) -> Guess:
        """Record ``choice`` unless a guess is locked already; return the one that counts."""
        with self._changing() as document:
            predictions = document.setdefault("predictions", {})
            locked = guess_in(predictions.get(prediction_id))
            if locked is None:
                locked = Guess(choice=choice, locked_at=_now())
                predictions[prediction_id] = {"choice": choice, "locked_at": locked.locked_at, "actual": None}
        return locked

    def record_actual(self, prediction_id: str, actual: str) -> Guess | None:
        """Record the experiment's result, and return the guess with it; without a guess record nothing, return None."""
        with self._changing() as document:
            entry = document.get("predictions", {}).get(prediction_id)
            guess = guess_in(entry)
            if guess is None:
                return None
            entry.update(actual=actual, revealed_at=_now())
        return guess.model_copy(update={"actual": actual})

    def keep_policy(self, lesson: str, sentences: Sequence[str]) -> None:
        """Record the participant's policy of a lesson, in place of an earlier one."""
        with self._changing() as document:
            policies = document.setdefault("policies", {})
            if isinstance(policies, dict):  # a hand edit may have left something else there: it stays
                policies[lesson] = list(sentences)

    def exercise(self, exercise_id: str) -> ExerciseRecord:
        """Return the record of an exercise."""
        return record_in(self.read().get("exercises", {}).get(exercise_id))

    def exercises(self) -> dict[str, ExerciseRecord]:
        """Return all records by id, those of unknown exercises, too."""
        return {name: record_in(entry) for name, entry in self.read().get("exercises", {}).items()}

    def record_check(self, exercise_id: str, verdict: str, first_hint: str = "") -> ExerciseRecord:
        """Count an attempt and its verdict; the time of the first pass stays.

        ``first_hint`` is the key of the hint for the findings; it stays once a hint is shown.
        """
        now = _now() if verdict == Verdict.PASSED else None
        return self._record(
            exercise_id,
            lambda before: {
                "attempts": before.attempts + 1,
                "passed_at": before.passed_at or now,
                "verdict": str(verdict),
                "first_hint": before.first_hint if before.hints else first_hint,
            },
        )

    def next_hint(self, exercise_id: str) -> int:
        """Show one more hint; return how many are shown now, from 1 to 3."""
        return self._record(exercise_id, lambda before: {"hints": min(before.hints + 1, HINTS)}).hints

    def record_solution(self, exercise_id: str) -> ExerciseRecord:
        """Record that the solution was shown."""
        return self._record(exercise_id, lambda _: {"solution_shown": True})

    def keep_answer(self, exercise_id: str, value: Any) -> ExerciseRecord:
        """Record the value from a notebook's cell, in place of an earlier one. Raises WrongUsage if it is not JSON."""
        return self._record(exercise_id, lambda _: {"answer": as_json(exercise_id, value)})

    def _record(self, exercise_id: str, changes: Callable[[ExerciseRecord], Document]) -> ExerciseRecord:
        """Write ``changes`` into the entry of an exercise; fields of a newer version stay."""
        with self._changing() as document:
            exercises = document.setdefault("exercises", {})
            if not isinstance(exercises.get(exercise_id), dict):
                exercises[exercise_id] = {}
            entry = exercises[exercise_id]
            entry.update(changes(record_in(entry)))
            return record_in(entry)

    def read(self) -> Document:
        """Return the whole document ({} when there is none); set a damaged file aside, and say so on stderr.

        Raises NotReady when the file cannot be read.
        """
        try:
            return _parsed(read_small(self.path, max_bytes=MAX_BYTES))
        except FileNotFoundError:
            return {}
        except (ValueError, RecursionError):
            self._set_aside()
            return {}

    def _set_aside(self) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
        damaged = self.path.with_name(f"{self.path.stem}.damaged-{stamp}{self.path.suffix}")
        try:
            self.path.replace(damaged)
        except FileNotFoundError:
            return  # another reader was faster
        except OSError as error:
            raise explain(error, self.path) from error
        sys.stderr.write(f"{self.path} could not be read; it is kept as {damaged.name} and a new one begins.\n")

    @contextmanager
    def _changing(self) -> Iterator[Document]:
        """Yield the document for a change and write it back, one writer at a time across threads and processes."""
        try:
            with FileLock(self.path.with_name(f".{self.path.name}.lock")):
                document = self.read()
                before = _dumped(document)
                yield document
                after = _dumped(document)
                if after != before:
                    write_atomically(self.path, after)
        except OSError as error:
            raise explain(error, self.path) from error


def as_json(exercise_id: str, value: Any) -> Any:
    """Return ``value`` as it comes back from the file. Raises WrongUsage for a value that JSON lacks."""
    try:
        return json.loads(_dumped({"": _plain(value)}))[""]
    except (TypeError, ValueError, RecursionError) as error:
        raise WrongUsage(
            f"The answer of {exercise_id} cannot be kept: {error}.",
            "Hand in plain numbers, texts, lists and dictionaries.",
        ) from error


def _plain(value: Any) -> Any:
    """Return times, sets and values of NumPy and pandas as text, numbers and lists. Raises TypeError for others."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case date():  # also a Timestamp of pandas
            return value.isoformat()
        case Mapping():
            return {str(key): _plain(one) for key, one in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(one) for one in value]
    if not hasattr(value, "tolist"):
        raise TypeError(f"it has a value of type {type(value).__name__}")
    return _plain(value.tolist())


def _parsed(content: bytes) -> Document:
    """Return the document in ``content``. Raises ValueError or RecursionError when it is no progress document."""
    document = json.loads(content, parse_constant=_refuse)
    if not isinstance(document, dict):
        raise ValueError("not a document")
    if not all(isinstance(document.get(key, {}), dict) for key in ("predictions", "exercises")):
        raise ValueError("not a progress document")
    _dumped(document)  # lone surrogates read well and cannot be written back
    return document


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _dumped(document: Document) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
