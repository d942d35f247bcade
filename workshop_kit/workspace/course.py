"""Tracks and lessons from exercises.toml, sections and minutes from the notebooks. It needs no package.

`./workshop plan` runs on a bare Python; `workspace.exercise_list` reads the exercises in full. The names of notebooks
stand here, too: they are few lines, and all that reads sections needs them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.files import MAX_NOTEBOOK_BYTES, read_document
from workshop_kit.names import resolve
from workshop_kit.paths import CHECKOUT

FILE = "exercises/exercises.toml"
MY_SERVICE = "my_service"
"""The folder of a workspace that holds the participant's own service."""
SECTION = "section"
"""The key of a cell's metadata that makes it the beginning of a section.

``minutes`` are those of a first-time learner, ``tracks`` those on the shorter tracks that have the section. ``rest``: a
break may come before it.
"""
SHORT = "short_90_minutes"
"""The notebook of the track ``90min``; `./workshop build` makes it of cells of the lessons."""
MAKERS = ("%%file ", "w.exercise(")
"""How the cells begin that make a file, or have an exercise in one."""
TRACKS = ("90min", "half-day", "day", "full")
LESSON = re.compile(r"\d\d[a-z]?_\w+")
"""The name of a notebook of the series; others of a workspace (a copy, say) are found by their whole name only."""
TABLES_SUFFIX = ".toml"
"""The ending of the file of tables beside a lesson's notebook: its policy card and predictions (`lessons`), and what
its cells show when they are executed (`workshop_dev.expectations`).
"""


@dataclass(frozen=True)
class Track:
    """A way through the workshop.

    A break comes after at most ``break_after`` minutes. A visit of an optional notebook takes ``visit_minutes``.
    ``second_day`` is the lesson with which a second day begins, "" without one.
    """

    name: str
    welcome: int = 0
    demo: int = 0
    visit_minutes: int = 0
    break_after: int = 90
    break_minutes: int = 0
    lunch_minutes: int = 0
    buffer: int = 0
    wrap_up: int = 0
    second_day: str = ""


@dataclass(frozen=True)
class Section:
    """A part of a lesson: ``cells`` (ids) from the one with its ``heading`` to the next section.

    ``minutes`` are given by track: a track that is not among them skips the section. ``may_follow_break``: a break may
    come before the section. ``makes_files``: a later section may need the files that its cells make.
    """

    heading: str
    cells: tuple[str, ...]
    minutes: Mapping[str, int]
    may_follow_break: bool = False
    makes_files: bool = False


@dataclass(frozen=True)
class CourseLesson:
    """A lesson: its notebook's ``name``, and the ``prefix`` of its exercises' ids ("" if it has none).

    The second notebook of a lesson has ``more``, which is optional, and a reason for a ``visit``. A notebook that is
    for one track alone names that ``track``.
    """

    name: str
    title: str
    prefix: str = ""
    more: bool = False
    visit: str = ""
    track: str = ""


@dataclass(frozen=True)
class ExerciseTime:
    """The part of an ``[[exercise]]`` that a timetable needs: see `workspace.exercise_list.Exercise`."""

    id: str
    title: str
    lesson: str
    weight: str
    minutes: int
    debrief_minutes: int

    @property
    def all_minutes(self) -> int:
        """The minutes to do it and to talk about it."""
        return self.minutes + self.debrief_minutes

    @property
    def cell(self) -> str:
        """The id of its cell in the notebook."""
        return f"exercise-{self.id.replace('.', '-')}"


