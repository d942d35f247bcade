"""The notebook of ninety minutes, made of cells of the lessons and of texts of its own.

``notebooks/short_90_minutes.md`` has the texts. A comment on a line by itself says what comes in its place::

    <!-- section: 8 minutes, title -->      a section begins with the text below, whose id this is
    <!-- 02_configuration: secret find -->  these cells (ids) of a lesson

A block of Python is a code cell, with the id that stands behind the word ``python``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workshop_kit.errors import WorkshopError
from workshop_kit.files import MAX_NOTEBOOK_BYTES, read_document, read_small_text
from workshop_kit.workspace.course import SECTION, SHORT, notebook_cells
from workshop_kit.workspace.notebook import Cell, notebook_bytes

PART = re.compile(r"^(<!-- .*? -->|```python [\w-]+\n.*?^```)$", re.MULTILINE | re.DOTALL)
MINUTES = re.compile(r"<!-- section: (\d+) minutes, ([\w-]+) -->")
CELLS = re.compile(r"<!-- (\w+): ([\w -]+) -->")
CODE = re.compile(r"```python ([\w-]+)\n(.*)\n```", re.DOTALL)


def make(root: Path) -> bytes:
    """Return the notebook of the checkout ``root``. Raises WorkshopError for a cell that its lesson does not have."""
    first_lesson = read_document(root / "notebooks" / "00_start.ipynb", max_bytes=MAX_NOTEBOOK_BYTES)
    return notebook_bytes({**first_lesson, "cells": list(_cells(root))})


def _cells(root: Path) -> Iterator[Cell]:
    """Yield the cells of the notebook; the first one of a section has the section's minutes."""
    metadata: dict[str, Any] = {}
    identifier = ""
    text = read_small_text(root / "notebooks" / f"{SHORT}.md")
    for number, part in enumerate(PART.split(text)):
        section = MINUTES.fullmatch(part)
        cells = CELLS.fullmatch(part)
        code = CODE.fullmatch(part)
        if section:
            metadata = {SECTION: {"minutes": int(section[1])}}
            identifier = section[2]
        elif cells:
            yield from _lesson_cells(root, cells[1], cells[2].split())
        elif code:
            yield _cell("code", code[1], code[2], {})
        elif part.strip():
            yield _cell("markdown", identifier or f"text-{number}", part.strip(), metadata)
            metadata = {}
            identifier = ""


def _lesson_cells(root: Path, lesson: str, names: list[str]) -> Iterator[Cell]:
    """Yield cells of a lesson; the cell of an exercise keeps its id. Raises WorkshopError for an unknown one."""
    cells = {cell["id"]: cell for cell in notebook_cells(root / "notebooks" / f"{lesson}.ipynb")}
    number, _, _ = lesson.partition("_")
    for name in names:
        if name not in cells:
            raise WorkshopError(f"{SHORT}.md: {lesson} has no cell {name}.", "Correct that and build again.")
        identifier = name if name.startswith("exercise-") else f"{name}-{number}"
        yield _cell(cells[name]["cell_type"], identifier, cells[name]["source"], {})


def _cell(cell_type: str, identifier: str, source: str, metadata: dict[str, Any]) -> Cell:
    """Return a cell in the form in which JupyterLab saves it."""
    lines = source.splitlines(keepends=True)
    if cell_type != "code":
        return {"cell_type": cell_type, "id": identifier, "metadata": metadata, "source": lines}
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": identifier,
        "metadata": metadata,
        "outputs": [],
        "source": lines,
    }
