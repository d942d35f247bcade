"""When each part of a lesson comes on a track: in minutes since the lesson began, or as times of day.

The instructor's tools use it: notes, the presenter's page, the live room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from workshop_kit.workspace.course import Course, Section, find_track, load_course
from workshop_room.timetable.plan import Block, clock, timetable

FULL = "full"
"""The track on which the marks of notes are counted."""


@dataclass(frozen=True)
class PlannedPart:
    """A part of a day: a section of a ``lesson``, or a block between lessons. Times are minutes since midnight."""

    day: int
    start: int
    end: int
    title: str
    lesson: str = ""


@dataclass(frozen=True)
class TrackTimes:
    """The times of a track. ``start`` is the time of day at which it begins (``09:30``); "": they are not known."""

    course: Course
    track: str = FULL
    start: str = ""

    @classmethod
    def of(cls, root: Path, track: str = FULL, start: str = "") -> Self:
        """Return the times of a track of the checkout ``root``. Raises WrongUsage for a wrong track or time."""
        times = cls(load_course(root), find_track(track), start)
        _ = times.blocks  # a wrong time is an error at once
        return times

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The timetable; none without a start."""
        return tuple(timetable(self.course, self.track, self.start)) if self.start else ()

    def has_lesson(self, lesson: str) -> bool:
        """Return whether the track opens a notebook; ``full`` opens all."""
        return self.track == FULL or lesson in self.course.names(self.track)

    def has_cell(self, lesson: str, cell: str) -> bool:
        """Return whether participants of the track see a cell; a lesson that is not on the track stays whole."""
        part = self._part_of(lesson, cell)
        return part is None or not self.has_lesson(lesson) or cell in part.cells_on(self.track)

    def skipped(self, lesson: str) -> tuple[str, ...]:
        """Return the headings of the sections that the track skips of a lesson that it opens."""
        if not self.has_lesson(lesson):
            return ()
        return tuple(part.heading for part in self._parts(lesson) if self.track not in part.minutes)

    def minutes(self, lesson: str) -> int:
        """Return the minutes of a lesson on the track; 0 for what has none."""
        return self.course.minutes(lesson, self.track)

    def time(self, lesson: str, cell: str, mark: int) -> str:
        """Return when a cell comes, whose mark is in minutes of the lesson on the full track; "" where it is skipped.

        A section that is shorter on the track has its marks closer together. A lesson that is not on the track keeps
        its marks.
        """
        part = self._part_of(lesson, cell)
        if part is None or not self.has_lesson(lesson):
            return hours_and_minutes(mark)
        if cell not in part.cells_on(self.track):
            return ""

        first_cell = part.cells[0]
        minutes_inside = mark - _starts(self._parts(lesson), FULL)[first_cell]
        scaled_minutes = minutes_inside * part.minutes[self.track] // part.minutes.get(FULL, part.minutes[self.track])
        if (lesson, first_cell) in self._clock_starts:
            return clock(self._clock_starts[lesson, first_cell] + scaled_minutes)
        return hours_and_minutes(_starts(self._parts(lesson), self.track)[first_cell] + scaled_minutes)

    def planned(self) -> Iterator[PlannedPart]:
        """Yield the parts of the day, or of two, in their order; none without a start."""
        for block in self.blocks:
            stops = block.stops or ((block.start, block.title),)
            ends = [*(time for time, _ in stops[1:]), block.end]
            for (time, title), end in zip(stops, ends, strict=True):
                yield PlannedPart(block.day, time, end, title, block.lesson)

    @cached_property
    def _clock_starts(self) -> Mapping[tuple[str, str], int]:
        """The time of day at which each section begins, by lesson and first cell."""
        starts: dict[tuple[str, str], int] = {}
        for block in self.blocks:
            track_sections = [part for part in block.sections if self.track in part.minutes]
            for part, (time, _) in zip(track_sections, block.stops, strict=True):
                starts[block.lesson, part.cells[0]] = time
        return starts

    def _parts(self, lesson: str) -> tuple[Section, ...]:
        return self.course.sections.get(lesson, ())

    def _part_of(self, lesson: str, cell: str) -> Section | None:
        return next((part for part in self._parts(lesson) if cell in part.cells), None)


def hours_and_minutes(minutes: int) -> str:
    """Return minutes as notes write them.

    >>> hours_and_minutes(67)
    '1:07'
    """
    return f"{minutes // 60}:{minutes % 60:02}"


def _starts(parts: tuple[Section, ...], track: str) -> dict[str, int]:
    """Return the minute of the lesson at which each section begins on a track, by its first cell."""
    starts = {}
    minute = 0
    for part in parts:
        starts[part.cells[0]] = minute
        minute += part.minutes.get(track, 0)
    return starts
