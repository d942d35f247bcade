"""Lessons, tracks and their minutes, which ``plan`` and ``status`` count: the first half of exercises.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workshop_kit.errors import WorkshopError
from workshop_kit.workspace.sources import read_text

FILE = "exercises/exercises.toml"
MY_SERVICE = "my_service"
"""The folder of a workspace that holds the participant's own service."""


@dataclass(frozen=True)
class Track:
    """A way through the workshop. ``minutes`` without breaks; ``most_exercises`` None: as many as fit."""

    name: str
    minutes: int
    most_exercises: int | None = None


@dataclass(frozen=True)
class Lesson:
    """A lesson: its notebook's ``name``, the ``prefix`` of its exercises' ids ("" if it has none), and its minutes.

    ``minutes`` maps each track that has the lesson to what people need for it: talking, doing and debriefing.
    """

    name: str
    title: str
    prefix: str
    minutes: Mapping[str, int]


@dataclass(frozen=True)
class Course:
    """The lessons in their order, and the tracks by name."""

    lessons: tuple[Lesson, ...]
    tracks: Mapping[str, Track]

    def lesson(self, name: str) -> Lesson | None:
        """Return the lesson called ``name`` (``01_container``), or None."""
        return next((lesson for lesson in self.lessons if lesson.name == name), None)


def read_toml(root: Path) -> dict[str, Any]:
    """Return what exercises.toml says. Raises WorkshopError when it is not there or no TOML."""
    text = read_text(root / FILE, FILE)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WorkshopError(f"{FILE} is not TOML: {error}.", "Mend that line.") from error


def load_course(root: Path) -> Course:
    """Return the lessons and tracks of the checkout ``root``. Raises WorkshopError for a table that is not complete."""
    return course_in(read_toml(root))


def course_in(document: Mapping[str, Any]) -> Course:
    """Return the course that a read exercises.toml describes. Raises WorkshopError, naming what is missing where."""
    tracks = {name: _track(name, table) for name, table in _table(document, "tracks").items()}
    lessons = [_lesson(name, table, tracks) for name, table in _table(document, "lessons").items()]
    return Course(tuple(sorted(lessons, key=lambda lesson: lesson.name)), tracks)


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
