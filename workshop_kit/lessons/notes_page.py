"""The notes of a lesson as a page to print, and note by note for the presenter's page: HTML from templates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from workshop_kit.exercises import registry
from workshop_kit.exercises.registry import Exercise
from workshop_kit.files import write_atomically
from workshop_kit.lessons import notes
from workshop_kit.lessons.notes import Note
from workshop_kit.lessons.predictions import Question, load_all_questions
from workshop_kit.workspace.course import load_course

HERE = Path(__file__).parent
_NUMBER = re.compile(r"\{\w+\}")
_PREDICT = re.compile(r'w\.predict\("([^"]+)"\)')


@dataclass(frozen=True)
class Entry:
    """A note, the heading above its cell, and the prediction or the exercise that the cell shows."""

    note: Note
    section: str
    question: Question | None
    exercise: Exercise | None

    @property
    def solution(self) -> str:
        """The last hint of the exercise; numbers that differ from laptop to laptop are left out."""
        hint, task = (self.exercise.hints[-1], self.exercise.task) if self.exercise else ("", "")
        for number in _NUMBER.findall(task):
            hint = hint.replace(number, "…")
        return hint

    @property
    def html(self) -> str:
        """The note, with the prediction's options or the exercise's minutes and solution before it."""
        return templates().get_template("note.html").render(entry=self, text=Markup(self.note.html))  # noqa: S704


@dataclass(frozen=True)
class NotesPage:
    """The notes of one lesson. ``minutes`` is the lesson's time on the full track; 0 for a second notebook."""

    lesson: str
    title: str
    minutes: int
    entries: tuple[Entry, ...]

    @property
    def html(self) -> str:
        """One self-contained page, with a style for printing."""
        style = Markup((HERE / "notes.css").read_text(encoding="utf-8"))  # noqa: S704 - it is ours
        return templates().get_template("notes_page.html").render(page=self, style=style)

    def as_data(self) -> dict[str, Any]:
        """Return the minutes and the notes, each as HTML, for the presenter's page."""
        made = [
            {"cell": one.note.cell, "minute": one.note.minute, "section": one.section, "html": one.html}
            for one in self.entries
        ]
        return {"minutes": self.minutes, "notes": made}

    def write(self, folder: Path) -> Path:
        """Write the page into ``folder`` and return its path. Raises NotReady where it cannot be written."""
        path = folder / f"{self.lesson}.html"
        write_atomically(path, self.html.encode())
        return path


def load(lesson: str, root: Path) -> NotesPage:
    """Return the notes of a lesson of the checkout ``root``. Raises WorkshopError for a missing or damaged file."""
    folder = root / "notebooks"
    notebook, questions = notes.read_notebook(lesson, folder), load_all_questions(folder)
    asked = {cell["id"]: _PREDICT.search("".join(cell["source"])) for cell in notebook["cells"]}
    exercises = {one.cells[0]: one for one in registry.load(root)}
    sections = notes.sections(notebook)
    planned = load_course(root).lesson(lesson)

    def entry(note: Note) -> Entry:
        prediction = asked.get(note.cell)
        question = questions.get(f"{lesson}.{prediction[1]}") if prediction else None
        return Entry(note, sections.get(note.cell, ""), question, exercises.get(note.cell))

    entries = tuple(map(entry, notes.load(lesson, folder)))
    return NotesPage(lesson, sections["title"], planned.minutes["full"] if planned else 0, entries)


@cache
def templates() -> Environment:
    """Return the templates of this folder; every value is escaped."""
    return Environment(
        loader=FileSystemLoader(HERE),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
