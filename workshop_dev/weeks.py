"""The weeks of a course: the lessons in classes of ninety minutes, and what is handed in after each."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from workshop_kit.workspace import exercise_list
from workshop_kit.workspace.course import Course, Section, load_course
from workshop_kit.workspace.exercise_list import Exercise

MINUTES = 90
TRACK = "full"
HANDED_IN = {
    "05_game_day": "one page: what you saw, what you believed, what it was",
    "06_audit": (
        "the report of `./workshop audit` on their own image, with a reason for each rule that does not hold; "
        "then the oral exam"
    ),
}
"""What is handed in after a lesson whose exercises are not in files."""


@dataclass(frozen=True)
class Part:
    """The sections of a lesson up to a place where a break may come; ``next_heading`` is "" for the last one."""

    lesson: str
    sections: tuple[Section, ...]
    is_first: bool
    next_heading: str

    @property
    def minutes(self) -> int:
        """The minutes of its sections."""
        return sum(section.minutes[TRACK] for section in self.sections)


@dataclass(frozen=True)
class Week:
    """A row of the table; every text is Markdown."""

    lessons: str
    minutes: int
    handed_in: str
    more: str


def weeks(root: Path) -> list[Week]:
    """Return the weeks of the checkout ``root``: each has as many parts of lessons as fit into a class."""
    course = load_course(root)
    exercises = [exercise for exercise in exercise_list.load(root) if exercise.file]
    classes: list[list[Part]] = []
    for part in _parts(course):
        is_full = not classes or sum(other.minutes for other in classes[-1]) + part.minutes > MINUTES
        if is_full:
            classes.append([])
        classes[-1].append(part)
    return [_week(parts, exercises) for parts in classes]


def _parts(course: Course) -> Iterator[Part]:
    """Yield the parts of all lessons, in their order."""
    for lesson in course.names(TRACK):
        sections = course.sections[lesson]
        breaks = [number for number, section in enumerate(sections) if section.may_follow_break]
        starts = sorted({0, *breaks})
        for start, end in itertools.pairwise([*starts, len(sections)]):
            next_heading = sections[end].heading if end < len(sections) else ""
            yield Part(lesson, sections[start:end], start == 0, next_heading)


def _week(parts: Sequence[Part], exercises: Sequence[Exercise]) -> Week:
    """Return the week with these parts."""
    sections = itertools.chain.from_iterable(part.sections for part in parts)
    cells = set(itertools.chain.from_iterable(section.cells for section in sections))
    ended_lessons = [part.lesson for part in parts if not part.next_heading]

    core = []
    more = []
    for exercise in exercises:
        if exercise.weight == "more":
            more += [exercise.id] if exercise.lesson in ended_lessons else []
        elif exercise.cell in cells:
            core.append(exercise.id)
    handed_in = [HANDED_IN[lesson] for lesson in ended_lessons if lesson in HANDED_IN]
    return Week(
        lessons=", ".join(_lesson_texts(parts)),
        minutes=sum(part.minutes for part in parts),
        handed_in=", ".join([*_code(core), *handed_in]),
        more=", ".join(_code(more)),
    )


def _lesson_texts(parts: Sequence[Part]) -> Iterator[str]:
    """Yield each lesson, with the headings from which and up to which it comes in this week."""
    for lesson, group in itertools.groupby(parts, key=lambda part: part.lesson):
        own_parts = list(group)
        first = own_parts[0]
        start = "" if first.is_first else f" from *{first.sections[0].heading}*"
        end = own_parts[-1].next_heading
        if end:
            yield f"`{lesson}`{start} up to *{end}*"
        else:
            yield f"`{lesson}`{start} on" if start else f"`{lesson}`"


def _code(names: Collection[str]) -> list[str]:
    return [f"`{name}`" for name in names]
