"""The timetable of a track: welcome, lessons with the headings to stop at, demo, breaks, buffer and wrap-up.

Lengths come from exercises.toml. Times of day are minutes since midnight. `late` says what to cut.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Literal

from workshop_kit.display.rendered import table
from workshop_kit.errors import WrongUsage
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import Course, ExerciseTime, LessonTime, Section, Track, find_track

DAY_MINUTES = 24 * 60
NOON = 12 * 60 + 15
CAPTION = "Track {track}, {start} to {end}: {minutes} minutes, {lesson_minutes} of them lessons, {break_minutes} breaks"
CAPTION_OF_DAYS = (
    "Track {track}, {days} days from {start}: {minutes} minutes, "
    "{lesson_minutes} of them lessons, {break_minutes} breaks"
)
COLUMNS = ("Time", "Minutes", "What", "Exercises")
LEGEND = "8 + 4: minutes to do it, and to talk about it; both are part of the lesson's. Extra ones are optional."
TAKE_HOME = "To take home: the folder my_service/, and the page take-home.md, which w.take_home writes in 06_audit."
DEMO = CHECKOUT / "workshop_room" / "desk" / "demo.toml"
GAME_DAY = "05_game_day"


@dataclass(frozen=True)
class Block:
    """One row of the timetable. ``lesson`` is a notebook's name, "" where none is open.

    ``exercises`` are those of the track, the core ones first; only these are part of the lesson's minutes. ``sections``
    are the lesson's in this block; those without minutes on the track are skipped.
    """

    kind: Literal["welcome", "lesson", "demo", "visit", "break", "lunch", "buffer", "wrap-up"]
    minutes: int
    title: str
    start: int = 0
    day: int = 1
    lesson: str = ""
    track: str = ""
    exercises: tuple[ExerciseTime, ...] = ()
    sections: tuple[Section, ...] = ()

    @property
    def end(self) -> int:
        """The time of its end."""
        return self.start + self.minutes

    @property
    def core(self) -> tuple[ExerciseTime, ...]:
        """The exercises that every participant does."""
        return tuple(exercise for exercise in self.exercises if exercise.weight == "core")

    @property
    def telling_minutes(self) -> int:
        """The block's minutes without its core exercises and their debriefs."""
        return self.minutes - sum(exercise.all_minutes for exercise in self.core)

    @property
    def stops(self) -> tuple[tuple[int, str], ...]:
        """The time and the heading at which each section of the track begins."""
        track_sections = [part for part in self.sections if self.track in part.minutes]
        times = accumulate((part.minutes[self.track] for part in track_sections), initial=self.start)
        return tuple((time, part.heading) for time, part in zip(times, track_sections, strict=False))

    @property
    def skipped(self) -> tuple[str, ...]:
        """The headings of the sections that the track skips."""
        return tuple(part.heading for part in self.sections if self.track not in part.minutes)


def timetable(course: Course, track: str, start: str) -> list[Block]:
    """Return the timetable of ``track`` from ``start`` (``"09:30"``).

    Raises WrongUsage for an unknown track, an invalid time, and an end after midnight.
    """
    chosen_track = course.tracks[find_track(track)]
    begin = minutes_of(start)
    blocks: list[Block] = []

    for day, work in enumerate(_days(course, chosen_track), start=1):
        day_blocks = _placed(begin, work)
        if chosen_track.lunch_minutes:
            day_blocks = _placed(begin, _with_lunch(day_blocks, chosen_track.lunch_minutes))
        if day_blocks[-1].end > DAY_MINUTES:
            latest = DAY_MINUTES - (day_blocks[-1].end - begin)
            step = f"Begin by {clock(latest)}, or choose a shorter track."
            raise WrongUsage(f"The track {track}, begun at {start}, ends after midnight.", step)
        blocks += [replace(block, day=day) for block in day_blocks]

    return blocks


def _days(course: Course, track: Track) -> Iterator[list[Block]]:
    """Yield the blocks of each day: the first one has the welcome, the last one the buffer and the wrap-up."""
    work = list(_work(course, track))
    lessons = [block.lesson for block in work]
    cut = lessons.index(track.second_day) if track.second_day else len(work)
    opening = [Block("welcome", track.welcome, "Welcome and set-up"), *_with_breaks(work[:cut], track)]
    closing = [Block("buffer", track.buffer, "Buffer: what took longer, and questions"), _wrap_up(course, track)]
    if cut == len(work):
        yield opening + closing
    else:
        yield opening
        yield _with_breaks(work[cut:], track) + closing


