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

from workshop_kit.learn.files import explain, write_atomically

Document = dict[str, Any]
Tell = Callable[[str], None]


def tell_on_stderr(message: str) -> None:
    """Say ``message`` where it does not mix with what a command prints as its answer."""
    sys.stderr.write(f"{message}\n")


@dataclass(frozen=True)
class Guess:
    """A locked prediction as it was recorded. ``actual`` is None until the experiment ran; times are ISO 8601, UTC."""

    choice: str
    locked_at: str
    actual: str | None = None


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
        return _guess_in(self.read().get("predictions", {}).get(prediction_id))

    def lock_guess(self, prediction_id: str, choice: str) -> Guess:
        """Record ``choice`` unless a guess is locked already; return the one that counts."""
        with self._changing() as document:
            predictions = document.setdefault("predictions", {})
            locked = _guess_in(predictions.get(prediction_id))
            if locked is None:
                locked = Guess(choice, _now())
                predictions[prediction_id] = {"choice": choice, "locked_at": locked.locked_at, "actual": None}
        return locked

    def record_actual(self, prediction_id: str, actual: str) -> Guess | None:
        """Record what the experiment did, and return the guess with it; None (nothing recorded) without a guess."""
        with self._changing() as document:
            entry = document.get("predictions", {}).get(prediction_id)
            guess = _guess_in(entry)
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


def _guess_in(entry: Any) -> Guess | None:
    """Return the guess an entry holds; None when a hand edit left something else there."""
    match entry:
        case {"choice": str(choice), "locked_at": str(locked_at)}:
            actual = entry.get("actual")
            return Guess(choice, locked_at, actual if isinstance(actual, str) else None)
    return None


def _parsed(content: bytes) -> Document:
    """Return the document in ``content``; ValueError or RecursionError when it is not one of ours."""
    document = json.loads(content, parse_constant=_refuse)
    if not isinstance(document, dict) or not isinstance(document.get("predictions", {}), dict):
        raise ValueError("not a progress document")
    _dumped(document)  # lone surrogates read well and cannot be written back
    return document


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _dumped(document: Document) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
