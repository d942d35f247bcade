"""What a participant has done, in one readable file that survives crashes, full disks and hand edits."""

from __future__ import annotations

import fcntl
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workshop_kit.errors import WrongUsage
from workshop_kit.exercises.result import Verdict
from workshop_kit.workspace.files import explain, write_atomically
from workshop_kit.exercises.records import Done, Guess, RUNGS, done_in, guess_in

Document = dict[str, Any]
Tell = Callable[[str], None]


def tell_on_stderr(message: str) -> None:
    """Say ``message`` where it does not mix with what a command prints as its answer."""
    sys.stderr.write(f"{message}\n")


@dataclass(frozen=True)
class Progress:
    """The progress file. Every change reads it afresh and replaces it whole, so that nobody's change is lost.

    What it does not know (unknown keys, unknown ids) it keeps. ``tell`` receives the one message there can be:
    that a damaged file was set aside.
    """

    path: Path
    tell: Tell = tell_on_stderr

    def guess(self, prediction_id: str) -> Guess | None:
        """Return the locked guess, or None while there is none."""
        return guess_in(self.read().get("predictions", {}).get(prediction_id))

    def lock_guess(self, prediction_id: str, choice: str) -> Guess:
        """Record ``choice`` unless a guess is locked already; return the one that counts."""
        with self._changing() as document:
            predictions = document.setdefault("predictions", {})
            locked = guess_in(predictions.get(prediction_id))
            if locked is None:
                locked = Guess(choice, _now())
                predictions[prediction_id] = {"choice": choice, "locked_at": locked.locked_at, "actual": None}
        return locked

    def record_actual(self, prediction_id: str, actual: str) -> Guess | None:
        """Record what the experiment did, and return the guess with it; None (nothing recorded) without a guess."""
        with self._changing() as document:
            entry = document.get("predictions", {}).get(prediction_id)
            guess = guess_in(entry)
            if guess is None:
                return None
            entry.update(actual=actual, revealed_at=_now())
        return Guess(guess.choice, guess.locked_at, actual)

    def keep_policy(self, lesson: str, sentences: Sequence[str]) -> None:
        """Record the policy that the participant wrote in a lesson, in place of an earlier one."""
        with self._changing() as document:
            policies = document.setdefault("policies", {})
            if isinstance(policies, dict):  # a hand edit may have left something else there: it stays
                policies[lesson] = list(sentences)

    def exercise(self, exercise_id: str) -> Done:
        """Return how far an exercise is; what a hand edit left in the wrong shape counts as not there."""
        return done_in(self.read().get("exercises", {}).get(exercise_id))

    def exercises(self) -> dict[str, Done]:
        """Return how far every exercise is that the file knows, by id; ids that nobody knows any more are in it."""
        return {name: done_in(entry) for name, entry in self.read().get("exercises", {}).items()}

    def record_check(self, exercise_id: str, verdict: str, first_hint: str = "") -> Done:
        """Count an attempt and its verdict; the first that passed is kept for good.

        ``first_hint`` is the key of the hint for what was found; once a hint is shown it stays what it is.
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
        return self._record(exercise_id, lambda before: {"hints": min(before.hints + 1, RUNGS)}).hints

    def record_solution(self, exercise_id: str) -> Done:
        """Record that the solution was shown."""
        return self._record(exercise_id, lambda _: {"solution_shown": True})

    def keep_answer(self, exercise_id: str, value: Any) -> Done:
        """Keep what a notebook's cell handed over, in place of an earlier answer. Raises WrongUsage if JSON cannot."""
        return self._record(exercise_id, lambda _: {"answer": _as_json(exercise_id, value)})

    def _record(self, exercise_id: str, changes: Callable[[Done], Document]) -> Done:
        """Write ``changes`` of what an exercise was into its entry, beside what else a newer version keeps there."""
        with self._changing() as document:
            exercises = document.setdefault("exercises", {})
            if not isinstance(exercises.get(exercise_id), dict):
                exercises[exercise_id] = {}
            entry = exercises[exercise_id]
            entry.update(changes(done_in(entry)))
            return done_in(entry)

    def read(self) -> Document:
        """Return the whole document ({} when there is none); sets a damaged file aside and says so.

        Raises NotReady when the file cannot be read.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise explain(error, self.path) from error
        try:
            return _parsed(content)
        except (ValueError, RecursionError):
            self._set_aside()
            return {}

    def _set_aside(self) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
        kept = self.path.with_name(f"{self.path.stem}.damaged-{stamp}{self.path.suffix}")
        try:
            self.path.replace(kept)
        except FileNotFoundError:
            return  # another reader was faster
        except OSError as error:
            raise explain(error, self.path) from error
        self.tell(f"{self.path} could not be read; it is kept as {kept.name} and a new one begins.")

    @contextmanager
    def _changing(self) -> Iterator[Document]:
        """Lend the document for a change and write it back, one writer at a time across threads and processes."""
        try:
            with self.path.with_name(f".{self.path.name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                document = self.read()
                before = _dumped(document)
                yield document
                after = _dumped(document)
                if after != before:
                    write_atomically(self.path, after)
        except OSError as error:
            raise explain(error, self.path) from error


def _as_json(exercise_id: str, value: Any) -> Any:
    """Return ``value`` as it comes back from the file. Raises WrongUsage for what JSON does not know."""
    try:
        return json.loads(_dumped({"": value}), parse_constant=_refuse)[""]
    except (TypeError, ValueError, RecursionError) as error:
        raise WrongUsage(
            f"The answer of {exercise_id} cannot be kept: {error}.",
            "Hand in plain numbers, texts, lists and dictionaries.",
        ) from error


def _parsed(content: bytes) -> Document:
    """Return the document in ``content``; ValueError or RecursionError when it is not one of ours."""
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
