"""A lesson to read ahead: its goals, its background and its questions, without the outcome of any experiment.

It has only the texts that introduce a prediction or say what the guidelines say. A text after an experiment tells the
outcome, so it is left out, as are code, outputs, the reasons of a prediction and the key points.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from workshop_kit.display.rendered import template
from workshop_kit.lessons.policies import has_policy, load_reference
from workshop_kit.lessons.predictions import ASKS, Question, load_questions
from workshop_kit.workspace import registry
from workshop_kit.workspace.course import notebook_cells
from workshop_kit.workspace.registry import Exercise

BACKGROUND = {"special", "guidelines"}
"""The cells with what a lesson's subject is and what the guidelines say about it."""
END = "end"
"""The cell with the key points."""
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
GOALS = re.compile(r".*?^Afterwards you can\n\n(?:- [^\n]+\n?)+", re.DOTALL | re.MULTILINE)
"""The title of a lesson with its goals; what follows says how to begin."""
POLICY = "w.policy("
EXERCISE = re.compile(r'w\.exercise\("([^"]+)"\)')

Cell = Mapping[str, Any]


@dataclass(frozen=True)
class Part:
    """What is below one heading: predictions, exercises, the questions of a policy, and the ``text`` before them."""

    heading: str
    text: str
    questions: Sequence[Question] = ()
    exercises: Sequence[Exercise] = ()
    policy: Sequence[str] = ()


@dataclass(frozen=True)
class Preview:
    """A lesson to read ahead."""

    lesson: str
    opening: str
    headings: Sequence[str]
    parts: Sequence[Part]

    @property
    def markdown(self) -> str:
        """The page as Markdown."""
        return template(Path(__file__).with_name("preview.md.j2")).render(preview=self)


def load_preview(lesson: str, root: Path) -> Preview:
    """Return a lesson of the checkout ``root`` to read ahead."""
    title_cell, *cells = notebook_cells(root / "notebooks" / f"{lesson}.ipynb")
    sections = list(_sections(cells))
    headings = [_heading(heading_cell) for heading_cell, _ in sections if heading_cell["source"].startswith("## ")]
    tables = _LessonTables.of(lesson, root)
    parts = [tables.part(heading_cell, cells_below) for heading_cell, cells_below in sections]
    return Preview(lesson, _opening(title_cell), headings, parts=[part for part in parts if part])


def _opening(title_cell: Cell) -> str:
    """Return the title of a lesson, as "Before" it, with its goals; the whole text of the cell if it has no goals."""
    text = title_cell["source"]
    goals = GOALS.match(text)
    if goals:
        text = goals[0]
    return str(text.strip().replace("# ", "# Before ", 1))


@dataclass(frozen=True)
class _LessonTables:
    """The tables beside a lesson's notebook: its predictions, the exercises, its policy's questions."""

    predictions: dict[str, Question]
    exercises: Mapping[str, Exercise]
    policy: Sequence[str]

    @classmethod
    def of(cls, lesson: str, root: Path) -> Self:
        """Read the tables of a lesson."""
        notebooks = root / "notebooks"
        exercises = {exercise.id: exercise for exercise in registry.load(root)}
        policy: list[str] = []
        if has_policy(lesson, notebooks):
            policy = list(load_reference(lesson, notebooks))
        return cls(load_questions(lesson, notebooks), exercises, policy)

    def part(self, heading_cell: Cell, cells_below: Sequence[Cell]) -> Part | None:
        """Return what the cells below a heading ask; None if they ask nothing and tell no background."""
        code = "\n".join(cell["source"] for cell in cells_below if cell["cell_type"] == "code")
        questions = [self.predictions[name] for name in ASKS.findall(code)]
        exercises = [self.exercises[name] for name in EXERCISE.findall(code)]
        policy = self.policy if POLICY in code else ()

        if questions or heading_cell["id"] in BACKGROUND:
            _, _, text_below_heading = heading_cell["source"].partition("\n")
            text = text_below_heading.strip()
        elif exercises or policy:
            text = ""
        else:
            return None

        return Part(_heading(heading_cell), text, questions, exercises, policy)


def _sections(cells: Sequence[Cell]) -> Iterator[tuple[Cell, list[Cell]]]:
    """Yield each text cell with a heading and the cells below it. The heading of the key points ends the last one."""
    heading_cell: Cell | None = None
    cells_below: list[Cell] = []
    for cell in cells:
        is_heading = cell["cell_type"] == "markdown" and cell["source"].startswith("#")
        if is_heading and heading_cell is not None:
            yield heading_cell, cells_below
        if cell["id"] == END:
            return

        if is_heading:
            heading_cell = cell
            cells_below = []
        else:
            cells_below.append(cell)
    if heading_cell is not None:
        yield heading_cell, cells_below


def _heading(cell: Cell) -> str:
    """Return the first heading in a text cell; "" without one."""
    match = HEADING.search(cell["source"])
    return match[1] if match else ""
