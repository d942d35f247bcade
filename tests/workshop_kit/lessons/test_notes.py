"""The instructor's notes: they fit their notebook and its timetable, as pages, for the desk and in notebooks."""

from __future__ import annotations

import itertools
import json
import re
from html import unescape
from pathlib import Path

import nbformat
import pytest

from workshop_kit.lessons import notes
from workshop_kit.lessons.notes import CELL, Note
from workshop_kit.lessons.plan import minutes_of
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.content import INSTRUCTOR
from workshop_kit.workspace.course import lesson_names, load_course, notebook_cells
from workshop_kit.workspace.folder import Workspace

NOTEBOOKS = CHECKOUT / "notebooks"
LESSONS = tuple(lesson_names(NOTEBOOKS))
ASKS = re.compile(r"w\.(predict|exercise)\(")


@pytest.mark.parametrize("lesson", LESSONS)
def test_each_note_has_a_cell_and_each_task_a_note(lesson: str) -> None:
    """Headings are ids of cells, in the notebook's order."""
    cells = notebook_cells(NOTEBOOKS / f"{lesson}.ipynb")
    ids = [cell["id"] for cell in cells]
    noted = [note.cell for note in notes.load(lesson, NOTEBOOKS)]
    assert noted == [name for name in ids if name in noted]
    asks = {cell["id"] for cell in cells if cell["cell_type"] == "code" and ASKS.search(cell["source"])}
    assert asks <= set(noted)


@pytest.mark.parametrize("lesson", LESSONS)
def test_marks_fit_the_lesson(lesson: str) -> None:
    """On the full track each lies within the minutes of its section; second notebooks are outside it and have none."""
    marks = {note.cell: minutes_of(note.minute) for note in notes.load(lesson, NOTEBOOKS) if note.minute}
    begin = 0
    for part in load_course(CHECKOUT).sections.get(lesson, ()):
        end = begin + part.minutes["full"]
        own = [marks.pop(cell) for cell in part.cells if cell in marks]
        assert own == sorted(set(own))
        assert all(begin <= mark < end for mark in own), part.heading
        begin = end
    assert marks == {}


def words(text: str) -> str:
    """Return a text without tags, marks of Markdown and line ends."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>|[*`]|^- ", "", text, flags=re.MULTILINE))).strip()


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_page_has_every_note(lesson: str, tmp_path: Path) -> None:
    """Each part of each note stands on the page, with its minute and its cell; the desk gets the same."""
    page = notes.load_page(lesson, CHECKOUT)
    html = page.write(tmp_path).read_text()
    said = words(html)
    for note in notes.load(lesson, NOTEBOOKS):
        assert f"<code>{note.cell}</code>" in html
        assert f'<p class="minute">{note.minute}</p>' in html
        assert all(words(line) in said for line in note.text.splitlines())
    assert [one["html"] in html for one in page.as_data()["notes"]] == [True] * len(page.notes)
    assert not re.search(r"(?:src|href)=|@import", html)


def test_the_instructors_notebooks_have_all_cells_of_the_lesson_in_order(empty_workspace: Workspace) -> None:
    """Without the notes it is the lesson; each note stands, folded, before its cell; the file is a valid notebook."""
    notes.update_notebooks(empty_workspace)
    for lesson in LESSONS:
        document = json.loads((empty_workspace.notebooks / f"{INSTRUCTOR}{lesson}.ipynb").read_text())
        nbformat.validate(document)
        cells = document["cells"]
        known = [note.cell for note in notes.load(lesson, NOTEBOOKS)]
        pairs = [(one, other["id"]) for one, other in itertools.pairwise(cells) if one["id"].startswith(CELL)]
        assert [cell for _, cell in pairs] == known
        assert all(note["source"][0].startswith("<details") for note, _ in pairs)
        document["cells"] = [cell for cell in cells if not cell["id"].startswith(CELL)]
        assert document == json.loads((NOTEBOOKS / f"{lesson}.ipynb").read_text())


def test_a_note_cannot_bring_markup() -> None:
    """HTML in a note is text."""
    assert "&lt;img src=x&gt;" in Note("title", "", "**Before.** <img src=x>").html
