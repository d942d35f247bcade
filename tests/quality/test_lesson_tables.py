"""The file of tables beside each notebook: nothing stands in it that nobody reads."""

from __future__ import annotations

import tomllib
from dataclasses import fields

import pytest

from workshop_dev.expectations import Expectations
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import lessons_with_tables, tables_path
from workshop_kit.workspace.summary import Summary

NOTEBOOKS = CHECKOUT / "notebooks"
LESSONS = list(lessons_with_tables(NOTEBOOKS))
LINES = {field.name for field in fields(Summary)} - {"number"}
"""The lines of a lesson's first and last text."""
TABLES = {"policy", "predictions", *(field.name for field in fields(Expectations))}


def test_each_lesson_has_its_tables() -> None:
    """One file a notebook, and none that is left over."""
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == LESSONS


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_table_has_a_reader(lesson: str) -> None:
    """A misspelled name would be a prediction, or an expectation, that is not there."""
    tables = tomllib.loads(tables_path(lesson, NOTEBOOKS).read_text(encoding="utf-8"))
    assert set(tables) <= LINES | TABLES