@dataclass(frozen=True)
class Course:
    """The notebooks by name, in their order, the tracks and sections by name, and the exercises."""

    notebooks: Mapping[str, CourseLesson]
    tracks: Mapping[str, Track]
    exercises: tuple[ExerciseTime, ...]
    sections: Mapping[str, tuple[Section, ...]]

    @property
    def lessons(self) -> tuple[CourseLesson, ...]:
        """The lessons in their order, without the optional notebooks."""
        return tuple(lesson for lesson in self.notebooks.values() if not lesson.more)

    def is_optional(self, name: str) -> bool:
        """Return whether a notebook is an optional one."""
        return name in self.notebooks and self.notebooks[name].more

    def lesson(self, name: str) -> CourseLesson | None:
        """Return the lesson called ``name`` (``01_container``), or None."""
        return None if self.is_optional(name) else self.notebooks.get(name)

    def cells(self, name: str, track: str) -> tuple[str, ...]:
        """Return the cells (ids) of the notebook ``name`` that are in sections of ``track``."""
        sections = [section for section in self.sections.get(name, ()) if track in section.minutes]
        return tuple(itertools.chain.from_iterable(section.cells for section in sections))

    def exercises_of(self, name: str, track: str) -> tuple[ExerciseTime, ...]:
        """Return the exercises that ``track`` has of a notebook; on ``full`` also those of its second notebook."""
        if track == "full":
            return tuple(exercise for exercise in self.exercises if exercise.lesson == name)
        cells = self.cells(name, track)
        return tuple(exercise for exercise in self.exercises if exercise.cell in cells)

    def jumps(self, track: str) -> dict[str, tuple[str, ...]]:
        """Return the headings at which ``track`` needs files of sections that it skips, by lesson.

        The first section of a lesson has only the cell that makes ``w``, and the last one needs no files.
        """
        headings: dict[str, tuple[str, ...]] = {}
        is_missing = False
        for name in self.names("full"):
            _, *sections, _ = self.sections[name]
            for section in sections:
                is_skipped = track not in section.minutes
                if is_skipped:
                    is_missing = is_missing or section.makes_files
                elif is_missing:
                    headings[name] = (*headings.get(name, ()), section.heading)
                    is_missing = False
        return headings

    def minutes(self, name: str, track: str) -> int:
        """Return the minutes of all sections of the lesson ``name`` on ``track``."""
        return sum(section.minutes.get(track, 0) for section in self.sections.get(name, ()))

    def names(self, track: str) -> tuple[str, ...]:
        """Return the names of the notebooks that ``track`` opens, in their order."""
        return tuple(lesson.name for lesson in self.lessons if self.minutes(lesson.name, track))


def load_course(root: Path) -> Course:
    """Return the course that exercises.toml and the notebooks of the checkout ``root`` describe.

    Raises WorkshopError for an incomplete table or section.
    """
    document = read_document(root / FILE)
    try:
        tracks = {name: Track(name=name, **values) for name, values in document["tracks"].items()}
        notebooks = {name: CourseLesson(name=name, **values) for name, values in document["lessons"].items()}
        exercises = [_exercise_time(entry) for entry in document.get("exercise", [])]
    except (KeyError, TypeError, AttributeError) as error:
        raise WorkshopError(f"{FILE} is not complete: {error}.", "Compare that table with the others.") from error

    names = list(notebooks)

    def lesson_index(exercise: ExerciseTime) -> int:
        return names.index(exercise.lesson) if exercise.lesson in names else 0

    exercises.sort(key=lesson_index)
    sections = {name: _sections(root, lesson) for name, lesson in notebooks.items()}
    return Course(notebooks, tracks, tuple(exercises), sections)


def _exercise_time(entry: Mapping[str, Any]) -> ExerciseTime:
    """Return what a timetable needs of an ``[[exercise]]``. Raises KeyError for an entry that lacks some of it."""
    names = [attribute.name for attribute in fields(ExerciseTime)]
    return ExerciseTime(**{name: entry[name] for name in names})


def find_track(name: str) -> str:
    """Return ``name`` if it is a track. Raises WrongUsage."""
    if name not in TRACKS:
        raise WrongUsage(f"There is no track {name!r}.", f"Choose from: {', '.join(TRACKS)}.")
    return name


def _sections(root: Path, lesson: CourseLesson) -> tuple[Section, ...]:
    """Return the sections of a lesson's notebook. Raises WorkshopError for an incomplete one."""
    cells = notebook_cells(root / "notebooks" / f"{lesson.name}.ipynb")
    starts = [index for index, cell in enumerate(cells) if SECTION in cell["metadata"]]
    sections: list[Section] = []
    for start, end in itertools.pairwise([*starts, len(cells)]):
        heading = _heading_line(cells[start]["source"])
        if start == 0:  # the title of the lesson: what follows its colon is about the whole lesson
            heading = heading.partition(":")[0]

        try:
            sections.append(_section(heading.lstrip("# "), cells[start:end], lesson.track))
        except LookupError as error:
            sentence = f"{lesson.name}.ipynb: the section {cells[start]['id']!r} has no {error}."
            raise WorkshopError(sentence, "Compare its metadata with that of the others.") from error

    return tuple(sections)


