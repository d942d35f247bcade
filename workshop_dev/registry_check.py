"""Check the registry: every table of exercises.toml, and its exercises against their solutions and answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import StringConstraints, ValidationError

from workshop_kit.errors import WorkshopError
from workshop_kit.files import read_document
from workshop_kit.guidelines import Principle, principles
from workshop_kit.workspace import steps
from workshop_kit.workspace.course import FILE, Course, load_course
from workshop_kit.workspace.registry import AnyMinutes, Entry, Exercise, Minutes, Text

LessonName = Annotated[str, StringConstraints(pattern=r"^\d\d[a-z]?_\w+$")]


class TrackEntry(Entry):
    """A way through the workshop."""

    exercises: Minutes | None = None
    """The most core exercises that it may ask for; none: as many as fit."""
    welcome: AnyMinutes = 0
    demo: AnyMinutes = 0
    """The minutes of the instructor's demo, after the first lesson."""
    visit_minutes: AnyMinutes = 0
    """The minutes of each visit of a second notebook."""
    break_after: Minutes = 90
    """A break comes after so many minutes of lessons and demo at most."""
    break_minutes: AnyMinutes = 0
    lunch_minutes: AnyMinutes = 0
    buffer: AnyMinutes = 0
    wrap_up: AnyMinutes = 0
    second_day: LessonName | None = None
    """The lesson with which a second day begins."""


class LessonEntry(Entry):
    """A lesson, by the name of its notebook."""

    title: Text
    prefix: Annotated[str, StringConstraints(pattern=r"^[a-z]+$")] | None = None
    """The first part of its exercises' ids; several lessons may have the same."""
    more: bool = False
    """true: a lesson's second notebook, with what nobody has to do."""
    visit: str = ""
    """What a second notebook is visited for."""


class Registry(Entry):
    """exercises.toml: the tracks, the lessons, and the exercises."""

    tracks: Mapping[str, TrackEntry]
    lessons: Mapping[LessonName, LessonEntry]
    exercise: tuple[Exercise, ...] = ()


def require_sound(root: Path) -> None:
    """Raise WorkshopError with a sentence for every problem: in exercises.toml, or between it and ``solutions/``."""
    document = read_document(root / FILE)
    try:
        exercises = Registry.model_validate(document).exercise
    except ValidationError as error:
        problems = [_problem_sentence(problem["loc"], problem["msg"], document) for problem in error.errors()]
    else:  # only a complete list can be compared with the sources
        problems = [
            *_unknown_names(exercises, load_course(root)),
            *_missing_answers(exercises, root),
        ]

    if problems:
        raise WorkshopError(" ".join(problems), f"Correct {FILE}, or the file in solutions/.")


def _problem_sentence(place: tuple[int | str, ...], problem: str, document: Mapping[str, Any]) -> str:
    """Return a sentence for a problem that pydantic found at ``place``: with the exercise's id if it is in one."""
    name = FILE
    field = place
    if place[0] == "exercise" and len(place) > 2:
        index = int(place[1])
        name = document["exercise"][index].get("id", f"{FILE}, exercise {index + 1}")
        field = place[2:]

    dotted_field = ".".join(map(str, field))
    return f"{name}: `{dotted_field}`: {problem}."


def _cited_name(guideline: Principle) -> str:
    """Return the name by which exercises cite a guideline: ``factor 7, Disposability``, ``Process Disposability``."""
    if guideline.id.startswith("F"):
        return f"factor {guideline.id.removeprefix('F')}, {guideline.name}"
    return guideline.name


def _unknown_names(exercises: Sequence[Exercise], course: Course) -> Iterator[str]:
    """Yield a sentence for every id that is registered twice, and for unknown lessons, prefixes, tracks, guidelines."""
    counts = Counter(exercise.id for exercise in exercises)
    yield from (f"{name} is registered {count} times." for name, count in counts.items() if count > 1)

    known_names = {*course.tracks, *map(_cited_name, principles())}
    for exercise in exercises:
        lesson = course.lesson(exercise.lesson)
        if lesson is None:
            yield f"{exercise.id}: there is no lesson {exercise.lesson}."
        elif not exercise.id.startswith(f"{lesson.prefix}."):
            yield f"{exercise.id}: an id of {lesson.name} begins with `{lesson.prefix}.`."

        names = {*exercise.tracks, *exercise.guidelines}
        unknown_names = names - known_names
        yield from (f"{exercise.id}: there is no track or guideline {name!r}." for name in sorted(unknown_names))


def _missing_answers(exercises: Sequence[Exercise], root: Path) -> Iterator[str]:
    """Yield a sentence for every solution, alternative or cheat whose file is missing, and for unknown exercises."""
    ids = {exercise.id for exercise in exercises}
    for exercise in exercises:
        for name in (exercise.file or steps.CELL, *exercise.more_files):
            if not (root / exercise.solution / name).is_file():
                yield f"{exercise.id}: there is no {exercise.solution}/{name}."
        yield from (
            f"{exercise.id} builds on {name}, which is unknown." for name in exercise.builds_on if name not in ids
        )
        for name in (*exercise.alternatives, *exercise.cheats):
            if not (root / exercise.answers / name).exists():
                yield f"{exercise.id}: there is no {exercise.answers}/{name}."
