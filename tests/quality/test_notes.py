"""The instructor's notes fit their notebook and its timetable."""

from __future__ import annotations

import re

import pytest

from workshop_kit.lessons import notes
from workshop_kit.lessons.notes import Note
from workshop_kit.lessons.plan import minutes_of
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import LESSON, load_course, notebook_cells

NOTEBOOKS = CHECKOUT / "notebooks"
LESSONS = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
LABEL = re.compile(r"^\*\*([^*]+)\.\*\*\s*", re.MULTILINE)
ASKS = re.compile(r"w\.(predict|exercise)\(")


@pytest.fixture(params=LESSONS)
def lesson(request: pytest.FixtureRequest) -> str:
    """The name of each lesson in turn."""
    return str(request.param)


@pytest.fixture
def by_cell(lesson: str) -> dict[str, Note]:
    """The notes of the lesson by the id of their cell."""
    return {note.cell: note for note in notes.load(lesson, NOTEBOOKS)}


def parts(note: Note) -> dict[str, str]:
    """Return the parts of a note as Markdown, by label."""
    _, *found = LABEL.split(note.text)
    return {label: text.strip() for label, text in zip(found[::2], found[1::2], strict=True)}


def test_each_note_has_a_cell_and_each_task_a_note(lesson: str, by_cell: dict[str, Note]) -> None:
    """Headings are ids of cells, in the notebook's order."""
    cells = notebook_cells(NOTEBOOKS / f"{lesson}.ipynb")
    ids = [cell["id"] for cell in cells]
    assert list(by_cell) == [name for name in ids if name in by_cell]
    asks = [cell["id"] for cell in cells if cell["cell_type"] == "code" and ASKS.search(cell["source"])]
    assert [name for name in asks if name not in by_cell] == []


def test_marks_fit_the_lesson(lesson: str, by_cell: dict[str, Note]) -> None:
    """On the full track each lies within the minutes of its section; second notebooks are outside it and have none."""
    marks = {note.cell: minutes_of(note.minute) for note in by_cell.values() if note.minute}
    if not LESSON.fullmatch(lesson):
        assert not marks
        return
    begin = 0
    for part in load_course(CHECKOUT).sections[lesson]:
        end = begin + part.minutes["full"]
        own = [marks.pop(cell) for cell in part.cells if cell in marks]
        assert own == sorted(set(own))
        assert all(begin <= mark < end for mark in own), part.heading
        begin = end
    assert marks == {}
