"""The instructor's notes fit their notebook and its minutes."""

from __future__ import annotations

import re

import pytest

from workshop_dev.site import NOTE, by_section
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import lesson_names, load_course, notebook_cells
from workshop_room.timetable.plan import minutes_of

NOTEBOOKS = CHECKOUT / "notebooks"
LESSONS = tuple(lesson_names(NOTEBOOKS))
ASKS = re.compile(r"w\.(predict|exercise)\(")


def notes_of(lesson: str) -> list[tuple[str, str]]:
    """Return the cells that have a note, each with its minute."""
    text = (NOTEBOOKS / f"{lesson}.notes.md").read_text()
    return NOTE.findall(text)


@pytest.mark.parametrize("lesson", LESSONS)
def test_each_note_has_a_cell_and_each_task_a_note(lesson: str) -> None:
    """Headings are ids of cells, in the notebook's order; the page has all of them."""
    cells = notebook_cells(NOTEBOOKS / f"{lesson}.ipynb")
    ids = [cell["id"] for cell in cells]
    noted = [cell for cell, _ in notes_of(lesson)]
    assert noted == [name for name in ids if name in noted]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert {cell["id"] for cell in code if ASKS.search(cell["source"])} <= set(noted)

    page = by_section((NOTEBOOKS / f"{lesson}.notes.md").read_text(), cells, lesson)
    assert re.findall(r"^(?:\d:\d\d )?`([\w-]+)`$", page, re.MULTILINE) == noted


@pytest.mark.parametrize("lesson", LESSONS)
def test_minutes_fit_the_lesson(lesson: str) -> None:
    """On the full track each lies within the minutes of its section; second notebooks are outside it and have none."""
    minutes = {cell: minutes_of(minute) for cell, minute in notes_of(lesson) if minute}
    begin = 0
    for part in load_course(CHECKOUT).sections.get(lesson, ()):
        end = begin + part.minutes["full"]
        own = [minutes.pop(cell) for cell in part.cells if cell in minutes]
        assert own == sorted(set(own))
        assert all(begin <= minute < end for minute in own), part.heading
        begin = end
    assert minutes == {}
