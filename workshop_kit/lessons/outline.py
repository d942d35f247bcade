"""What a lesson promises and leaves: the goals of its first cell, the key points and the homework of its last text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from workshop_kit.workspace.course import notebook_cells

FIRST_CELL, LAST_TEXT = "title", "end"
"""The ids of the two cells in every notebook."""
_GOALS = re.compile(r"^Afterwards you can\n\n((?:- .+\n?)+)", re.MULTILINE)
_KEY_POINTS = re.compile(r"^## To keep\n\n((?:- .+\n?)+)", re.MULTILINE)
_HOMEWORK = re.compile(r"^\*\*Take home:\*\* (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Outline:
    """The texts of one lesson, as Markdown in one line each; a goal goes on after "Afterwards you can"."""

    lesson: str
    goals: tuple[str, ...]
    key_points: tuple[str, ...]
    homework: str


def load_outline(lesson: str, root: Path) -> Outline:
    """Return the outline of a lesson of the checkout ``root``; what a lesson lacks is empty."""
    cells = notebook_cells(root / "notebooks" / f"{lesson}.ipynb")
    texts = {cell["id"]: cell["source"] for cell in cells}
    last_text = texts.get(LAST_TEXT, "")
    homework = _HOMEWORK.search(last_text)
    return Outline(
        lesson,
        goals=tuple(goal.rstrip(";.") for goal in _list_items(_GOALS, texts.get(FIRST_CELL, ""))),
        key_points=_list_items(_KEY_POINTS, last_text),
        homework=homework[1] if homework else "",
    )


def _list_items(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    """Return the items of the Markdown list that ``pattern`` finds."""
    found = pattern.search(text)
    lines = found[1].splitlines() if found else []
    return tuple(line.removeprefix("- ").strip() for line in lines)
