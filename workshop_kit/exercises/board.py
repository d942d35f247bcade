"""The board: the state of each exercise, and the minutes that are done and left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


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
    """The exercises of ``track``, by lesson. Minutes are those of the exercises that count."""

    track: str
    exercises: tuple[BoardRow, ...]
    minutes_done: int
    minutes_left: int


def minutes_of(rows: Sequence[BoardRow]) -> tuple[int, int]:
    """Return the minutes done and the minutes left, of the exercises that count."""
    counted_rows = [row for row in rows if row.counts]
    minutes = sum(row.minutes for row in counted_rows)
    minutes_done = sum(row.minutes for row in counted_rows if row.state is State.PASSED)
    return minutes_done, minutes - minutes_done
