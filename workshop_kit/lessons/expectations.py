"""Expected outputs of a lesson's cells, and outputs that no cell may have.

``notebooks/NN_lesson.expected.toml`` has two tables. ``[shows]``: cell id → regular expression that the output must
match. ``[exceptions]``: cell id → why this cell may print an exception's name.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from workshop_kit.errors import WorkshopError

SUFFIX = ".expected.toml"
ANSI = re.compile(r"\x1b\[[0-9;]*m")
EXCEPTION = re.compile(r"\b[A-Z]\w*(?:Error|Exception)\b|Traceback \(most recent call last\)")
NOTHING = re.compile(r"\bno tests ran\b|\bcollected 0 items\b|\bEmpty DataFrame\b|\b0 rows\b")
TABLE_BODY = re.compile(r"<tbody>(.*?)</tbody>", re.DOTALL)
NOT_TEXT = re.compile(r"<style.*?</style>|<script.*?</script>|<svg.*?</svg>|<[^>]*>", re.DOTALL)


@dataclass(frozen=True)
class Expectations:
    """Expected outputs by cell id (``shows``), and the cells that may print an exception's name (``exceptions``)."""

    shows: dict[str, str] = field(default_factory=dict)
    exceptions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Miss:
    """A cell with a wrong output. ``index`` counts all cells from 0."""

    index: int
    cell: str
    sentence: str


def load(lesson: str, folder: Path) -> Expectations:
    """Read the table of a lesson; an empty one if there is no file. Raises WorkshopError for an invalid file."""
    path = folder / f"{lesson}{SUFFIX}"
    if not path.exists():
        return Expectations()
    try:
        found = TypeAdapter(Expectations).validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
        for pattern in found.shows.values():
            re.compile(pattern)
    except (tomllib.TOMLDecodeError, ValidationError, re.error) as error:
        reason = str(error).split("\n", 1)[0]
        raise WorkshopError(f"{path} cannot be used: {reason}.", "Compare it with another lesson's table.") from error
    return found


def misses(notebook: Any, expected: Expectations) -> list[Miss]:
    """Return the wrong outputs of an executed notebook in the order of its cells."""
    found = []
    cells = {cell.id: index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"}
    unknown = sorted({*expected.shows, *expected.exceptions} - set(cells))
    found += [Miss(0, name, f"The expectations name a cell {name!r}, which is not there.") for name in unknown]
    for name, index in cells.items():
        outputs = notebook.cells[index].outputs
        text = " ".join(text_of(output) for output in outputs)
        found += [Miss(index, name, sentence) for sentence in _sentences(name, text, expected)]
        if any(_has_empty_table(output) for output in outputs):
            found.append(Miss(index, name, f"Cell {name!r} shows a table without rows."))
    return found


def _sentences(name: str, text: str, expected: Expectations) -> list[str]:
    """Return a sentence for each problem in the text of one cell."""
    sentences = []
    pattern = expected.shows.get(name)
    if pattern is not None and not re.search(pattern, text):
        sentences.append(f"Cell {name!r} does not show {pattern!r}; it shows {text[:300]!r}.")
    if name not in expected.exceptions and (exception := EXCEPTION.search(text)):
        sentences.append(f"Cell {name!r} prints {exception[0]!r}.")
    if nothing := NOTHING.search(text):
        sentences.append(f"Cell {name!r} prints {nothing[0]!r}.")
    return sentences


def text_of(output: Any) -> str:
    """Return the text of one output: HTML without tags, white space as single spaces."""
    data = output.get("data", {})
    if html := data.get("text/html"):
        text = unescape(NOT_TEXT.sub(" ", html))
    else:
        text = output.get("text") or data.get("text/plain") or f"{output.get('ename', '')} {output.get('evalue', '')}"
    return " ".join(ANSI.sub("", text).split())


def _has_empty_table(output: Any) -> bool:
    html = output.get("data", {}).get("text/html", "")
    return any("<tr" not in body for body in TABLE_BODY.findall(html))