def minutes_of(moment: str) -> int:
    """Return a time of day in minutes since midnight. Raises WrongUsage for an invalid one.

    >>> minutes_of("09:30")
    570
    """
    match = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", moment.strip())
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        raise WrongUsage(f"{moment!r} is no time of day.", "Write hours and minutes, as in 09:30.")
    return int(match[1]) * 60 + int(match[2])


def clock(moment: int) -> str:
    """Return minutes since midnight as a time of day.

    >>> clock(570)
    '09:30'
    """
    return f"{moment // 60:02}:{moment % 60:02}"


def as_json(track: str, blocks: Sequence[Block]) -> dict[str, Any]:
    """Return the timetable as plain data for ``--json``; a lesson's ``minutes`` include its core exercises."""
    return {**_summary(track, blocks), "blocks": [_block_data(block) for block in blocks]}


def _summary(track: str, blocks: Sequence[Block]) -> dict[str, Any]:
    return {
        "track": track,
        "days": blocks[-1].day,
        "start": clock(blocks[0].start),
        "end": clock(blocks[-1].end),
        "minutes": sum(block.minutes for block in blocks),
        "lesson_minutes": sum(block.minutes for block in blocks if block.kind == "lesson"),
        "break_minutes": sum(block.minutes for block in blocks if block.kind in {"break", "lunch"}),
    }


def _work(course: Course, track: Track) -> Iterator[Block]:
    """Yield the lessons of a track, cut where a break may come, the demo after the first one, and visits."""
    lessons = {lesson.name: lesson for lesson in course.lessons if lesson.minutes.get(track.name)}
    visits = {notebook.name: notebook for notebook in course.more if notebook.minutes.get(track.name)}
    needs_demo = bool(track.demo)
    for name in course.notebooks:
        if name in visits:
            visit = visits[name]
            yield Block("visit", visit.minutes[track.name], f"Visit {name}: {visit.visit}")
        if name not in lessons:
            continue
        yield from _lesson_blocks(lessons[name], course, track.name)
        if needs_demo:
            yield Block("demo", track.demo, f"Demo, {_demo_steps(course, track)} (./workshop desk)")
            needs_demo = False


def _lesson_blocks(lesson: LessonTime, course: Course, track: str) -> Iterator[Block]:
    lesson_exercises = [exercise for exercise in course.exercises if exercise.lesson == lesson.name]
    remaining = [exercise for exercise in lesson_exercises if track in exercise.tracks]
    remaining.sort(key=_is_extra)
    whole = Block(
        "lesson", lesson.minutes[track], lesson.title, lesson=lesson.name, track=track, exercises=tuple(remaining)
    )
    parts = course.sections.get(lesson.name, ())

    if not parts:
        yield whole
        return

    breaks = [index for index, part in enumerate(parts[1:], 1) if _begins_block(part, track)]
    cuts = [0, *breaks]
    for start, end in zip(cuts, [*breaks, len(parts)], strict=True):
        block_parts = parts[start:end]
        cells = {cell for part in block_parts for cell in part.cells}
        block_exercises = [exercise for exercise in remaining if exercise.cell in cells]
        if end == len(parts):
            block_exercises = remaining  # those of 02b come last
        remaining = [exercise for exercise in remaining if exercise not in block_exercises]
        minutes = sum(part.minutes.get(track, 0) for part in block_parts)
        yield replace(whole, minutes=minutes, exercises=tuple(block_exercises), sections=block_parts)


def _is_extra(exercise: ExerciseTime) -> bool:
    return exercise.weight != "core"


def _begins_block(part: Section, track: str) -> bool:
    return part.rest and track in part.minutes


def _demo_steps(course: Course, track: Track) -> str:
    """Return the steps of the demo that fit; without its encore where the track plays game day."""
    steps = tomllib.loads(DEMO.read_text(encoding="utf-8"))["step"]
    lessons = course.names(track.name)
    shown_steps = [step for step in steps if step.get("spoils") not in lessons]  # it would give a lesson away

    totals = accumulate(step["minutes"] for step in shown_steps)
    fit = sum(total <= track.demo for total in totals)
    return f"steps 1 to {fit} of {len(steps)}"


def _wrap_up(course: Course, track: Track) -> Block:
    """Return the end, with what the track has of a lesson that is none of its own: the page to take home."""
    block = Block("wrap-up", track.wrap_up, "Wrap-up")
    for lesson in course.lessons:
        parts = course.sections.get(lesson.name, ())
        if track.name not in lesson.minutes and any(track.name in part.minutes for part in parts):
            title = "Wrap-up: an audit on the projector, and the page to take home"
            return replace(block, title=title, lesson=lesson.name, track=track.name, sections=parts)
    return block


