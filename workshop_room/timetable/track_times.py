"""When each part of a lesson comes on a track: in minutes since the lesson began, or as times of day.

The instructor's tools use it: notes and the presenter's page.
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
        """The blocks of the timetable; empty without a start."""
        if not self.start:
            return ()
        return tuple(timetable(self.course, self.track, self.start))

    def has_lesson(self, lesson: str) -> bool:
        """Return whether the track opens a notebook; ``full`` opens all."""
        return self.track == FULL or lesson in self.course.names(self.track)

    def has_cell(self, lesson: str, cell: str) -> bool:
        """Return whether participants of the track see a cell; a lesson that is not on the track stays whole."""
        section = self._section_of(lesson, cell)
        if section is None or not self.has_lesson(lesson):
            return True
        return cell in section.cells_on(self.track)

    def skipped(self, lesson: str) -> tuple[str, ...]:
        """Return the headings of the sections that the track skips of a lesson that it opens."""
        if not self.has_lesson(lesson):
            return ()
        return tuple(section.heading for section in self._sections(lesson) if self.track not in section.minutes)

    def minutes(self, lesson: str) -> int:
        """Return the minutes of a lesson on the track; 0 for what has none."""
        return self.course.minutes(lesson, self.track)

    def time(self, lesson: str, cell: str, mark: int) -> str:
        """Return when a cell comes on the track: a time of day, or hours and minutes of the lesson without a start.

        ``mark`` is the cell's minute of the lesson on the full track. In a section that is shorter on this track the
        marks are closer together. A lesson that is not on the track keeps its marks. A skipped cell gives "".
        """
        section = self._section_of(lesson, cell)
        if section is None or not self.has_lesson(lesson):
            return hours_and_minutes(mark)
        if cell not in section.cells_on(self.track):
            return ""

        sections = self._sections(lesson)
        first_cell = section.cells[0]
        track_minutes = section.minutes[self.track]
        full_minutes = section.minutes.get(FULL, track_minutes)
        minutes_into_section = mark - _start_minutes(sections, FULL)[first_cell]
        scaled_minutes = minutes_into_section * track_minutes // full_minutes

        clock_start = self._clock_starts.get((lesson, first_cell))
        if clock_start is not None:
            return clock(clock_start + scaled_minutes)
        track_start = _start_minutes(sections, self.track)[first_cell]
        return hours_and_minutes(track_start + scaled_minutes)

    def planned(self) -> Iterator[PlannedPart]:
        """Yield the parts of the day, or of two, in their order; none without a start."""
        for block in self.blocks:
            stops = block.stops
            if not stops:
                stops = ((block.start, block.title),)

            starts = [start for start, _ in stops]
            ends = [*starts[1:], block.end]
            for (start, title), end in zip(stops, ends, strict=True):
                yield PlannedPart(block.day, start, end, title, block.lesson)

    @cached_property
    def _clock_starts(self) -> Mapping[tuple[str, str], int]:
        """The time of day at which each section begins, by lesson and first cell."""
        starts: dict[tuple[str, str], int] = {}
        for block in self.blocks:
            track_sections = [section for section in block.sections if self.track in section.minutes]
            for section, (time, _) in zip(track_sections, block.stops, strict=True):
                first_cell = section.cells[0]
                starts[block.lesson, first_cell] = time
        return starts

    def _sections(self, lesson: str) -> tuple[Section, ...]:
        return self.course.sections.get(lesson, ())

    def _section_of(self, lesson: str, cell: str) -> Section | None:
        """Return the section of a lesson that has a cell; None if no section has it."""
        return next((section for section in self._sections(lesson) if cell in section.cells), None)


def hours_and_minutes(minutes: int) -> str:
    """Return minutes as notes write them.

    >>> hours_and_minutes(67)
    '1:07'
    """
    return f"{minutes // 60}:{minutes % 60:02}"


def _start_minutes(sections: tuple[Section, ...], track: str) -> dict[str, int]:
    """Return the minute of the lesson at which each section begins on a track, by the section's first cell."""
    starts = {}
    minute = 0
    for section in sections:
        first_cell = section.cells[0]
        starts[first_cell] = minute
        minute += section.minutes.get(track, 0)
    return starts
