"""The timetable of a track: when each lesson begins, with breaks between lessons, as data, text, and Markdown.

Lengths come from exercises.toml. Times of day are minutes since midnight.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from workshop_kit.display.tables import table
from workshop_kit.errors import WrongUsage
from workshop_kit.workspace.course import TRACKS, Course, ExerciseTime, Lesson

DAY_MINUTES = 24 * 60
LUNCH_FROM, LUNCH_BEST, LUNCH_UNTIL = 11 * 60, 12 * 60 + 15, 14 * 60
"""A break that begins between the first and the last becomes lunch: the one nearest to the second."""
LUNCH_TRACKS = ("full",)
COLUMNS = ("Time", "Minutes", "What", "Exercises")
LEGEND = "8 + 4: minutes to do it, and to talk about it; both are part of the lesson's. Extra ones are optional."


@dataclass(frozen=True)
class Breaks:
    """Breaks in minutes: one of ``length`` after at most ``after`` of lessons; 0 means none, also for ``lunch``."""

    after: int = 90
    length: int = 15
    lunch: int = 60


@dataclass(frozen=True)
class Block:
    """One row of the timetable. ``lesson`` is a notebook's name, "" for a break.

    ``exercises`` are those of the track, the core ones first; only these are part of the lesson's minutes.
    """

    kind: Literal["lesson", "break", "lunch"]
    start: int
    minutes: int
    title: str
    lesson: str = ""
    exercises: tuple[ExerciseTime, ...] = ()

    @property
    def end(self) -> int:
        """The time of its end."""
        return self.start + self.minutes

    @property
    def core(self) -> tuple[ExerciseTime, ...]:
        """The exercises that every participant does."""
        return tuple(exercise for exercise in self.exercises if exercise.weight == "core")

    @property
    def extra(self) -> tuple[ExerciseTime, ...]:
        """Exercises for fast participants, outside the lesson's minutes."""
        return tuple(exercise for exercise in self.exercises if exercise.weight != "core")

    @property
    def telling_minutes(self) -> int:
        """The lesson's minutes without its core exercises and their debriefs."""
        return self.minutes - sum(exercise.all_minutes for exercise in self.core)


@dataclass(frozen=True)
class Timetable:
    """The timetable of one track."""

    track: str
    blocks: tuple[Block, ...]

    @property
    def start(self) -> int:
        """The time of its start."""
        return self.blocks[0].start

    @property
    def end(self) -> int:
        """The time of its end."""
        return self.blocks[-1].end

    @property
    def lesson_minutes(self) -> int:
        """The minutes of all lessons, without the breaks."""
        return sum(block.minutes for block in self.blocks if block.kind == "lesson")


def timetable(course: Course, track: str, start: str, breaks: Breaks | None = None) -> Timetable:
    """Return the timetable of ``track`` from ``start`` (``"09:30"``).

    Raises WrongUsage for an unknown track, an invalid time or pause, and an end after midnight.
    """
    breaks = breaks or Breaks()
    if track not in course.tracks:
        raise WrongUsage(f"There is no track {track!r}.", f"Choose from: {', '.join(TRACKS)}.")
    if breaks.after < 1 or min(breaks.length, breaks.lunch) < 0:
        raise WrongUsage("A break or a stretch of lessons cannot be that short.", "Write 1 minute or more.")
    begin = minutes_of(start)
    blocks = _placed(begin, [_lesson_block(lesson, course.exercises, track) for lesson in course.lessons], breaks)
    if track in LUNCH_TRACKS and breaks.lunch:
        blocks = _placed(begin, _with_lunch(blocks, breaks.lunch), None)
    if blocks[-1].end > DAY_MINUTES:
        latest = DAY_MINUTES - (blocks[-1].end - begin)
        step = f"Begin by {clock(latest)}, or choose a shorter track." if latest >= 0 else "Make the breaks shorter."
        raise WrongUsage(f"The track {track}, begun at {start}, ends after midnight.", step)
    return Timetable(track, tuple(blocks))


def minutes_of(moment: str) -> int:
    """Return a time of day in minutes since midnight. Raises WrongUsage for an invalid one.

    >>> minutes_of("09:30")
    570
    """
    found = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", moment.strip())
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise WrongUsage(f"{moment!r} is no time of day.", "Write hours and minutes, as in 09:30.")
    return int(found[1]) * 60 + int(found[2])


def clock(moment: int) -> str:
    """Return minutes since midnight as a time of day.

    >>> clock(570)
    '09:30'
    """
    return f"{moment // 60:02}:{moment % 60:02}"


