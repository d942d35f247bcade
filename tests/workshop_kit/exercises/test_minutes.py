"""The minutes of exercises and lessons add up, and leave time to talk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from workshop_kit.exercises import registry
from workshop_kit.exercises.minutes import minutes_problems
from workshop_kit.exercises.registry import Exercise
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import Course, load_course


@pytest.fixture
def course(checkout: Path) -> Course:
    """30 minutes of a short track with two exercises at most, 90 of a full one; the container has 20 and 60 of them."""
    return load_course(checkout)


@pytest.fixture
def exercise(checkout: Path) -> Exercise:
    """A core exercise of ten minutes on both tracks."""
    return registry.load(checkout)[0]


def copies(exercise: Exercise, minutes: list[int], **changes: object) -> list[Exercise]:
    """Core exercises that take this long, debrief included."""
    return [
        replace(exercise, id=f"container.x{n}", minutes=long - 1, debrief_minutes=1, **changes)  # type: ignore[arg-type]
        for n, long in enumerate(minutes)
    ]


def test_our_own_minutes_fit() -> None:
    """The exercises of this workshop fit in their lessons and tracks."""
    assert minutes_problems(registry.load(CHECKOUT), load_course(CHECKOUT)) == []


def test_two_thirds_are_the_limit(course: Course, exercise: Exercise) -> None:
    """40 of a lesson's 60 minutes may go into exercises and debriefs; a minute more is said, with both numbers."""
    assert minutes_problems(copies(exercise, [20, 20], tracks=("full",)), course) == []
    (problem,) = minutes_problems(copies(exercise, [20, 21], tracks=("full",)), course)
    assert problem.startswith(
        "01_container has 60 minutes on the track full, and its core exercises take 41: at most 40"
    )


@pytest.mark.parametrize("count", [1, 5])
def test_a_lesson_has_two_to_four_core_exercises(course: Course, exercise: Exercise, count: int) -> None:
    """One is too few to practice, five are too many; a lesson without any exercise is no problem."""
    found = minutes_problems(copies(exercise, [4] * count, tracks=("full",)), course)
    assert found == [f"01_container has {count} core exercises; two to four are right."]
    assert minutes_problems([], course) == []