def _with_breaks(work: Sequence[Block], track: Track) -> list[Block]:
    """Return the ``work`` of a day, with a break before each block with which the track's ``break_after`` is exceeded.

    A block may be longer than that. Parts of a lesson without a break between them become one block.
    """
    stretch = 0
    blocks = list[Block]()
    for block in work:
        if track.break_minutes and stretch and stretch + block.minutes > track.break_after:
            blocks.append(Block("break", track.break_minutes, "Break"))
            stretch = 0
        stretch += block.minutes

        if blocks and block.lesson and blocks[-1].lesson == block.lesson:
            last_block = blocks[-1]
            minutes = last_block.minutes + block.minutes
            exercises = last_block.exercises + block.exercises
            sections = last_block.sections + block.sections
            blocks[-1] = replace(last_block, minutes=minutes, exercises=exercises, sections=sections)
        else:
            blocks.append(block)

    return blocks


def _placed(begin: int, blocks: Sequence[Block]) -> list[Block]:
    """Set the start of every block; leave out those without minutes."""
    blocks = [block for block in blocks if block.minutes]
    starts = accumulate((block.minutes for block in blocks), initial=begin)
    return [replace(block, start=start) for start, block in zip(starts, blocks, strict=False)]


def _with_lunch(blocks: Sequence[Block], minutes: int) -> list[Block]:
    """Return the blocks with a lunch of so many minutes in place of the break that is nearest to noon."""
    breaks = [block for block in blocks if block.kind == "break"]
    if not breaks:
        return list(blocks)

    nearest = min(breaks, key=_minutes_from_noon)
    lunch = replace(nearest, kind="lunch", title="Lunch", minutes=minutes)
    return [lunch if block == nearest else block for block in blocks]


def _minutes_from_noon(block: Block) -> int:
    return abs(block.start - NOON)


def _block_data(block: Block) -> dict[str, Any]:
    times = {"day": block.day, "start": clock(block.start), "end": clock(block.end), "minutes": block.minutes}
    data: dict[str, Any] = {"kind": block.kind, **times, "title": block.title}
    if block.lesson:
        data |= {
            "lesson": block.lesson,
            "telling_minutes": block.telling_minutes,
            "exercises": [_exercise_data(exercise) for exercise in block.exercises],
            "stops": [{"start": clock(time), "heading": heading} for time, heading in block.stops],
            "skipped": list(block.skipped),
        }
    return data


def _exercise_data(exercise: ExerciseTime) -> dict[str, Any]:
    names = ("id", "title", "weight", "minutes", "debrief_minutes")
    return {name: getattr(exercise, name) for name in names}


def rows(blocks: Sequence[Block]) -> Iterator[tuple[str, str, str, str]]:
    """Yield the rows of the table: time, minutes, lesson, and exercises with their minutes."""
    has_days = blocks[-1].day > 1
    for block in blocks:
        parts = [f"{exercise.id} {exercise.minutes} + {exercise.debrief_minutes}" for exercise in block.core]
        if extra := len(block.exercises) - len(block.core):
            parts.append(f"{extra} extra")
        title = f"{block.lesson}: {block.title}" if block.lesson else block.title
        day = f"day {block.day}, " if has_days else ""
        yield f"{day}{clock(block.start)}–{clock(block.end)}", str(block.minutes), title, ", ".join(parts)


def as_text(track: str, blocks: Sequence[Block], *, markdown: bool = False) -> str:
    """Return the table with a legend, and the headings to stop at and the exercises of each lesson."""
    form = CAPTION_OF_DAYS if blocks[-1].day > 1 else CAPTION
    caption = form.format(**_summary(track, blocks))
    table_rows = list(rows(blocks))
    lines = [str(table(caption, COLUMNS, table_rows))]
    if markdown:
        markdown_rows = [COLUMNS, ("---", "---:", "---", "---"), *table_rows]
        lines = [f"## {caption}", "", *(f"| {' | '.join(row)} |" for row in markdown_rows)]
    lines += ["", LEGEND, "", TAKE_HOME]

    for block in blocks:
        if block.lesson:
            about = f"{block.telling_minutes} minutes for talk and experiments"
            lines += ["", f"notebooks/{block.lesson}.ipynb ({about})", ""]
            lines += [f"- {clock(time)} {heading}" for time, heading in block.stops]
            if block.skipped:
                lines.append(f"- skipped: {' · '.join(block.skipped)}")
        for exercise in block.exercises:
            aside = "" if exercise.weight == "core" else ", extra"
            times = f"{exercise.minutes} + {exercise.debrief_minutes}{aside}"
            lines.append(f"- `{exercise.id}` {exercise.title} ({times})")

    return "\n".join(lines)
