"""The instructor's notes fit their notebook."""

from __future__ import annotations

import re

import pytest

from workshop_dev.site import NOTE, by_section
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import lesson_names, load_course, notebook_cells

NOTEBOOKS = CHECKOUT / "notebooks"
LESSONS = tuple(lesson_names(NOTEBOOKS))
ASKS = re.compile(r"w\.(predict|exercise)\(")


@pytest.mark.parametrize("lesson", LESSONS)
def test_each_note_has_a_cell_and_each_task_a_note(lesson: str) -> None:
    """Headings are ids of cells, in the notebook's order; the page has all of them."""
    cells = notebook_cells(NOTEBOOKS / f"{lesson}.ipynb")
    ids = [cell["id"] for cell in cells]
    notes = (NOTEBOOKS / f"{lesson}.notes.md").read_text()
    noted = NOTE.findall(notes)
    assert noted == [name for name in ids if name in noted]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert {cell["id"] for cell in code if ASKS.search(cell["source"])} <= set(noted)

    page = by_section(notes, load_course(CHECKOUT).sections[lesson], lesson)
    assert re.findall(r"^`([\w-]+)`$", page, re.MULTILINE) == noted
