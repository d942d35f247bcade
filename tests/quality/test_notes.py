"""The instructor's notes: they fit their notebook, and hold what an instructor needs for each lesson."""

from __future__ import annotations

import re

import pytest

from workshop_kit.exercises import registry
from workshop_kit.lessons import notes
from workshop_kit.lessons.notes import Note
from workshop_kit.lessons.plan import minutes_of
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import LESSON, load_course

NOTEBOOKS = CHECKOUT / "notebooks"
LESSONS = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
LABELS = {"Opening", "Before", "Mistakes", "After", "If late", "Debrief", "Questions", "Cut when late"}
LABEL = re.compile(r"^\*\*([^*]+)\.\*\*\s*", re.MULTILINE)
ASKS = re.compile(r"w\.(predict|exercise)\(")
MISTAKES, QUESTIONS, QUESTIONS_OF_SECOND = 3, 5, 2
"""How many a lesson has at least; its second notebook adds to the questions of the first."""


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


def items(note: Note, label: str) -> list[str]:
    """Return the items of a part that is a list: mistakes, or questions."""
    return re.findall(r"^- (.+)$", parts(note).get(label, ""), re.MULTILINE)


def test_each_note_has_a_cell_and_each_task_a_note(lesson: str, by_cell: dict[str, Note]) -> None:
    """Headings are ids of cells, in the notebook's order."""
    cells = notes.read_notebook(lesson, NOTEBOOKS)["cells"]
    ids = [cell["id"] for cell in cells]
    assert list(by_cell) == [name for name in ids if name in by_cell]
    asks = [cell["id"] for cell in cells if cell["cell_type"] == "code" and ASKS.search("".join(cell["source"]))]
    assert [name for name in asks if name not in by_cell] == []


def test_parts_are_labelled(lesson: str, by_cell: dict[str, Note]) -> None:
    """A lesson has an opening, a debrief, questions and what to leave out when it is late; predictions a before."""
    found = {name: set(parts(note)) for name, note in by_cell.items()}
    assert set.union(*found.values()) <= LABELS
    assert "Opening" in found["title"]
    assert found["end"] >= {"Debrief", "Questions", "Cut when late"}
    wanted = {"Before", "After"}
    assert [name for name, labels in found.items() if name.startswith("predict") and not labels >= wanted] == []


def test_there_are_enough_of_them(lesson: str, by_cell: dict[str, Note]) -> None:
    """Three mistakes, each with a sentence that helps, and five questions with answers; two in a second notebook."""
    mistakes = [one for note in by_cell.values() for one in items(note, "Mistakes")]
    assert len(mistakes) >= MISTAKES
    assert [one for one in mistakes if not re.fullmatch(r'[^→]+ → ".+"', one)] == []
    questions = items(by_cell["end"], "Questions")
    assert len(questions) >= (QUESTIONS if LESSON.fullmatch(lesson) else QUESTIONS_OF_SECOND)
    assert [one for one in questions if not re.fullmatch(r"\*[^*]+[.?]\* \S.+", one)] == []


def test_each_exercise_has_its_words(lesson: str, by_cell: dict[str, Note]) -> None:
    """What to say before and after it, its mistakes, and, if it counts for the minutes, what to do when late.

    An incident has a debrief that is good enough.
    """
    for exercise in (one for one in registry.load(CHECKOUT) if one.page == lesson):
        labels = {label for cell in exercise.cells for label in parts(by_cell[cell])}
        wanted = {"Before", "Mistakes", "After"}
        wanted |= {"If late"} if exercise.weight == "core" else set()
        wanted |= {"Debrief"} if exercise.lesson == "05_game_day" else set()
        assert labels >= wanted, exercise.id


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
