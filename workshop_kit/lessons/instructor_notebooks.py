"""The instructor's notebooks: the cells of each lesson with its notes as folded text cells between them.

They stand in the workspace beside the participant's notebooks (``instructor_01_container.ipynb``) and run as those do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workshop_kit.lessons import notes
from workshop_kit.lessons.notes import Note
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import content
from workshop_kit.workspace.content import Backup, Update
from workshop_kit.workspace.course import lesson_names
from workshop_kit.workspace.folder import Workspace

NAME, CELL = "instructor_", "note-"
"""What a notebook's name and the id of a note's cell begin with; the lesson's or the cell's own follows."""
FOLDED = """<details style="border-left: 6px solid #8b5ce4; padding-left: 12px;">
<summary style="color: #8b5ce4;"><b>Instructor</b>{minute} · {cell}</summary>

{text}

</details>"""


def update(workspace: Workspace, root: Path = CHECKOUT) -> Update:
    """Write the instructor's notebooks, or bring them up to date; edits stay. Raises NotReady, WorkshopError."""
    done = Update(Backup(workspace))
    folder = root / "notebooks"
    for lesson in lesson_names(folder):
        made = with_notes(notes.read_notebook(lesson, folder), notes.load(lesson, folder))
        text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
        content.update_file(workspace, text.encode(), f"notebooks/{NAME}{lesson}.ipynb", done)
    return done


def remove(workspace: Workspace) -> list[str]:
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


def with_notes(notebook: Mapping[str, Any], lesson_notes: Sequence[Note]) -> dict[str, Any]:
    """Return the notebook with each note as a folded text cell before the cell that it is about."""
    by_cell = {note.cell: note for note in lesson_notes}
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
