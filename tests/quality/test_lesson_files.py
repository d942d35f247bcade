"""The files beside each notebook: tables in which nothing stands that nobody reads, and the instructor's notes."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields

import pytest

from workshop_dev.expectations import Expectations
from workshop_dev.site import NOTE, by_section
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import lessons_with_tables, load_course, notebook_cells, tables_path

NOTEBOOKS = CHECKOUT / "notebooks"
LESSONS = list(lessons_with_tables(NOTEBOOKS))
TABLES = {"policy", "predictions", *(field.name for field in fields(Expectations))}
ASKS = re.compile(r"w\.(predict|exercise)\(")


def test_each_lesson_has_its_tables() -> None:
    """One file a notebook, and none that is left over."""
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == LESSONS


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_table_has_a_reader(lesson: str) -> None:
    """A misspelled name would be a prediction, or an expectation, that is not there."""
    tables = tomllib.loads(tables_path(lesson, NOTEBOOKS).read_text(encoding="utf-8"))
    assert set(tables) <= TABLES


@pytest.mark.parametrize("lesson", LESSONS)
def test_each_note_has_a_cell_and_each_task_a_note(lesson: str) -> None:
    """Headings are ids of cells, in the notebook's order; the page has all of them."""
    cells = notebook_cells(NOTEBOOKS / f"{lesson}.ipynb")
    notes = (NOTEBOOKS / f"{lesson}.notes.md").read_text()
    noted = NOTE.findall(notes)
    assert noted == [cell["id"] for cell in cells if cell["id"] in noted]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert {cell["id"] for cell in code if ASKS.search(cell["source"])} <= set(noted)

    page = by_section(notes, load_course(CHECKOUT).sections[lesson], lesson)
    assert re.findall(r"^`([\w-]+)`$", page, re.MULTILINE) == noted
