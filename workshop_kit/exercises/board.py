"""The board: the state of every exercise of a track, and the minutes done and left, as data and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from itertools import groupby
from pathlib import Path

from workshop_kit.display.rendered import Rendered, table
from workshop_kit.exercises.progress import ExerciseRecord, Progress
from workshop_kit.exercises.registry import Exercise
from workshop_kit.exercises.result import Verdict
from workshop_kit.workspace.course import find_track

STYLE = f"<style>{(Path(__file__).parent / 'board.css').read_text()}</style>"
COLUMNS = ("Exercise", "State", "Minutes", "Title")


class State(StrEnum):
    """The state of an exercise, in the words that people read."""

    PASSED = "passed"
    SHOWN = "solution seen"  # and not passed
    TRIED = "tried"
    NOT_STARTED = "not started"


SYMBOLS = {State.PASSED: "✓", State.SHOWN: "◐", State.TRIED: "▲", State.NOT_STARTED: "○"}
"""The symbol of each state, different in shape."""


@dataclass(frozen=True)
class BoardRow:
    """One exercise. ``minutes`` includes the debrief; ``counts``: whether they are part of the track's minutes."""

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


def board(exercises: Sequence[Exercise], progress: Progress, track: str = "full") -> Board:
    """Return the state of the exercises of ``track``. Raises WrongUsage for an unknown track."""
    wanted, done = find_track(track), progress.document().exercises
    rows = [
        BoardRow(
            lesson=one.lesson,
            id=one.id,
            title=one.title,
            state=state_of(record := done.get(one.id, ExerciseRecord())),
            minutes=one.all_minutes,
            counts=one.weight == "core",
            attempts=record.attempts,
            hints=record.hints,
        )
        for one in exercises
        if wanted in one.tracks
    ]
    return Board(track, tuple(rows), *_minutes_of(rows))


def state_of(done: ExerciseRecord) -> State:
    """Return the state of an exercise; passed after the solution was seen is passed, too."""
    if done.passed_at is not None:
        return State.PASSED
    if done.solution_shown:
        return State.SHOWN
    return State.TRIED if done.verdict not in ("", Verdict.NOT_STARTED) or done.hints else State.NOT_STARTED


def render(board: Board, unfolded: str = "") -> Rendered:
    """Return the board: a bar for each lesson with its exercises, folded except in the lesson ``unfolded``."""
    caption = f"The track {board.track} has no exercises."
    if board.exercises:
        aside = "" if all(row.counts for row in board.exercises) else ", the extra ones aside"
        minutes = f"{board.minutes_done} minutes done, {board.minutes_left} left{aside}"
        caption = f"Exercises on the track {board.track}: {minutes}"
    lessons = {name: tuple(rows) for name, rows in groupby(board.exercises, lambda row: row.lesson)}
    bars = "".join(_lesson_html(name, rows, name == unfolded) for name, rows in lessons.items())
    html = f'{STYLE}<div class="wk-lessons"><p>{escape(caption)}</p>{bars}</div>'
    rows = [cells for name, rows in lessons.items() for cells in (_lesson_cells(name, rows), *map(_cells, rows))]
    return Rendered(html, table(caption, COLUMNS, rows).text)


def _minutes_of(rows: Sequence[BoardRow]) -> tuple[int, int]:
    """Return the minutes done and left, of exercises that count."""
    done = sum(row.minutes for row in rows if row.counts and row.state is State.PASSED)
    return done, sum(row.minutes for row in rows if row.counts) - done


def _passed(rows: Sequence[BoardRow]) -> int:
    return sum(row.state is State.PASSED for row in rows)


def _lesson_html(name: str, rows: Sequence[BoardRow], unfolded: bool) -> str:
    _, passed, minutes, _ = _lesson_cells(name, rows)
    exercises = table(f"Exercises of {name}", COLUMNS, [_cells(row) for row in rows])
    return (
        f"<details{' open' if unfolded else ''}><summary><b>{escape(name)}</b>"
        f'<progress value="{_passed(rows)}" max="{len(rows)}" aria-label="{escape(name)}"></progress>'
        f"<span>{passed}</span><span>{minutes}</span></summary>{exercises.html}</details>"
    )


def _lesson_cells(name: str, rows: Sequence[BoardRow]) -> tuple[str, str, str, str]:
    passed, total = _passed(rows), len(rows)
    done, left = _minutes_of(rows)
    minutes = f"{done} min done, {left} left"
    return name, f"{passed} of {total} passed", minutes, "▰" * passed + "▱" * (total - passed)


def _cells(row: BoardRow) -> tuple[str, str, str, str]:
    minutes = str(row.minutes) if row.counts else f"{row.minutes} extra"
    return row.id, f"{SYMBOLS[row.state]} {row.state}", minutes, row.title
