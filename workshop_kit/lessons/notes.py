"""The instructor's notes of a lesson: ``notebooks/NN_lesson.notes.md``, Markdown below the id of a cell.

A note begins with its minute (``*0:34*``, since the lesson began) and has parts, each behind a label
(``**Before.**``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from workshop_kit.errors import WorkshopError

SUFFIX = ".notes.md"
LABELS = ("Opening", "Before", "Mistakes", "After", "If late", "Debrief", "Questions", "Cut when late")
_CELL = re.compile(r"^## ", re.MULTILINE)
_MINUTE = re.compile(r"\*(\d:\d\d)\*\n")
_LABEL = re.compile(r"^\*\*([^*]+)\.\*\*\s*", re.MULTILINE)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_MARKDOWN = MarkdownIt("commonmark", {"html": False})


@dataclass(frozen=True)
class Note:
    """What to say around the cell with the id ``cell``. ``minute`` is "" in second notebooks; ``text`` is Markdown."""

    cell: str
    minute: str
    text: str

    @cached_property
    def parts(self) -> Mapping[str, str]:
        """The parts as Markdown, by label (see `LABELS`)."""
        _, *found = _LABEL.split(self.text)
        return {label: text.strip() for label, text in zip(found[::2], found[1::2], strict=True)}

    def items(self, label: str) -> list[str]:
        """Return the items of a part that is a list: mistakes, or questions."""
        return re.findall(r"^- (.+)$", self.parts.get(label, ""), re.MULTILINE)

    @property
    def html(self) -> str:
        """The text as HTML; HTML in it is escaped."""
        return str(_MARKDOWN.render(self.text))


def load(lesson: str, folder: Path) -> tuple[Note, ...]:
    """Return the notes of a lesson in the order of its cells. Raises WorkshopError for a missing or damaged file."""
    path = folder / f"{lesson}{SUFFIX}"
    try:
        title, *parts = _CELL.split(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise WorkshopError(f"{lesson} has no notes.", f"Write {path}.") from error
    if title.strip() != f"# {lesson}":
        raise WorkshopError(f"{path} does not begin with `# {lesson}`.", "Correct its first line.")
    return tuple(map(_note, parts))


def _note(text: str) -> Note:
    cell, _, body = text.partition("\n")
    minute = _MINUTE.match(body)
    return Note(cell.strip(), minute[1] if minute else "", body[minute.end() if minute else 0 :].strip())


def read_notebook(lesson: str, folder: Path) -> dict[str, Any]:
    """Return a lesson's notebook as its JSON document."""
    document: dict[str, Any] = json.loads((folder / f"{lesson}.ipynb").read_text(encoding="utf-8"))
    return document


def sections(notebook: Mapping[str, Any]) -> dict[str, str]:
    """Return the heading that each cell stands below, by cell id; a text cell with a heading stands below its own."""
    found, heading = {}, ""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            heading = (_HEADING.findall("".join(cell["source"])) or [heading])[0]
        found[cell["id"]] = heading
    return found
