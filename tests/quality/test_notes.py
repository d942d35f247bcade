"""The instructor's notes: they fit their notebook, and every prediction and every exercise has one."""

from __future__ import annotations

import json
import re

import pytest

from workshop_kit.lessons.plan import minutes_of
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import LESSON, load_course

LESSONS = sorted(path.stem for path in (CHECKOUT / "notebooks").glob("*.ipynb"))
LABELS = {"Opening", "Before", "Mistakes", "After", "If late", "Debrief", "Questions", "Cut when late"}
LABEL = re.compile(r"^\*\*([^*]+)\.\*\*", re.MULTILINE)
MARK = re.compile(r"^\*(\d:\d\d)\*$", re.MULTILINE)
"""Hours and minutes since the beginning of the lesson."""
ASKS = re.compile(r"w\.(predict|exercise)\(")


@pytest.fixture(params=LESSONS)
def lesson(request: pytest.FixtureRequest) -> str:
    """The name of each lesson in turn."""
    return str(request.param)


def notes(lesson: str) -> dict[str, str]:
    """Return the notes by the id of their cell."""
    text = (CHECKOUT / "notebooks" / f"{lesson}.notes.md").read_text()
    title, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    assert title.strip() == f"# {lesson}"
    return dict(part.split("\n", 1) for part in parts)


def test_each_note_has_a_cell_and_each_task_a_note(lesson: str) -> None:
    """Headings are ids of cells, in the notebook's order."""
    cells = json.loads((CHECKOUT / "notebooks" / f"{lesson}.ipynb").read_text())["cells"]
    headings = list(notes(lesson))
    ids = [cell["id"] for cell in cells]
    assert headings == [name for name in ids if name in headings]
    asks = [cell["id"] for cell in cells if cell["cell_type"] == "code" and ASKS.search("".join(cell["source"]))]
    assert [name for name in asks if name not in headings] == []


def test_parts_are_labelled(lesson: str) -> None:
    """A lesson has an opening, a debrief, questions and what to leave out when it is late; predictions a before."""
    found = {name: set(LABEL.findall(text)) for name, text in notes(lesson).items()}
    assert set.union(*found.values()) <= LABELS
    assert "Opening" in found["title"]
    assert found["end"] >= {"Debrief", "Questions", "Cut when late"}
    assert [
        name for name, labels in found.items() if name.startswith("predict") and not labels >= {"Before", "After"}
    ] == []


def test_marks_fit_the_lesson(lesson: str) -> None:
    """On the full track each lies within the minutes of its section; second notebooks are outside it and have none."""
    marks = {cell: minutes_of(mark) for cell, text in notes(lesson).items() for mark in MARK.findall(text)}
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
