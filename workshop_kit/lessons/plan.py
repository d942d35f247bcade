"""A timetable from the content's minutes: which lesson when, with breaks between lessons. Data first, then texts of it.

Moments are minutes since midnight. Whoever changes a lesson's minutes in exercises.toml changes the timetable with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from workshop_kit.errors import WrongUsage
from workshop_kit.workspace.course import TRACKS, Course, ExerciseTime, Lesson

DAY_MINUTES = 24 * 60
LUNCH_FROM, LUNCH_BEST, LUNCH_UNTIL = 11 * 60, 12 * 60 + 15, 14 * 60
"""When people eat: a break that begins in this time may become the lunch, the one nearest to the middle does."""
LUNCH_TRACKS = ("full",)


@dataclass(frozen=True)
class Pauses:
    """What the breaks are like, in minutes: after at most ``after`` of lessons one of ``length``; ``lunch`` 0: none."""

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
        """When it is over."""
        return self.start + self.minutes

    @property
    def core(self) -> tuple[ExerciseTime, ...]:
        """The exercises that everybody does."""
        return tuple(exercise for exercise in self.exercises if exercise.weight == "core")

    @property
    def extra(self) -> tuple[ExerciseTime, ...]:
        """Exercises for whoever is quick, outside the lesson's minutes."""
        return tuple(exercise for exercise in self.exercises if exercise.weight != "core")

    @property
    def telling_minutes(self) -> int:
        """What the core exercises and their debriefs leave of the lesson, for telling and for experiments."""
        return self.minutes - sum(exercise.all_minutes for exercise in self.core)


@dataclass(frozen=True)
class Plan:
    """The timetable of one track."""

    track: str
    blocks: tuple[Block, ...]

    @property
    def start(self) -> int:
        """When it begins."""
        return self.blocks[0].start

    @property
    def end(self) -> int:
        """When it is over."""
        return self.blocks[-1].end

    @property
    def lesson_minutes(self) -> int:
        """The minutes of all lessons, without the breaks."""
        return sum(block.minutes for block in self.blocks if block.kind == "lesson")


def plan(course: Course, track: str, start: str, pauses: Pauses | None = None) -> Plan:
    """Return the timetable of ``track`` from ``start`` (``"09:30"``).

    Raises WrongUsage for an unknown track, a moment that no clock shows, odd pauses, or an end after midnight.
    """
    pauses = pauses or Pauses()
    if track not in course.tracks:
        raise WrongUsage(f"There is no track {track!r}.", f"Choose from: {', '.join(TRACKS)}.")
    _require_lengths(pauses)
    begin = minutes_of(start)
    blocks = _placed(begin, [_lesson_block(lesson, course.exercises, track) for lesson in course.lessons], pauses)
    if track in LUNCH_TRACKS and pauses.lunch:
        blocks = _placed(begin, _with_lunch(blocks, pauses.lunch), None)
    if blocks[-1].end > DAY_MINUTES:
        latest = DAY_MINUTES - (blocks[-1].end - begin)
        step = f"Begin by {clock(latest)}, or choose a shorter track." if latest >= 0 else "Make the breaks shorter."
        raise WrongUsage(f"The track {track}, begun at {start}, ends after midnight.", step)
    return Plan(track, tuple(blocks))


def minutes_of(moment: str) -> int:
    """Return a clock's moment in minutes since midnight. Raises WrongUsage for one that no clock shows.

    >>> minutes_of("09:30")
    570
    """
    found = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", moment.strip())
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise WrongUsage(f"{moment!r} is no time of day.", "Write hours and minutes, as in 09:30.")
    return int(found[1]) * 60 + int(found[2])


def clock(moment: int) -> str:
    """Return minutes since midnight as a clock shows them.

    >>> clock(570)
    '09:30'
    """
    return f"{moment // 60:02}:{moment % 60:02}"


def as_json(made: Plan) -> dict[str, Any]:
    """Return the timetable as plain data for ``--json``; ``minutes`` of a lesson hold its core exercises'."""
    return {
        "track": made.track,
        "start": clock(made.start),
        "end": clock(made.end),
        "lesson_minutes": made.lesson_minutes,
        "pause_minutes": made.end - made.start - made.lesson_minutes,
        "blocks": [_block_data(block) for block in made.blocks],
    }


def _require_lengths(pauses: Pauses) -> None:
    for name, value in asdict(pauses).items():
        least = 1 if name == "after" else 0
        if not least <= value <= DAY_MINUTES:
            raise WrongUsage(f"{value} minutes is no length for a pause or a stretch.", f"Write {least} or more.")


def _lesson_block(lesson: Lesson, exercises: Sequence[ExerciseTime], track: str) -> Block:
    own = [exercise for exercise in exercises if exercise.lesson == lesson.name and track in exercise.tracks]
    own.sort(key=lambda exercise: exercise.weight != "core")
    return Block("lesson", 0, lesson.minutes.get(track, 0), lesson.title, lesson.name, tuple(own))


def _placed(begin: int, blocks: Sequence[Block], pauses: Pauses | None) -> list[Block]:
    """Give every block its moment; with ``pauses``, put a break before a lesson that would make the stretch too long.

    A break falls between lessons, so a lesson longer than a stretch may be stands alone.
    """
    now, stretch, placed = begin, 0, []
    for block in blocks:
        if not block.minutes:  # the track does not have this lesson
            continue
        if pauses and pauses.length and stretch and stretch + block.minutes > pauses.after:
            placed.append(Block("break", now, pauses.length, "Break"))
            now, stretch = now + pauses.length, 0
        placed.append(replace(block, start=now))
        now, stretch = now + block.minutes, stretch + block.minutes
    return placed


def _with_lunch(blocks: Sequence[Block], minutes: int) -> list[Block]:
    """Make the break that is nearest to noon a lunch; none where nobody eats, or where no break is."""
    near = [block for block in blocks if block.kind == "break" and LUNCH_FROM <= block.start <= LUNCH_UNTIL]
    if not near:
        return list(blocks)
    chosen = min(near, key=lambda block: abs(block.start - LUNCH_BEST))
    lunch = replace(chosen, kind="lunch", title="Lunch", minutes=minutes)
    return [lunch if block is chosen else block for block in blocks]


def _block_data(block: Block) -> dict[str, Any]:
    data: dict[str, Any] = {
        "kind": block.kind,
        "start": clock(block.start),
        "end": clock(block.end),
        "minutes": block.minutes,
        "title": block.title,
    }
    if block.kind == "lesson":
        data |= {"lesson": block.lesson, "telling_minutes": block.telling_minutes}
        data["exercises"] = list(map(_exercise_data, block.exercises))
    return data


def _exercise_data(exercise: ExerciseTime) -> dict[str, Any]:
    names = ("id", "title", "weight", "minutes", "debrief_minutes")
    return {name: getattr(exercise, name) for name in names}


def rows(made: Plan) -> Iterator[tuple[str, str, str, str]]:
    """Yield what a table of the timetable says: when, how long, what, and the exercises with their minutes."""
    for block in made.blocks:
        parts = [f"{one.id} {one.minutes} + {one.debrief_minutes}" for one in block.core]
        if block.extra:
            parts.append(f"{len(block.extra)} extra")
        what = f"{block.lesson}: {block.title}" if block.lesson else block.title
        yield f"{clock(block.start)}–{clock(block.end)}", str(block.minutes), what, ", ".join(parts)
