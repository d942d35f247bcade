"""The instructor's notes of a lesson: ``notebooks/NN_lesson.notes.md``, Markdown below the id of a cell.

A note begins with its minute (``*0:34*``, since the lesson began) and has parts, each behind a label
(``**Before.**``). They are shown as a page to print, on the presenter's page, and in the instructor's notebooks: as
folded text cells. Those notebooks have a folder of their own in the workspace, ``instructor/``, and run as the
participant's do. All of them follow a track: what it skips has no note.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup

from workshop_kit.display.rendered import template
from workshop_kit.errors import WorkshopError
from workshop_kit.files import write_atomically
from workshop_kit.lessons.policies import load_reference
from workshop_kit.lessons.predictions import ASKS, Question, load_all_questions
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import content, registry
from workshop_kit.workspace.content import INSTRUCTOR, Backup, Update
from workshop_kit.workspace.course import lesson_names, notebook_cells
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.merge import notebook_bytes
from workshop_kit.workspace.registry import Exercise
from workshop_kit.workspace.track_notebook import NOTE
from workshop_room.timetable.plan import clock, minutes_of
from workshop_room.timetable.track_times import TrackTimes

HERE = Path(__file__).parent
SUFFIX = ".notes.md"
FOLDED = """<details style="border-left: 6px solid #8b5ce4; padding-left: 12px;">
<summary style="color: #8b5ce4;"><b>Instructor</b>{minute} · {cell}</summary>

{text}

</details>"""
_NOTE = re.compile(r"^## (\S+)\n(?:\*(\d:\d\d)\*\n)?", re.MULTILINE)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_NUMBER = re.compile(r"\{\w+\}")
_POLICY = "w.policy(mine="
_MARKDOWN = MarkdownIt("commonmark", {"html": False})


@dataclass(frozen=True)
class Note:
    """What to say around the cell with the id ``cell``. ``minute`` is "" in second notebooks; ``text`` is Markdown.

    On a page, ``section`` is the heading above the cell, and the note has what the cell shows: the prediction, the
    exercise, or the ``reference``, which has an answer to each question of a policy. ``is_skipped`` says whether the
    track leaves the cell out.
    """

    cell: str
    minute: str
    text: str
    section: str = ""
    question: Question | None = None
    exercise: Exercise | None = None
    reference: Mapping[str, str] | None = None
    is_skipped: bool = False

    @property
    def solution(self) -> str:
        """The last hint of the exercise; an ellipsis stands for each number that differs from laptop to laptop."""
        if self.exercise is None:
            return ""

        hint = self.exercise.hints[-1]
        for placeholder in _NUMBER.findall(self.exercise.task):
            hint = hint.replace(placeholder, "…")
        return hint

    @property
    def html(self) -> str:
        """The note as HTML, below the prediction's options, the exercise's minutes and solution, or the reference."""
        text = Markup(_MARKDOWN.render(self.text))  # noqa: S704 - it escapes HTML
        return template(HERE / "note.html").render(note=self, text=text)


@dataclass(frozen=True)
class NotesPage:
    """The notes of one lesson on a track, whose ``times`` it has."""

    lesson: str
    title: str
    times: TrackTimes
    notes: tuple[Note, ...]

    @property
    def minutes(self) -> int:
        """The lesson's minutes on the track; 0 for a second notebook."""
        return self.times.minutes(self.lesson)

    @property
    def shown(self) -> tuple[Note, ...]:
        """The notes of the cells that the track shows."""
        return tuple(note for note in self.notes if not note.is_skipped)

    @property
    def skipped(self) -> tuple[str, ...]:
        """The headings that the track skips."""
        return self.times.skipped(self.lesson)

    @property
    def hours(self) -> str:
        """The times of day between which the lesson is held: ``09:45 to 10:30``; "" where they are not known."""
        lesson_blocks = [block for block in self.times.blocks if block.lesson == self.lesson]
        if not lesson_blocks:
            return ""

        first_block = lesson_blocks[0]
        last_block = lesson_blocks[-1]
        has_days = self.times.blocks[-1].day > 1
        day = f"day {first_block.day}, " if has_days else ""
        return f"{day}{clock(first_block.start)} to {clock(last_block.end)}"

    @property
    def html(self) -> str:
        """One self-contained page, with a style for printing."""
        style = Markup((HERE / "notes.css").read_text(encoding="utf-8"))  # noqa: S704 - it is ours
        return template(HERE / "notes_page.html").render(page=self, style=style)

    def as_data(self) -> dict[str, Any]:
        """Return the notes, each as HTML, and the lesson's minutes and track, for the presenter's page."""
        return {
            "minutes": self.minutes,
            "hours": self.hours,
            "track": self.times.track,
            "notes": [_note_data(note) for note in self.notes],
        }

    def write(self, folder: Path) -> Path:
        """Write the page into ``folder`` and return its path. Raises NotReady where it cannot be written."""
        path = folder / f"{self.lesson}.html"
        write_atomically(path, self.html.encode())
        return path


