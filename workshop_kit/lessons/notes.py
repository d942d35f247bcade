"""The instructor's notes of a lesson: ``notebooks/NN_lesson.notes.md``, Markdown below the id of a cell.

A note begins with its minute (``*0:34*``, since the lesson began) and has parts, each behind a label
(``**Before.**``). The instructor's notebooks have the notes as folded text cells; they stand in the workspace beside
the participant's (``instructor_01_container.ipynb``) and run as those do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from workshop_kit.errors import WorkshopError
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import content
from workshop_kit.workspace.content import Backup, Update
from workshop_kit.workspace.course import lesson_names
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.merge import notebook_bytes

SUFFIX = ".notes.md"
LABELS = ("Opening", "Before", "Mistakes", "After", "If late", "Debrief", "Questions", "Cut when late")
NAME, CELL = "instructor_", "note-"
"""What a notebook's name and the id of a note's cell begin with; the lesson's or the cell's own follows."""
FOLDED = """<details style="border-left: 6px solid #8b5ce4; padding-left: 12px;">
<summary style="color: #8b5ce4;"><b>Instructor</b>{minute} · {cell}</summary>

{text}

</details>"""
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


def update_notebooks(workspace: Workspace, root: Path = CHECKOUT) -> Update:
    """Write the instructor's notebooks, or bring them up to date; edits stay. Raises NotReady, WorkshopError."""
    done = Update(Backup(workspace))
    folder = root / "notebooks"
    for lesson in lesson_names(folder):
        made = with_notes(read_notebook(lesson, folder), load(lesson, folder))
        content.update_file(workspace, notebook_bytes(made), f"notebooks/{NAME}{lesson}.ipynb", done)
    return done


def remove_notebooks(workspace: Workspace) -> list[str]:
    """Remove the instructor's notebooks; return the names of those that stay because a cell was edited."""
    edited = []
    for path in sorted(workspace.notebooks.glob(f"{NAME}*.ipynb")):
        name = f"notebooks/{path.name}"
        if _sources(content.current(workspace, name)) != _sources(content.remembered(workspace, name)):
            edited.append(path.name)
            continue
        path.unlink()
        (workspace.base / name).unlink()
    return edited


def with_notes(notebook: Mapping[str, Any], notes: Sequence[Note]) -> dict[str, Any]:
    """Return the notebook with each note as a folded text cell before the cell that it is about."""
    by_cell = {note.cell: note for note in notes}
    cells = []
    for cell in notebook["cells"]:
        if note := by_cell.get(cell["id"]):
            cells.append(_cell(note))
        cells.append(cell)
    return {**notebook, "cells": cells}


def _cell(note: Note) -> dict[str, Any]:
    minute = f" · {note.minute}" if note.minute else ""
    text = FOLDED.format(minute=minute, cell=note.cell, text=note.text)
    lines = text.splitlines(keepends=True)
    return {"cell_type": "markdown", "id": f"{CELL}{note.cell}", "metadata": {}, "source": lines}


def _sources(notebook: bytes | None) -> object:
    """Return the cells' ids and texts, without outputs; a damaged notebook as it is."""
    try:
        return [(cell["id"], "".join(cell["source"])) for cell in json.loads(notebook or b"")["cells"]]
    except (ValueError, KeyError, TypeError):
        return notebook