def as_json(timetable: Timetable) -> dict[str, Any]:
    """Return the timetable as plain data for ``--json``; a lesson's ``minutes`` include its core exercises."""
    return {
        "track": timetable.track,
        "start": clock(timetable.start),
        "end": clock(timetable.end),
        "lesson_minutes": timetable.lesson_minutes,
        "pause_minutes": timetable.end - timetable.start - timetable.lesson_minutes,
        "blocks": [_block_data(block) for block in timetable.blocks],
    }


def _lesson_block(lesson: Lesson, exercises: Sequence[ExerciseTime], track: str) -> Block:
    own = [exercise for exercise in exercises if exercise.lesson == lesson.name and track in exercise.tracks]
    own.sort(key=lambda exercise: exercise.weight != "core")
    return Block("lesson", 0, lesson.minutes.get(track, 0), lesson.title, lesson.name, tuple(own))


def _placed(begin: int, blocks: Sequence[Block], breaks: Breaks | None) -> list[Block]:
    """Set the start of every block; with ``breaks``, add a break before a lesson that exceeds ``breaks.after``.

    Breaks fall between lessons only, so a lesson may be longer than ``breaks.after``.
    """
    now, stretch, placed = begin, 0, []
    for block in blocks:
        if not block.minutes:  # not part of the track
            continue
        if breaks and breaks.length and stretch and stretch + block.minutes > breaks.after:
            placed.append(Block("break", now, breaks.length, "Break"))
            now, stretch = now + breaks.length, 0
        placed.append(replace(block, start=now))
        now, stretch = now + block.minutes, stretch + block.minutes
    return placed


def _with_lunch(blocks: Sequence[Block], minutes: int) -> list[Block]:
    """Turn the break that is nearest to noon into lunch, if there is one at lunch time."""
    near = [block for block in blocks if block.kind == "break" and LUNCH_FROM <= block.start <= LUNCH_UNTIL]
    if not near:
        return list(blocks)
    chosen = min(near, key=lambda block: abs(block.start - LUNCH_BEST))
    lunch = replace(chosen, kind="lunch", title="Lunch", minutes=minutes)
    return [lunch if block is chosen else block for block in blocks]


def _block_data(block: Block) -> dict[str, Any]:
    times = {"start": clock(block.start), "end": clock(block.end), "minutes": block.minutes}
    data: dict[str, Any] = {"kind": block.kind, **times, "title": block.title}
    if block.kind == "lesson":
        names = ("id", "title", "weight", "minutes", "debrief_minutes")
        exercises = [{name: getattr(exercise, name) for name in names} for exercise in block.exercises]
        data |= {"lesson": block.lesson, "telling_minutes": block.telling_minutes, "exercises": exercises}
    return data


def rows(timetable: Timetable) -> Iterator[tuple[str, str, str, str]]:
    """Yield the rows of the table: time, minutes, lesson, and exercises with their minutes."""
    for block in timetable.blocks:
        parts = [f"{one.id} {one.minutes} + {one.debrief_minutes}" for one in block.core]
        if block.extra:
            parts.append(f"{len(block.extra)} extra")
        what = f"{block.lesson}: {block.title}" if block.lesson else block.title
        yield f"{clock(block.start)}–{clock(block.end)}", str(block.minutes), what, ", ".join(parts)


def as_text(timetable: Timetable) -> str:
    """Return the timetable as a text table with a legend."""
    return f"{table(_caption(timetable), COLUMNS, list(rows(timetable)))}\n{LEGEND}"


def as_markdown(timetable: Timetable) -> str:
    """Return the timetable as Markdown: the table, then the exercises by lesson."""
    lines = [f"## {_caption(timetable)}", "", *map(_row, [COLUMNS, ("---", "---:", "---", "---"), *rows(timetable)])]
    lines += ["", LEGEND]
    for block in timetable.blocks:
        if block.exercises:
            lines += ["", f"**{block.lesson}** ({block.telling_minutes} minutes for talk and experiments)", ""]
        for exercise in block.exercises:
            aside = "" if exercise.weight == "core" else ", extra"
            times = f"{exercise.minutes} + {exercise.debrief_minutes}{aside}"
            lines.append(f"- `{exercise.id}` {exercise.title} ({times})")
    return "\n".join(lines)


def _caption(timetable: Timetable) -> str:
    breaks = timetable.end - timetable.start - timetable.lesson_minutes
    return (
        f"Track {timetable.track}, {clock(timetable.start)} to {clock(timetable.end)}: "
        f"{timetable.lesson_minutes} minutes of lessons, {breaks} of breaks"
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
