"""Outputs that should show something and show nothing: no output, an empty table or list, a picture without data."""

from __future__ import annotations

import ast
import base64
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matplotlib.image import imread

from workshop_kit.display.map import NAME as MAP

SHOWS = {
    "audit", "board", "compare", "crosstab", "DataFrame", "describe", "display", "head", "map", "predict",
    "print", "reveal", "take_home",
}  # fmt: skip
"""Names of functions and methods that show something if a call of them is the last line of a cell."""
NOTHING = re.compile(r"^(?:None|\[\]|\{\}|\(\)|set\(\)|Series\(\[\].*\))$", re.MULTILINE)
"""A line of text that says that there is nothing."""
SVG = re.compile(r"<svg.*?</svg>", re.DOTALL)
SHAPES = re.compile(r"<(?:path|polyline|polygon|line|rect|circle|ellipse|image|use)\b")
EMBEDDED_PNG = re.compile(r'<img src="data:image/png;base64,([^"]+)"')
"""A chart in the HTML of the kit."""
LIT = "[today]"
"""How the map's text marks the parts of a lesson."""
COLOR = 0.1
"""A pixel is colored if its red, green and blue differ by more: axes, ticks and texts are gray."""
LEAST_PIXELS = 500
"""A chart with data has at least so many colored pixels; the samples of lines in a legend have fewer."""


def cell_problems(source: str, outputs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the problems of an executed cell that shows nothing or too little, as the ends of a sentence."""
    if promises_output(source) and not outputs:
        yield "shows nothing"
    for output in outputs:
        yield from _text_problems(output)
        yield from _picture_problems(output.get("data", {}))


def _text_problems(output: Mapping[str, Any]) -> Iterator[str]:
    """Yield the problems of the text of an output: an empty value, a map of the workshop without a lit part."""
    data = output.get("data", {})
    text = str(output.get("text") or data.get("text/plain") or "")
    nothing = NOTHING.search(text)
    if nothing:
        yield f"shows {nothing[0]}"
    if text.startswith(MAP) and LIT not in text:
        yield "shows a map on which nothing is lit"


def _picture_problems(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the problems of the drawings (SVG) and charts (PNG) in the data of an output."""
    html = str(data.get("text/html", ""))
    drawings = SVG.findall(html) + SVG.findall(str(data.get("image/svg+xml", "")))
    if any(not SHAPES.search(drawing) for drawing in drawings):
        yield "shows a drawing without a shape"

    charts = EMBEDDED_PNG.findall(html)
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
