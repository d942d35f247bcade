"""The timetable of a track: welcome, lessons with the headings to stop at, demo, breaks, buffer and wrap-up.

The lengths of sections come from the notebooks, all else from exercises.toml. Times of day are minutes since midnight.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from workshop_kit.errors import WrongUsage
from workshop_kit.workspace.course import Course, CourseLesson, ExerciseTime, Section, Track, find_track

NOON = 12 * 60 + 15


@dataclass(frozen=True)
class Block:
    """One row of the timetable. ``lesson`` is a notebook's name, "" where none is open.

    ``exercises`` are those of the track, the core ones first; the lesson's minutes include only the core ones.
    ``sections`` are the lesson's in this block; the track skips those that have no minutes on it. At the headings among
    ``jumps`` it needs files of skipped sections.
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
    jumps: tuple[str, ...] = ()

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
        stops = []
        moment = self.start
        for section in self.sections:
            if self.track in section.minutes:
                stops.append((moment, section.heading))
                moment += section.minutes[self.track]
        return tuple(stops)

    @property
    def skipped(self) -> tuple[str, ...]:
        """The headings of the sections that the track skips."""
        return tuple(section.heading for section in self.sections if self.track not in section.minutes)


def timetable(course: Course, track: str, start: str) -> list[Block]:
    """Return the timetable of ``track`` from ``start`` (``"09:30"``).

    Raises WrongUsage for an unknown track, and an invalid time.
    """
    chosen_track = course.tracks[find_track(track)]
    begin = minutes_of(start)
    blocks: list[Block] = []

    for day, blocks_without_start in enumerate(_day_blocks(course, chosen_track), start=1):
        day_blocks = _set_starts(begin, blocks_without_start)
        if chosen_track.lunch_minutes:
            blocks_with_lunch = _add_lunch(day_blocks, chosen_track.lunch_minutes)
            day_blocks = _set_starts(begin, blocks_with_lunch)

        blocks += [replace(block, day=day) for block in day_blocks]

    return blocks


def _day_blocks(course: Course, track: Track) -> Iterator[list[Block]]:
    """Yield the blocks of each day: the first one has the welcome, the last one the buffer and the wrap-up."""
    welcome = Block("welcome", track.welcome, "Welcome and set-up")
    buffer = Block("buffer", track.buffer, "Buffer: what took longer, and questions")
    closing = [buffer, Block("wrap-up", track.wrap_up, "Wrap-up")]
    teaching_blocks = list(_teaching_blocks(course, track))
    if not track.second_day:
        yield [welcome, *_add_breaks(teaching_blocks, track), *closing]
        return

    lessons = [block.lesson for block in teaching_blocks]
    second_day_begin = lessons.index(track.second_day)
    yield [welcome, *_add_breaks(teaching_blocks[:second_day_begin], track)]
    yield [*_add_breaks(teaching_blocks[second_day_begin:], track), *closing]


def minutes_of(moment: str) -> int:
    """Return a time of day in minutes since midnight. Raises WrongUsage for an invalid one.

    >>> minutes_of("09:30")
    570
    """
    try:
        clock_time = time.strptime(moment.strip(), "%H:%M")
    except ValueError:
        raise WrongUsage(f"{moment!r} is no time of day.", "Write hours and minutes, as in 09:30.") from None
    return clock_time.tm_hour * 60 + clock_time.tm_min


def clock(moment: int) -> str:
    """Return minutes since midnight as a time of day, also of the next day.

    >>> clock(570), clock(1450)
    ('09:30', '00:10')
    """
    return f"{moment // 60 % 24:02}:{moment % 60:02}"


def _teaching_blocks(course: Course, track: Track) -> Iterator[Block]:
    """Yield the lessons of a track, cut where a break may come, the demo after the first lesson, and the visits."""
    needs_demo = bool(track.demo)
    lessons_of_track = course.names(track.name)
    for name, lesson in course.notebooks.items():
        if lesson.more and track.visit_minutes:
            yield Block("visit", track.visit_minutes, f"Visit {name}: {lesson.visit}")
        if name not in lessons_of_track:
            continue

        yield from _lesson_blocks(lesson, course, track.name)
        if needs_demo:
            yield Block("demo", track.demo, "Demo (./workshop desk)")
            needs_demo = False