def _heading_line(text: str) -> str:
    """Return the first heading of a text cell with its ``#``; "" without one."""
    for line in text.splitlines():
        if line.startswith("#"):
            return line
    return ""


def _section(heading: str, cells: Sequence[Mapping[str, Any]], track: str) -> Section:
    """Return the section with these cells; its minutes are those of ``track`` alone, if the notebook is for one.

    Raises KeyError for what lacks in its metadata.
    """
    entry = cells[0]["metadata"][SECTION]
    minutes = {track: entry["minutes"]} if track else {**entry.get("tracks", {}), "full": entry["minutes"]}
    ids = tuple(cell["id"] for cell in cells)
    makes_files = any(cell["source"].startswith(MAKERS) for cell in cells)
    return Section(heading, ids, minutes, entry.get("rest", False), makes_files)


def find_lesson(word: str, notebooks: Path) -> str:
    """Return the name of the notebook that ``word`` means: ``02`` and ``conf`` mean ``02_configuration``.

    The beginning of an optional notebook's name with its letter (``02c``) means that notebook; a word without the
    letter means only lessons. ``short`` means the notebook of ninety minutes. Raises WrongUsage where no name fits, or
    several.
    """
    names = list(lesson_names(notebooks))
    stem = word.removesuffix(".ipynb")
    if stem in names:
        return stem
    if SHORT in names and SHORT.startswith(stem.lower()):
        return SHORT

    optional = optional_names(notebooks.parent)
    has_letter = stem[2:3].isalpha()
    if has_letter and any(name.startswith(stem.lower()) for name in optional):
        candidates = [name for name in names if name in optional]
    else:
        series = [name for name in names if LESSON.fullmatch(name)]
        candidates = [name for name in series if name not in optional]

    return resolve("lesson", stem, candidates, "_", f"Choose from: {', '.join(names)}.")


def optional_names(root: Path) -> set[str]:
    """Return the names of the optional notebooks."""
    return {name for name, lesson in lesson_table(root).items() if lesson.get("more")}


def lesson_table(root: Path) -> dict[str, dict[str, Any]]:
    """Return the table of lessons in exercises.toml of ``root``, or of the checkout if ``root`` has no such file."""
    has_table = (root / FILE).is_file()
    lessons: dict[str, dict[str, Any]] = read_document((root if has_table else CHECKOUT) / FILE).get("lessons", {})
    return lessons


def notebook_cells(path: Path) -> list[dict[str, Any]]:
    """Return the cells of a notebook, the ``source`` of each as one text.

    Raises LookupError, and what `read_document` raises.
    """
    cells = read_document(path, max_bytes=MAX_NOTEBOOK_BYTES)["cells"]
    return [{**cell, "source": "".join(cell["source"])} for cell in cells]


def lesson_names(notebooks: Path) -> Iterator[str]:
    """Yield the names of the notebooks: those of the course first, in its order. Raises WrongUsage if none."""
    names = sorted(path.stem for path in notebooks.glob("*.ipynb"))
    if not names:
        raise WrongUsage(f"There is no lesson in {notebooks}.", "Get the repository afresh: it brings the notebooks.")
    series = [name for name in lesson_table(notebooks.parent) if name in names]
    yield from series
    yield from (name for name in names if name not in series)


def tables_path(lesson: str, folder: Path) -> Path:
    """Return the path of a lesson's tables in the folder of the notebooks."""
    return folder / f"{lesson}{TABLES_SUFFIX}"


def lessons_with_tables(folder: Path) -> Iterator[str]:
    """Yield the names of the lessons in that folder that have tables, in order."""
    for path in sorted(folder.glob(f"*{TABLES_SUFFIX}")):
        yield path.stem
