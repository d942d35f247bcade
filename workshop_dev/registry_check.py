"""Check the registry: every table of exercises.toml, and its exercises against the marked sources and the answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError

from workshop_kit.errors import WorkshopError
from workshop_kit.files import read_document
from workshop_kit.guidelines import Principle, principles
from workshop_kit.workspace.course import FILE, Course, load_course
from workshop_kit.workspace.registry import AnyMinutes, Entry, Exercise, Minutes, Text
from workshop_kit.workspace.solutions import marked_sources, service_sources

LessonName = Annotated[str, StringConstraints(pattern=r"^\d\d[a-z]?_\w+$")]
CellId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]+$")]


class TrackEntry(Entry):
    """A way through the workshop."""

    minutes: Minutes
    """The sum of its lessons' minutes."""
    exercises: Minutes | None = None
    """The most core exercises that it may ask for; none: as many as fit."""
    welcome: AnyMinutes = 0
    demo: AnyMinutes = 0
    """The minutes of the instructor's demo, after the first lesson."""
    break_after: Minutes = 90
    """A break comes after so many minutes of lessons and demo at most."""
    break_minutes: AnyMinutes = 0
    lunch_minutes: AnyMinutes = 0
    buffer: AnyMinutes = 0
    wrap_up: AnyMinutes = 0
    total: AnyMinutes = 0
    """The minutes of the whole timetable."""
    second_day: LessonName | None = None
    """The lesson with which a second day begins."""


class LessonEntry(Entry):
    """A lesson, by the name of its notebook."""

    title: Text
    prefix: Annotated[str, StringConstraints(pattern=r"^[a-z]+$")] | None = None
    """The first part of its exercises' ids."""
    minutes: Mapping[str, Minutes] = {}
    """The minutes for talking, doing and debriefing on each track that has it."""
    more: bool = False
    """true: a lesson's second notebook, with what nobody has to do; minutes, if any, are those of a visit."""
    visit: str = ""
    """What a second notebook is visited for."""


class SectionEntry(Entry, extra="allow"):
    """A part of a lesson: its minutes on each track; a track that is not named skips it."""

    __pydantic_extra__: dict[str, Minutes] = Field(init=False)

    rest: bool = False
    """A break may come before it."""
    cells: Mapping[str, tuple[CellId, ...]] = {}
    """The cells that a track has of it besides the first one, where it has not all of them."""


class Registry(Entry):
    """exercises.toml: the tracks, the lessons with their sections, and the exercises."""

    tracks: Mapping[str, TrackEntry]
    lessons: Mapping[LessonName, LessonEntry]
    sections: Mapping[LessonName, Mapping[CellId, SectionEntry]] = {}
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
            *_misplaced_regions(exercises, root),
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


def _misplaced_regions(exercises: Sequence[Exercise], root: Path) -> Iterator[str]:
    """Yield a sentence for every exercise without its regions and every region without its exercise."""
    marked = {(name, source.name) for source in marked_sources(root) for name in source.ids()}
    registered = _registered_regions(exercises, root)

    missing = sorted(registered - marked)
    yield from (f"{name}: {file} has no `# region {name}`." for name, file in missing)
    unregistered = sorted(marked - registered)
    yield from (f"{name} has a region in {file}, and no [[exercise]] for it." for name, file in unregistered)


def _registered_regions(exercises: Sequence[Exercise], root: Path) -> set[tuple[str, str]]:
    """Return each exercise's id with the path of each marked source that must have its region."""
    source_names = {source.file: source.name for source in service_sources(root)}
    registered: set[tuple[str, str]] = set()
    for exercise in exercises:
        for part in exercise.parts:
            source_name = f"solutions/{exercise.lesson}/{part.source}"
            if exercise.in_service:  # the source may be in an earlier lesson's folder
                source_name = source_names.get(part.source, source_name)
            registered.add((exercise.id, source_name))
    return registered


def _missing_answers(exercises: Sequence[Exercise], root: Path) -> Iterator[str]:
    """Yield a sentence for every alternative or cheat whose file or folder is missing."""
    for exercise in exercises:
        for name in (*exercise.alternatives, *exercise.cheats):
            if not (root / exercise.answers / name).exists():
                yield f"{exercise.id}: there is no {exercise.answers}/{name}."
