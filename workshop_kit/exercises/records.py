"""What the progress file holds, an entry each, and what is left of an entry that somebody edited by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

RUNGS = 3
"""Hints of an exercise."""


@dataclass(frozen=True)
class Guess:
    """A locked prediction as it was recorded. ``actual`` is None until the experiment ran; times are ISO 8601, UTC."""

    choice: str
    locked_at: str
    actual: str | None = None


@dataclass(frozen=True)
class Done:
    """How far an exercise is. ``attempts`` counts checks; ``hints`` those that are shown, 0 to 3; times are ISO 8601.

    ``verdict`` is what the last check said, ``""`` before the first. ``passed_at`` stays once it is set.
    ``first_hint`` is the key of the hint that goes with what the last check found before a hint was shown.
    ``answer`` is what a notebook's cell handed over, as JSON has it; None while there is none.
    """

    attempts: int = 0
    passed_at: str | None = None
    hints: int = 0
    solution_shown: bool = False
    verdict: str = ""
    first_hint: str = ""
    answer: Any = None


def guess_in(entry: Any) -> Guess | None:
    """Return the guess an entry holds; None when a hand edit left something else there."""
    match entry:
        case {"choice": str(choice), "locked_at": str(locked_at)}:
            actual = entry.get("actual")
            return Guess(choice, locked_at, actual if isinstance(actual, str) else None)
    return None


def done_in(entry: Any) -> Done:
    """Return what an entry says of an exercise, field by field: one that makes no sense is as if it were not there."""
    if not isinstance(entry, dict):
        return Done()
    passed_at, verdict, first_hint = entry.get("passed_at"), entry.get("verdict"), entry.get("first_hint")
    return Done(
        attempts=_count(entry.get("attempts")),
        passed_at=passed_at if isinstance(passed_at, str) and passed_at else None,
        hints=min(_count(entry.get("hints")), RUNGS),
        solution_shown=entry.get("solution_shown") is True,
        verdict=verdict if isinstance(verdict, str) else "",
        first_hint=first_hint if isinstance(first_hint, str) else "",
        answer=entry.get("answer"),
    )


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
