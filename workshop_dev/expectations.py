"""Expected outputs of a lesson's cells, and outputs that no cell may have.

``notebooks/NN_lesson.toml`` has three tables of them. ``[shows]``: cell id → regular expression that the output must
match. ``[exceptions]``: cell id → why this cell may print an exception's name, or what the engine refuses.
``[quiet]``: cell id → why this cell may show nothing, or another result than its prediction's ``right``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

from workshop_dev import quiet_outputs
from workshop_dev.book import ANSI
from workshop_kit.files import load_document
from workshop_kit.lessons.predictions import NOT_USUAL
from workshop_kit.workspace.course import tables_path
from workshop_kit.workspace.track_notebook import replaced_by

REFUSED = re.compile(r"Error response from daemon|\bnot found\b")
EXCEPTION = re.compile(rf"\b[A-Z]\w*(?:Error|Exception)\b|Traceback \(most recent call last\)|{REFUSED.pattern}")
NOTHING = re.compile(r"\bno tests ran\b|\bcollected 0 items\b|\bEmpty DataFrame\b|\b0 rows\b")
USUALLY = re.compile(rf"\bUsually: .*{re.escape(NOT_USUAL)}")
TABLE_BODY = re.compile(r"<tbody>(.*?)</tbody>", re.DOTALL)
NOT_TEXT = re.compile(r"<style.*?</style>|<script.*?</script>|<svg.*?</svg>|<[^>]*>", re.DOTALL)


@dataclass(frozen=True)
class Expectations:
    """Expected outputs by cell id (``shows``), and the cells that may print exceptions or show nothing."""

    shows: dict[str, str] = field(default_factory=dict)
    exceptions: dict[str, str] = field(default_factory=dict)
    quiet: dict[str, str] = field(default_factory=dict)


def load(lesson: str, folder: Path) -> Expectations:
    """Read the expectations of a lesson; none if there is no file. Raises WorkshopError for an invalid file."""
    path = tables_path(lesson, folder)
    return load_document(path, Expectations) if path.exists() else Expectations()


def notebook_problems(notebook: Any, expected: Expectations) -> list[tuple[int, str]]:
    """Return the problems of an executed notebook, each as the position of its cell, from 0, and a sentence."""
    problems = [(0, sentence) for sentence in _unknown_cell_problems(notebook, expected)]
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        problems += [(index, sentence) for sentence in _output_problems(cell.id, cell.outputs, expected)]
        if cell.id not in expected.quiet:
            problems += [(index, f"Cell {cell.id!r} {problem}.") for problem in _quiet_problems(cell)]

    return problems


def _unknown_cell_problems(notebook: Any, expected: Expectations) -> Iterator[str]:
    """Yield a sentence for each expected cell id that no code cell has, nor a cell that the track leaves out."""
    cell_ids = {cell.id for cell in notebook.cells if cell.cell_type == "code"}
    cells_left_out = [left_out for cell in notebook.cells for left_out in replaced_by(cell)]
    ids_left_out = {left_out["id"] for left_out in cells_left_out}

    expected_ids = {*expected.shows, *expected.exceptions, *expected.quiet}
    for identifier in sorted(expected_ids - cell_ids - ids_left_out):
        yield f"The expectations name a cell {identifier!r}, which is not there."


def _quiet_problems(cell: Any) -> Iterator[str]:
    """Yield the problems of a cell that shows too little, or another result than its prediction's ``right``."""
    if replaced_by(cell):
        return
    yield from quiet_outputs.cell_problems(cell.source, cell.outputs)
    if any(USUALLY.search(text_of(output)) for output in cell.outputs):
        yield "measured another result than `right` of its prediction says"


def _output_problems(name: str, outputs: Sequence[Any], expected: Expectations) -> Iterator[str]:
    """Yield a sentence for each problem in the outputs of one cell."""
    text = " ".join(map(text_of, outputs))
    pattern = expected.shows.get(name)
    if pattern is not None and not re.search(pattern, text):
        yield f"Cell {name!r} does not show {pattern!r}; it shows {text[:300]!r}."

    exception = EXCEPTION.search(text)
    if exception and name not in expected.exceptions:
        yield f"Cell {name!r} prints {exception[0]!r}."
    nothing = NOTHING.search(text)
    if nothing:
        yield f"Cell {name!r} prints {nothing[0]!r}."

    bodies: list[str] = []
    for output in outputs:
        html = output.get("data", {}).get("text/html", "")
        bodies += TABLE_BODY.findall(html)
    if any("<tr" not in body for body in bodies):
        yield f"Cell {name!r} shows a table without rows."


def text_of(output: Any) -> str:
    """Return the text of one output: HTML without tags, white space as single spaces."""
    data = output.get("data", {})
    html = data.get("text/html")
    if html:
        text = unescape(NOT_TEXT.sub(" ", html))
    else:
        error = f"{output.get('ename', '')} {output.get('evalue', '')}"
        text = output.get("text") or data.get("text/plain") or error

    words = ANSI.sub("", text).split()
    return " ".join(words)
