"""The board: the state of every exercise of a track, and the minutes done and left, as data and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from html import escape
from pathlib import Path
from typing import Any

from workshop_kit.display import tables
from workshop_kit.display.rendered import Rendered
from workshop_kit.errors import WrongUsage
from workshop_kit.exercises.progress import ExerciseRecord, Progress
from workshop_kit.exercises.registry import Exercise
from workshop_kit.exercises.result import Verdict
from workshop_kit.workspace.course import TRACKS

STYLE = f"{tables.STYLE}<style>{(Path(__file__).parent / 'board.css').read_text()}</style>"


class State(StrEnum):
    """The state of an exercise, in the words that people read; the symbols differ in shape."""

    PASSED = "passed"
    SHOWN = "solution seen"  # and not passed
    TRIED = "tried"
    NOT_STARTED = "not started"

    @property
    def symbol(self) -> str:
        """One character for it."""
        return {"passed": "✓", "solution seen": "◐", "tried": "▲", "not started": "○"}[self.value]


@dataclass(frozen=True)
class Row:
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
class LessonRow:
    """One lesson: its exercises, and the minutes of those that count on the track."""

    lesson: str
    rows: tuple[Row, ...]
    minutes_done: int
    minutes_left: int

    @property
    def passed(self) -> int:
        """How many of its exercises are passed."""
        return sum(row.state is State.PASSED for row in self.rows)


@dataclass(frozen=True)
class Board:
    """All lessons that have exercises on ``track``, in their order. Minutes are those of exercises and debriefs."""

    track: str
    lessons: tuple[LessonRow, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """All exercises."""
        return tuple(row for lesson in self.lessons for row in lesson.rows)

    @property
    def minutes_done(self) -> int:
        """Minutes of the core exercises that are passed."""
        return sum(lesson.minutes_done for lesson in self.lessons)

    @property
    def minutes_left(self) -> int:
        """Minutes of the core exercises that are not."""
        return sum(lesson.minutes_left for lesson in self.lessons)


def board(exercises: Sequence[Exercise], progress: Progress, track: str = "full") -> Board:
    """Return the state of the exercises of ``track``. Raises WrongUsage for an unknown track."""
    if track not in TRACKS:
        raise WrongUsage(f"There is no track {track!r}.", f"Choose from: {', '.join(TRACKS)}.")
    done = progress.exercises()
    rows = [
        _row(exercise, done.get(exercise.id, ExerciseRecord())) for exercise in exercises if track in exercise.tracks
    ]
    names = sorted({row.lesson for row in rows})
    return Board(track, tuple(_lesson(name, [row for row in rows if row.lesson == name]) for name in names))


def state_of(done: ExerciseRecord) -> State:
    """Return the state of an exercise; passed after the solution was seen is passed, too."""
    if done.passed_at is not None:
        return State.PASSED
    if done.solution_shown:
        return State.SHOWN
    return State.TRIED if done.verdict not in ("", Verdict.NOT_STARTED) or done.hints else State.NOT_STARTED


def render(board: Board, unfolded: str = "") -> Rendered:
    """Return the board: a bar for each lesson with its exercises, folded except in the lesson ``unfolded``."""
    caption = _caption(board)
    lessons = "".join(_lesson_html(lesson, lesson.lesson == unfolded) for lesson in board.lessons)
    html = f'{STYLE}<div class="wk-lessons"><p>{escape(caption)}</p>{lessons}</div>'
    rows = [cells for lesson in board.lessons for cells in (_lesson_cells(lesson), *map(_cells, lesson.rows))]
    return Rendered(html, tables.table(caption, ("Exercise", "State", "Minutes", "Title"), rows).text)


def as_json(board: Board) -> dict[str, Any]:
    """Return the board as plain data for ``--json``: the fields of the dataclasses, with the sums."""
    return {**asdict(board), "minutes_done": board.minutes_done, "minutes_left": board.minutes_left}


def _row(exercise: Exercise, done: ExerciseRecord) -> Row:
    return Row(
        lesson=exercise.lesson,
        id=exercise.id,
        title=exercise.title,
        state=state_of(done),
        minutes=exercise.all_minutes,
        counts=exercise.weight == "core",
        attempts=done.attempts,
        hints=done.hints,
    )


def _lesson(name: str, rows: Sequence[Row]) -> LessonRow:
    counted = [row for row in rows if row.counts]
    done = sum(row.minutes for row in counted if row.state is State.PASSED)
    return LessonRow(name, tuple(rows), done, sum(row.minutes for row in counted) - done)


def _caption(board: Board) -> str:
    if not board.rows:
        return f"The track {board.track} has no exercises."
    aside = "" if all(row.counts for row in board.rows) else ", the extra ones aside"
    return f"Exercises on the track {board.track}: {board.minutes_done} minutes done, {board.minutes_left} left{aside}"


def _lesson_html(lesson: LessonRow, unfolded: bool) -> str:
    passed = f"{lesson.passed} of {len(lesson.rows)} passed"
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{state}</td><td>{minutes}</td><td>{escape(title)}</td></tr>'
        for name, state, minutes, title in map(_cells, lesson.rows)
    )
    return (
        f"<details{' open' if unfolded else ''}><summary><b>{escape(lesson.lesson)}</b>"
        f'<progress value="{lesson.passed}" max="{len(lesson.rows)}" aria-label="{escape(lesson.lesson)}"></progress>'
        f"<span>{passed}</span><span>{_minutes(lesson)}</span></summary>"
        f'<div class="wk-table-frame"><table class="wk-table"><thead><tr><th scope="col">Exercise</th>'
        f'<th scope="col">State</th><th scope="col">Minutes</th><th scope="col">Title</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div></details>"
    )


def _lesson_cells(lesson: LessonRow) -> tuple[str, str, str, str]:
    bar = "▰" * lesson.passed + "▱" * (len(lesson.rows) - lesson.passed)
    return lesson.lesson, f"{lesson.passed} of {len(lesson.rows)} passed", _minutes(lesson), bar


def _minutes(lesson: LessonRow) -> str:
    return f"{lesson.minutes_done} min done, {lesson.minutes_left} left"


def _cells(row: Row) -> tuple[str, str, str, str]:
    minutes = str(row.minutes) if row.counts else f"{row.minutes} extra"
    return row.id, f"{row.state.symbol} {row.state}", minutes, row.title
