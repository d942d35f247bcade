"""Do the exercises fit in the minutes that people have?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workshop_kit.workspace.course import Course
from workshop_kit.exercises.registry import Exercise

SHARE_FOR_EXERCISES = 2 / 3
"""Of a lesson's minutes, exercises and their debriefs may take this much: the rest is for telling and experiments."""


def minutes_problems(exercises: Sequence[Exercise], course: Course) -> list[str]:
    """Return a sentence for everything that does not fit in the minutes; [] when all does.

    A lesson's minutes add up to its track's. On each track, the core exercises of a lesson and their debriefs take at
    most two thirds of its minutes. A track asks for no more exercises than it may. A lesson that has exercises has two
    to four core ones. Exercises of weight ``more`` are outside the minutes.
    """
    core = [exercise for exercise in exercises if exercise.weight == "core"]
    return [
        *_sums(course),
        *_full_lessons(core, course),
        *_long_tracks(core, course),
        *_odd_counts(core, exercises, course),
    ]


def _sums(course: Course) -> Iterator[str]:
    for track in course.tracks.values():
        total = sum(lesson.minutes.get(track.name, 0) for lesson in course.lessons)
        if total != track.minutes:
            yield f"The lessons of the track {track.name} take {total} minutes, and it has {track.minutes}."


def _full_lessons(core: Sequence[Exercise], course: Course) -> Iterator[str]:
    for lesson in course.lessons:
        for track in course.tracks:
            own = [exercise for exercise in core if exercise.lesson == lesson.name and track in exercise.tracks]
            needed, has = sum(exercise.all_minutes for exercise in own), lesson.minutes.get(track, 0)
            if own and not has:
                yield f"{lesson.name} is no part of the track {track}, and {own[0].id} says that it is."
            elif needed > has * SHARE_FOR_EXERCISES:
                yield (
                    f"{lesson.name} has {has} minutes on the track {track}, and its core exercises take {needed}: "
                    f"at most {int(has * SHARE_FOR_EXERCISES)} leave a third for telling and experiments."
                )


def _long_tracks(core: Sequence[Exercise], course: Course) -> Iterator[str]:
    for track in course.tracks.values():
        count = sum(track.name in exercise.tracks for exercise in core)
        if track.most_exercises is not None and count > track.most_exercises:
            yield f"The track {track.name} asks for {count} exercises; at most {track.most_exercises} fit."


def _odd_counts(core: Sequence[Exercise], exercises: Sequence[Exercise], course: Course) -> Iterator[str]:
    for lesson in course.lessons:
        count = sum(exercise.lesson == lesson.name for exercise in core)
        if not 2 <= count <= 4 and any(exercise.lesson == lesson.name for exercise in exercises):
            yield f"{lesson.name} has {count} core exercises; two to four are right."
