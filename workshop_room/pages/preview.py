"""A lesson to read ahead: its goals, its background and its questions, without anything that tells how it turns out.

Of the texts only those stand in it that introduce a prediction or say what the guidelines say. A text after an
experiment tells its outcome, so it is left out, as are code, outputs, the reasons of a prediction and the key points.
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
    """What is below one heading: predictions, exercises, the questions of a policy. ``text`` introduces it."""

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
        """The page."""
        return template(Path(__file__).with_name("preview.md.j2")).render(preview=self)


def load_preview(lesson: str, root: Path) -> Preview:
    """Return a lesson of the checkout ``root`` to read ahead."""
    title, *cells = notebook_cells(root / "notebooks" / f"{lesson}.ipynb")
    goals = GOALS.match(title["source"])
    stretches = list(_stretches(cells))
    headings = [_heading(heading_cell) for heading_cell, _ in stretches if heading_cell["source"].startswith("## ")]
    tables = _Tables.of(lesson, root)
    parts = [tables.part(heading_cell, cells_below) for heading_cell, cells_below in stretches]

    return Preview(
        lesson,
        opening=(goals[0] if goals else title["source"]).strip().replace("# ", "# Before ", 1),
        headings=headings,
        parts=[part for part in parts if part],
    )


@dataclass(frozen=True)
class _Tables:
    """What stands beside a lesson's notebook: its predictions, the exercises, its policy's questions."""

    predictions: dict[str, Question]
    exercises: Mapping[str, Exercise]
    policy: Sequence[str]

    @classmethod
    def of(cls, lesson: str, root: Path) -> Self:
        """Read the tables of a lesson."""
        notebooks = root / "notebooks"
        return cls(
            load_questions(lesson, notebooks),
            {exercise.id: exercise for exercise in registry.load(root)},
            list(load_reference(lesson, notebooks)) if has_policy(lesson, notebooks) else (),
        )

    def part(self, heading_cell: Cell, cells_below: Sequence[Cell]) -> Part | None:
        """Return what a stretch of cells asks, or None where it asks nothing and tells no background."""
        code = "\n".join(cell["source"] for cell in cells_below if cell["cell_type"] == "code")
        questions = [self.predictions[name] for name in ASKS.findall(code)]
        exercises = [self.exercises[name] for name in EXERCISE.findall(code)]
        policy = self.policy if POLICY in code else ()

        if questions or heading_cell["id"] in BACKGROUND:
            text = heading_cell["source"].partition("\n")[2].strip()
        elif exercises or policy:
            text = ""
        else:
            return None

        return Part(_heading(heading_cell), text, questions, exercises, policy)


def _stretches(cells: Sequence[Cell]) -> Iterator[tuple[Cell, list[Cell]]]:
    """Yield each text cell with a heading and the cells below it, up to the key points."""
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


def _heading(cell: Cell) -> str:
    match = HEADING.search(cell["source"])
    return match[1] if match else ""
