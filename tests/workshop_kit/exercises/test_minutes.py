"""The minutes of exercises and lessons add up, and leave time to talk."""

from __future__ import annotations

import pytest

from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import TRACKS, ExerciseTime, Lesson, load_course

COURSE = load_course(CHECKOUT)
CORE = [exercise for exercise in COURSE.exercises if exercise.weight == "core"]


@pytest.mark.parametrize("track", TRACKS)
def test_a_track_has_the_minutes_of_its_lessons(track: str) -> None:
    """The lessons' minutes add up, and the core exercises are no more than the track may ask for."""
    most = COURSE.tracks[track].most_exercises
    assert sum(lesson.minutes.get(track, 0) for lesson in COURSE.lessons) == COURSE.tracks[track].minutes
    assert most is None or sum(track in exercise.tracks for exercise in CORE) <= most


@pytest.mark.parametrize("lesson", COURSE.lessons, ids=lambda lesson: lesson.name)
def test_exercises_take_two_thirds_of_a_lesson_at_most(lesson: Lesson) -> None:
    """A third of a lesson stays for telling and experiments, on each track; two to four exercises are core."""
    own: list[ExerciseTime] = [exercise for exercise in CORE if exercise.lesson == lesson.name]
    for track in COURSE.tracks:
        needed = sum(exercise.all_minutes for exercise in own if track in exercise.tracks)
        assert needed <= lesson.minutes.get(track, 0) * 2 / 3, track
    assert 2 <= len(own) <= 4 or lesson.name not in {exercise.lesson for exercise in COURSE.exercises}