def _lesson_blocks(lesson: CourseLesson, course: Course, track: str) -> Iterator[Block]:
    """Yield a lesson in blocks, cut where a break may come."""
    whole_lesson = _whole_lesson_block(lesson, course, track)
    stretches = list(_stretches(course.sections[lesson.name], track))
    remaining_exercises = list(whole_lesson.exercises)
    for stretch in stretches:
        cells = {cell for section in stretch for cell in section.cells}
        block_exercises = [exercise for exercise in remaining_exercises if exercise.cell in cells]
        if stretch is stretches[-1]:
            block_exercises = remaining_exercises  # also those of 02c, whose cells are in a second notebook
        remaining_exercises = [exercise for exercise in remaining_exercises if exercise not in block_exercises]

        minutes = sum(section.minutes.get(track, 0) for section in stretch)
        yield replace(whole_lesson, minutes=minutes, exercises=tuple(block_exercises), sections=stretch)


def _whole_lesson_block(lesson: CourseLesson, course: Course, track: str) -> Block:
    """Return one block for a lesson, with the exercises that the track has of it."""
    exercises = sorted(course.exercises_of(lesson.name, track), key=lambda exercise: exercise.weight != "core")
    return Block(
        "lesson",
        course.minutes(lesson.name, track),
        lesson.title,
        lesson=lesson.name,
        track=track,
        exercises=tuple(exercises),
        jumps=course.jumps(track).get(lesson.name, ()),
    )


def _stretches(sections: Sequence[Section], track: str) -> Iterator[tuple[Section, ...]]:
    """Yield the sections of a lesson in stretches: a new one begins where the track may have a break."""
    stretch: list[Section] = []
    for section in sections:
        may_have_break = section.may_follow_break and track in section.minutes
        if stretch and may_have_break:
            yield tuple(stretch)
            stretch = []
        stretch.append(section)
    yield tuple(stretch)


def _add_breaks(teaching_blocks: Sequence[Block], track: Track) -> list[Block]:
    """Return the blocks of a day with breaks, so that people work at most the track's ``break_after`` minutes at once.

    A single block may be longer than that. Parts of a lesson without a break between them become one block.
    """
    minutes_since_break = 0
    blocks = list[Block]()
    for block in teaching_blocks:
        is_too_long = minutes_since_break + block.minutes > track.break_after
        if track.break_minutes and minutes_since_break and is_too_long:
            blocks.append(Block("break", track.break_minutes, "Break"))
            minutes_since_break = 0
        minutes_since_break += block.minutes

        if blocks and block.lesson and blocks[-1].lesson == block.lesson:
            blocks[-1] = _merge_blocks(blocks[-1], block)
        else:
            blocks.append(block)

    return blocks


def _merge_blocks(first: Block, second: Block) -> Block:
    """Return one block for two successive ones of a lesson."""
    return replace(
        first,
        minutes=first.minutes + second.minutes,
        exercises=first.exercises + second.exercises,
        sections=first.sections + second.sections,
    )


def _set_starts(begin: int, blocks: Sequence[Block]) -> list[Block]:
    """Return the blocks that have minutes, each with its start; the first one starts at ``begin``."""
    blocks_with_start = []
    start = begin
    for block in blocks:
        if block.minutes:
            blocks_with_start.append(replace(block, start=start))
            start += block.minutes
    return blocks_with_start


def _add_lunch(blocks: Sequence[Block], minutes: int) -> list[Block]:
    """Return the blocks with a lunch of so many minutes in place of the break that is nearest to noon."""
    breaks = [block for block in blocks if block.kind == "break"]
    if not breaks:
        return list(blocks)

    nearest = min(breaks, key=lambda block: abs(block.start - NOON))
    lunch = replace(nearest, kind="lunch", title="Lunch", minutes=minutes)
    return [lunch if block == nearest else block for block in blocks]
