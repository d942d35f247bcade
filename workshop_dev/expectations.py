"""Expected outputs of a lesson's cells, and outputs that no cell may have: errors, and nothing where it promises some.

``notebooks/NN_lesson.toml`` has three tables of them. ``[shows]``: cell id → regular expression that the output must
match. ``[exceptions]``: cell id → why this cell may print an exception's name, or what the engine refuses.
``[quiet]``: cell id → why this cell may show nothing, or another result than its prediction's ``right``.
"""

from __future__ import annotations

import ast
import base64
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

from matplotlib.image import imread

from workshop_dev.book import ANSI
from workshop_kit.display.map import NAME as MAP
from workshop_kit.files import load_document
from workshop_kit.lessons.predictions import NOT_USUAL
from workshop_kit.workspace.course import tables_path

REFUSED = re.compile(r"Error response from daemon|\bnot found\b")
EXCEPTION = re.compile(rf"\b[A-Z]\w*(?:Error|Exception)\b|Traceback \(most recent call last\)|{REFUSED.pattern}")
NOTHING = re.compile(r"\bno tests ran\b|\bcollected 0 items\b|\bEmpty DataFrame\b|\b0 rows\b")
USUALLY = re.compile(rf"\bUsually: .*{re.escape(NOT_USUAL)}")
TABLE_BODY = re.compile(r"<tbody>(.*?)</tbody>", re.DOTALL)
NOT_TEXT = re.compile(
    r'<style.*?</style>|<script.*?</script>|<svg.*?</svg>|<details class="wk-diff".*?</details>|<[^>]*>', re.DOTALL
)
"""What a reader does not read as a sentence; of a file cell that is the diff of the file."""
SHOWS = {
    "audit", "board", "compare", "crosstab", "DataFrame", "describe", "display", "head", "map", "predict",
    "print", "reveal", "take_home",
}  # fmt: skip
"""Names of functions and methods that show something if a call of them is the last line of a cell."""
EMPTY = re.compile(r"^(?:None|\[\]|\{\}|\(\)|set\(\)|Series\(\[\].*\))$", re.MULTILINE)
"""A line of text that says that there is nothing."""
EMBEDDED_PNG = re.compile(r'<img src="data:image/png;base64,([^"]+)"')
"""A chart in the HTML of the kit."""
LIT = "[today]"
"""How the map's text marks the parts of a lesson."""
COLOR = 0.1
"""A pixel is colored if its red, green and blue differ by more: axes, ticks and texts are gray."""
LEAST_PIXELS = 500
"""A chart with data has at least so many colored pixels; the samples of lines in a legend have fewer."""


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
    """Yield a sentence for each expected cell id that no cell has."""
    cell_ids = {cell.id for cell in notebook.cells}
    expected_ids = {*expected.shows, *expected.exceptions, *expected.quiet}
    for identifier in sorted(expected_ids - cell_ids):
        yield f"The expectations name a cell {identifier!r}, which is not there."


def _quiet_problems(cell: Any) -> Iterator[str]:
    """Yield the problems of a cell that shows too little, or another result than its prediction's ``right``.

    They are the ends of a sentence.
    """
    if promises_output(cell.source) and not cell.outputs:
        yield "shows nothing"
    for output in cell.outputs:
        yield from _text_problems(output)
        yield from _picture_problems(output.get("data", {}))
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


def _text_problems(output: Mapping[str, Any]) -> Iterator[str]:
    """Yield the problems of the text of an output: an empty value, a map of the workshop without a lit part."""
    data = output.get("data", {})
    text = str(output.get("text") or data.get("text/plain") or "")
    nothing = EMPTY.search(text)
    if nothing:
        yield f"shows {nothing[0]}"
    if text.startswith(MAP) and LIT not in text:
        yield "shows a map on which nothing is lit"


def _picture_problems(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the problem of the charts (PNG) in the data of an output, if there is one."""
    charts = EMBEDDED_PNG.findall(str(data.get("text/html", "")))
    if data.get("image/png"):
        charts.append(data["image/png"])
    if not all(has_data(base64.b64decode(chart)) for chart in charts):
        yield "shows a chart without data"


def promises_output(source: str) -> bool:
    """Return whether a cell must have an output: it prints or displays, or its last line is a value that is shown.

    >>> promises_output("print(1)"), promises_output("x = 1\\nx"), promises_output("x.append(1)"), promises_output("x;")
    (True, True, False, False)
    """
    if source.startswith("%%") or source.rstrip().endswith(";"):
        return False
    python = re.sub(r"^[!%].*$", "pass", source, flags=re.MULTILINE)  # without IPython's own lines
    try:
        statements = ast.parse(python).body
    except SyntaxError:
        return False

    expressions = [statement for statement in statements if isinstance(statement, ast.Expr)]
    if any(_called_name(expression.value) in {"print", "display"} for expression in expressions):
        return True

    last_statement = statements[-1] if statements else None
    if not isinstance(last_statement, ast.Expr):
        return False
    last_value = last_statement.value
    if isinstance(last_value, ast.Name | ast.Attribute | ast.Subscript):
        return True
    return _called_name(last_value) in SHOWS


def _called_name(value: ast.expr) -> str:
    """Return the name of the function or method that an expression calls; "" if it calls none by a name."""
    if not isinstance(value, ast.Call):
        return ""
    function = value.func
    if isinstance(function, ast.Attribute):
        return function.attr
    if isinstance(function, ast.Name):
        return function.id
    return ""


def has_data(png: bytes) -> bool:
    """Return whether a chart has enough colored pixels: one without data has only those of its legend."""
    pixels = imread(io.BytesIO(png), format="png")
    if pixels.ndim < 3:
        return False

    colors = pixels[:, :, :3]
    differences = colors.max(axis=2) - colors.min(axis=2)
    colored_pixels = int((differences > COLOR).sum())
    return colored_pixels >= LEAST_PIXELS
