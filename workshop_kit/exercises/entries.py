"""What an author has to write about an exercise, and a sentence for everything that is missing or odd."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from workshop_kit.audit.catalog import principles
from workshop_kit.workspace.course import Course, FILE
from workshop_kit.workspace.solutions import NOTEBOOK
from workshop_kit.workspace.regions import ID

GUIDELINES = tuple(
    f"factor {one.id.removeprefix('F')}, {one.name}" if one.id.startswith("F") else one.name for one in principles()
)
"""How an exercise cites them: ``factor 7, Disposability`` (the number with its name), ``Process Disposability``."""
WEIGHTS = ("core", "more")
REQUIRED = (
    "id",
    "title",
    "lesson",
    "weight",
    "task",
    "minutes",
    "debrief_minutes",
    "tracks",
    "guidelines",
    "hints",
)
OPTIONAL = ("file", "more_files", "judges", "first_hints", "notebook")
JUDGES = ("service", "file", "notebook")


def entry_problems(entry: Mapping[str, Any], number: int, course: Course) -> Iterator[str]:
    """Yield a sentence for every problem of one ``[[exercise]]``, the ``number``-th (from 1) of the file."""
    named = entry.get("id")
    who = named if isinstance(named, str) and named else f"{FILE}, exercise {number}"
    for key in REQUIRED:
        if key not in entry:
            yield f"{who}: `{key}` is missing."
    for key, value in entry.items():
        if key in LOOK_AT:
            yield from (f"{who}: {problem}." for problem in LOOK_AT[key](value, course))
        else:
            yield f"{who}: `{key}` is no field of an exercise; they are {', '.join((*REQUIRED, *OPTIONAL))}."
    yield from (f"{who}: {problem}." for problem in _fit(entry, course))


def _fit(entry: Mapping[str, Any], course: Course) -> Iterator[str]:
    """Yield what does not go together: the lesson and the id's prefix."""
    lesson, named = entry.get("lesson"), entry.get("id")
    found = course.lesson(lesson) if isinstance(lesson, str) else None
    if found is None or not isinstance(named, str):
        return
    if not found.prefix:
        yield f"the lesson {found.name} has no exercises"
    elif not named.startswith(f"{found.prefix}."):
        yield f"an id in {found.name} begins with `{found.prefix}.`"


def _id(value: object, _: Course) -> Iterator[str]:
    if not isinstance(value, str) or not re.fullmatch(ID, value):
        yield f"`id` is {value!r}; write `prefix.name` in small letters"


def _text(key: str) -> Callable[[object, Course], Iterator[str]]:
    def look(value: object, _: Course) -> Iterator[str]:
        if not isinstance(value, str) or not value.strip():
            yield f"`{key}` is empty or no text"

    return look


def _minutes(key: str, least: int) -> Callable[[object, Course], Iterator[str]]:
    def look(value: object, _: Course) -> Iterator[str]:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            yield f"`{key}` is {value!r}; write a whole number, at least {least}"

    return look


def _lesson(value: object, course: Course) -> Iterator[str]:
    if not isinstance(value, str) or course.lesson(value) is None:
        yield f"`lesson` is {value!r}; it is one of {', '.join(lesson.name for lesson in course.lessons)}"


def _weight(value: object, _: Course) -> Iterator[str]:
    if value not in WEIGHTS:
        yield f"`weight` is {value!r}; it is one of {', '.join(WEIGHTS)}"


def _tracks(value: object, course: Course) -> Iterator[str]:
    yield from _some_of("tracks", value, tuple(course.tracks))


def _guidelines(value: object, _: Course) -> Iterator[str]:
    yield from _some_of("guidelines", value, GUIDELINES)


def _some_of(key: str, value: object, known: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(value, list) or not value:
        yield f"`{key}` is no list, or an empty one"
        return
    for one in value:
        if one not in known:
            yield f"`{key}` names {one!r}; known are {', '.join(known)}"
    if len({str(one) for one in value}) < len(value):
        yield f"`{key}` names something twice"


def _hints(value: object, _: Course) -> Iterator[str]:
    if not isinstance(value, list) or len(value) != 3:
        yield f"there are {len(value) if isinstance(value, list) else 'no'} hints; three are needed"
        return
    for number, hint in enumerate(value, 1):
        if not isinstance(hint, str) or not hint.strip():
            yield f"hint {number} is empty or no text"


def _first_hints(value: object, _: Course) -> Iterator[str]:
    if not isinstance(value, dict) or not value:
        yield "`first_hints` is no table, or an empty one"
        return
    for words, hint in value.items():
        if not words.strip() or not isinstance(hint, str) or not hint.strip():
            yield f"the first hint for {words!r} is empty or no text"


def _file(value: object, _: Course) -> Iterator[str]:
    path = PurePosixPath(value) if isinstance(value, str) and value else None
    if path is None or path.is_absolute() or ".." in path.parts or str(path) != value:
        yield f"`file` is {value!r}; write a path below the lesson's folder"
    elif value == NOTEBOOK:
        yield f"leave `file` out for an exercise in the notebook: its source is {NOTEBOOK}"


def _more_files(value: object, course: Course) -> Iterator[str]:
    if not isinstance(value, list) or not value:
        yield "`more_files` is no list, or an empty one"
        return
    for one in value:
        yield from (problem.replace("`file`", "`more_files`") for problem in _file(one, course))


def _judges(value: object, _: Course) -> Iterator[str]:
    if value not in JUDGES:
        yield f"`judges` is {value!r}; it is one of {', '.join(JUDGES)}"


LOOK_AT: dict[str, Callable[[object, Course], Iterator[str]]] = {
    "id": _id,
    "title": _text("title"),
    "lesson": _lesson,
    "weight": _weight,
    "task": _text("task"),
    "minutes": _minutes("minutes", 1),
    "debrief_minutes": _minutes("debrief_minutes", 0),
    "tracks": _tracks,
    "guidelines": _guidelines,
    "hints": _hints,
    "file": _file,
    "first_hints": _first_hints,
    "more_files": _more_files,
    "judges": _judges,
    "notebook": _text("notebook"),
}