def _note_data(note: Note) -> dict[str, Any]:
    """Return what the presenter's page shows of a note, as plain data."""
    return {
        "cell": note.cell,
        "minute": note.minute,
        "section": note.section,
        "html": note.html,
        "is_skipped": note.is_skipped,
    }


def load(lesson: str, folder: Path) -> tuple[Note, ...]:
    """Return the notes of a lesson in the order of its cells. Raises WorkshopError for a missing file."""
    path = folder / f"{lesson}{SUFFIX}"
    try:
        page = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise WorkshopError(f"{lesson} has no notes.", f"Write {path}.") from error

    _title, *parts = _NOTE.split(page)  # the title; then cell, minute, text, cell, minute, text, …
    cells = parts[::3]
    minutes = parts[1::3]
    texts = parts[2::3]
    return tuple(
        Note(cell, minute or "", text.strip()) for cell, minute, text in zip(cells, minutes, texts, strict=True)
    )


def sections(cells: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the heading that each cell stands below, by cell id; a text cell with a heading stands below its own."""
    headings = {}
    heading = ""
    for cell in cells:
        if cell["cell_type"] == "markdown":
            match = _HEADING.search(cell["source"])
            if match:
                heading = match[1]
        headings[cell["id"]] = heading
    return headings


def load_page(lesson: str, root: Path, times: TrackTimes | None = None) -> NotesPage:
    """Return the notes of a lesson of the checkout ``root``, at the ``times`` of a track (by default the full one).

    Raises WorkshopError for a missing file.
    """
    times = times or TrackTimes.of(root)
    folder = root / "notebooks"

    cells = notebook_cells(folder / f"{lesson}.ipynb")
    questions = load_all_questions(folder)
    questions_by_cell = {
        cell["id"]: questions[f"{lesson}.{name}"] for cell in cells for name in ASKS.findall(cell["source"])
    }
    references_by_cell = {cell["id"]: load_reference(lesson, folder) for cell in cells if _POLICY in cell["source"]}
    exercises_by_cell = {exercise.cells[0]: exercise for exercise in registry.load(root)}
    headings_by_cell = sections(cells)

    notes = []
    for note in on_track(lesson, load(lesson, folder), times):
        note_with_details = replace(
            note,
            section=headings_by_cell.get(note.cell, ""),
            question=questions_by_cell.get(note.cell),
            exercise=exercises_by_cell.get(note.cell),
            reference=references_by_cell.get(note.cell),
        )
        notes.append(note_with_details)
    return NotesPage(lesson, headings_by_cell["title"], times, tuple(notes))


def on_track(lesson: str, notes: Iterable[Note], times: TrackTimes) -> Iterator[Note]:
    """Yield the notes of a lesson, each with its time on a track, and whether the track skips its cell."""
    for note in notes:
        minute = ""
        if note.minute:
            minute = times.time(lesson, note.cell, minutes_of(note.minute))
        yield replace(note, minute=minute, is_skipped=not times.has_cell(lesson, note.cell))


def update_notebooks(workspace: Workspace) -> Update:
    """Write the instructor's notebooks of the workspace's track, or bring them up to date.

    What the instructor has edited stays. Returns what was written. Raises NotReady, WorkshopError.
    """
    update = Update(Backup(workspace))
    folder = CHECKOUT / "notebooks"
    times = TrackTimes.of(CHECKOUT, workspace.track)

    for lesson in lesson_names(folder):
        notebook = json.loads((folder / f"{lesson}.ipynb").read_text(encoding="utf-8"))
        notes = tuple(on_track(lesson, load(lesson, folder), times))
        annotated = with_notes(notebook, notes)
        content.update_file(workspace, notebook_bytes(annotated), f"{INSTRUCTOR}/{lesson}.ipynb", update)

    return update


def with_notes(notebook: Mapping[str, Any], notes: Sequence[Note]) -> dict[str, Any]:
    """Return the notebook with each note as a folded text cell before the cell that it is about."""
    notes_by_cell = {note.cell: note for note in notes}
    cells = []
    for cell in notebook["cells"]:
        note = notes_by_cell.get(cell["id"])
        if note is not None:
            cells.append(_note_cell(note))
        cells.append(cell)

    return {**notebook, "cells": cells}


def _note_cell(note: Note) -> dict[str, Any]:
    """Return a note as a folded text cell of a notebook."""
    minute = f" · {note.minute}" if note.minute else ""
    text = FOLDED.format(minute=minute, cell=note.cell, text=note.text)
    return {
        "cell_type": "markdown",
        "id": f"{NOTE}{note.cell}",
        "metadata": {},
        "source": text.splitlines(keepends=True),
    }
