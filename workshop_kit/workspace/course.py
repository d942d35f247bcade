"""Lessons, tracks and their minutes from exercises.toml, and lessons found by name. It needs no package.

`./workshop plan` runs on a bare Python; `exercises.registry` reads the exercises in full.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.workspace.files import read_text

FILE = "exercises/exercises.toml"
MY_SERVICE = "my_service"
"""The folder of a workspace that holds the participant's own service."""
TRACKS = ("90min", "half-day", "full")
LESSON = re.compile(r"\d\d_\w+")
MORE = re.compile(r"\d\d[a-z]_\w+")
"""A lesson's first notebook, and a further one with optional parts (``02b_configuration_more``).

Other notebooks of a workspace (a copy of a lesson, say) are found by their whole name only."""


@dataclass(frozen=True)
class Track:
    """A way through the workshop. ``minutes`` without breaks; ``most_exercises`` None: as many as fit."""

    name: str
    minutes: int
    most_exercises: int | None = None


@dataclass(frozen=True)
class Lesson:
    """A lesson: its notebook's ``name``, the ``prefix`` of its exercises' ids ("" if it has none), and its minutes.

    ``minutes`` maps each track of the lesson to the minutes for talking, doing and debriefing.
    """

    name: str
    title: str
    prefix: str
    minutes: Mapping[str, int]


@dataclass(frozen=True)
class ExerciseTime:
    """The part of an ``[[exercise]]`` that a timetable needs: see `exercises.registry.Exercise`."""

    id: str
    title: str
    lesson: str
    weight: str
    minutes: int
    debrief_minutes: int
    tracks: tuple[str, ...]

    @property
    def all_minutes(self) -> int:
        """The minutes to do it and to talk about it."""
        return self.minutes + self.debrief_minutes


@dataclass(frozen=True)
class Course:
    """The lessons in their order, the tracks by name, and the exercises by lesson."""

    lessons: tuple[Lesson, ...]
    tracks: Mapping[str, Track]
    exercises: tuple[ExerciseTime, ...] = ()

    def lesson(self, name: str) -> Lesson | None:
        """Return the lesson called ``name`` (``01_container``), or None."""
        return next((lesson for lesson in self.lessons if lesson.name == name), None)


def read_toml(root: Path) -> dict[str, Any]:
    """Return the content of exercises.toml. Raises WorkshopError when it is not there or no TOML."""
    text = read_text(root / FILE, FILE)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WorkshopError(f"{FILE} is not TOML: {error}.", "Mend that line.") from error


def load_course(root: Path) -> Course:
    """Return lessons, tracks and exercises of the checkout ``root``. Raises WorkshopError for an incomplete table."""
    document = read_toml(root)
    course = course_in(document)
    names = [field.name for field in fields(ExerciseTime)]
    try:
        exercises = [ExerciseTime(**{name: entry[name] for name in names}) for entry in document.get("exercise", [])]
    except (KeyError, TypeError) as error:
        raise WorkshopError(f"{FILE} has an incomplete exercise.", "Run `./workshop build` to see which.") from error
    return Course(course.lessons, course.tracks, tuple(sorted(exercises, key=lambda exercise: exercise.lesson)))


def course_in(document: Mapping[str, Any]) -> Course:
    """Return lessons and tracks of a parsed exercises.toml. Raises WorkshopError that names the missing part."""
    tracks = {name: _track(name, table) for name, table in _table(document, "tracks").items()}
    lessons = [_lesson(name, table, tracks) for name, table in _table(document, "lessons").items()]
    return Course(tuple(sorted(lessons, key=lambda lesson: lesson.name)), tracks)


def resolve(kind: str, word: str, names: Collection[str], separator: str, advice: str) -> str:
    """Return the name that ``word`` means: whole, one of its two parts around ``separator``, or a beginning of either.

    The case of letters does not count. Raises WrongUsage: with ``advice`` where nothing fits, else with what fits.

    >>> resolve("lesson", "02", ["01_container", "02_configuration"], "_", "")
    '02_configuration'
    """
    typed = word.strip().lower()
    tests: tuple[Callable[[str], bool], ...] = (
        lambda name: name == typed,
        lambda name: typed in name.split(separator, 1),
        lambda name: any(part.startswith(typed) for part in (name, *name.split(separator, 1)[1:])),
    )
    for test in tests if typed else ():
        found = [name for name in names if test(name.lower())]
        if len(found) == 1:
            return found[0]
        if found:
            raise WrongUsage(f"{word!r} fits more than one {kind}: {', '.join(found[:-1])} and {found[-1]}.")
    raise WrongUsage(f"There is no {kind} {word!r}.", advice)


def find_lesson(word: str, notebooks: Path) -> str:
    """Return the name of a lesson of the folder ``notebooks``: for ``02_configuration`` also ``02`` or ``conf``.

    Raises WrongUsage.
    """
    known = list(lesson_names(notebooks))
    stem = word.removesuffix(".ipynb")
    if stem in known:
        return stem
    pattern = MORE if re.match(r"\d\d[a-z]", stem) else LESSON
    lessons = [name for name in known if pattern.fullmatch(name)]
    return resolve("lesson", stem, lessons, "_", f"Choose from: {', '.join(known)}.")


def lesson_names(notebooks: Path) -> Iterator[str]:
    """Yield the names of the notebooks in order. Raises WrongUsage where there is none."""
    paths = sorted(notebooks.glob("*.ipynb"))
    if not paths:
        raise WrongUsage(f"There is no lesson in {notebooks}.", "Get the repository afresh: it brings the notebooks.")
    yield from (path.stem for path in paths)


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = document.get(name)
    if not isinstance(table, dict) or not all(isinstance(entry, dict) for entry in table.values()):
        raise WorkshopError(f"{FILE} has no table [{name}].", f"Write [{name}], a line each.")
    return table


def _track(name: str, table: Mapping[str, Any]) -> Track:
    most = table.get("exercises")
    if not _is_minutes(table.get("minutes")) or not (most is None or _is_minutes(most)):
        raise WorkshopError(f"{FILE}: the track {name} has no minutes.", "Write `minutes = 65`, a whole number.")
    return Track(name, table["minutes"], most)


def _lesson(name: str, table: Mapping[str, Any], tracks: Mapping[str, Track]) -> Lesson:
    title, prefix, minutes = table.get("title"), table.get("prefix", ""), table.get("minutes")
    if not (isinstance(title, str) and title and isinstance(prefix, str)):
        raise WorkshopError(f"{FILE}: the lesson {name} has no title.", 'Write `title = "…"`.')
    if not (isinstance(minutes, dict) and minutes and all(map(_is_minutes, minutes.values()))):
        raise WorkshopError(f"{FILE}: the lesson {name} has no minutes.", "Write `minutes = { full = 40 }`.")
    if strange := set(minutes) - set(tracks):
        known = ", ".join(tracks)
        raise WorkshopError(f"{FILE}: the lesson {name} has minutes on {min(strange)}.", f"Use one of: {known}.")
    return Lesson(name, title, prefix, minutes)


def _is_minutes(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
