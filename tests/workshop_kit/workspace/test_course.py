"""Minutes of lessons and exercises add up, and leave time to talk."""

from __future__ import annotations

import pytest

from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import TRACKS, ExerciseTime, LessonTime, load_course

COURSE = load_course(CHECKOUT)
CORE = [exercise for exercise in COURSE.exercises if exercise.weight == "core"]


@pytest.mark.parametrize("track", TRACKS)
def test_a_track_has_the_minutes_of_its_lessons(track: str) -> None:
    """The lessons' minutes add up, and the core exercises are no more than the track may ask for."""
    most = COURSE.tracks[track].exercises
    assert sum(lesson.minutes.get(track, 0) for lesson in COURSE.lessons) == COURSE.tracks[track].minutes
    assert most is None or sum(track in exercise.tracks for exercise in CORE) <= most


@pytest.mark.parametrize("lesson", COURSE.lessons, ids=lambda lesson: lesson.name)
def test_exercises_take_two_thirds_of_a_lesson_at_most(lesson: LessonTime) -> None:
    """A third of a lesson stays for telling and experiments, on each track; one to four exercises are core."""
    own: list[ExerciseTime] = [exercise for exercise in CORE if exercise.lesson == lesson.name]
    for track in COURSE.tracks:
        needed = sum(exercise.all_minutes for exercise in own if track in exercise.tracks)
        assert needed <= lesson.minutes.get(track, 0) * 2 / 3, track
    assert 1 <= len(own) <= 4 or lesson.name not in {exercise.lesson for exercise in COURSE.exercises}


@pytest.mark.parametrize("track", TRACKS)
@pytest.mark.parametrize("lesson", COURSE.lessons, ids=lambda lesson: lesson.name)
def test_the_sections_of_a_track_fit_its_lesson(lesson: LessonTime, track: str) -> None:
    """Their minutes add up to the lesson's; none takes longer than on the full track. Each has a heading to stop at.

    What a track has of a lesson that is none of its own is a part of its wrap-up.
    """
    parts = COURSE.sections[lesson.name]
    needed = sum(part.minutes.get(track, 0) for part in parts)
    assert needed == lesson.minutes[track] if track in lesson.minutes else needed <= COURSE.tracks[track].wrap_up
    assert [part for part in parts if not part.heading or part.minutes.get(track, 0) > part.minutes["full"]] == []


@pytest.mark.parametrize("track", TRACKS)
def test_an_exercise_of_a_track_has_its_section(track: str) -> None:
    """Its cell is in a section of the track, which has its minutes; the cell of any other exercise is skipped."""
    for exercise in COURSE.exercises:
        homes = [part for part in COURSE.sections[exercise.lesson] if exercise.cell in part.cells]
        assert [track in part.minutes for part in homes] == [track in exercise.tracks for _ in homes], exercise.id
        if exercise.weight == "core":
            assert len(homes) == 1, exercise.id
            assert track not in exercise.tracks or homes[0].minutes[track] >= exercise.all_minutes, exercise.id
