"""Stills: the charts that a lesson's cells show, as pictures for slides.

Each is 1920 × 1080 dots, in large type, once light and once dark. In the tour's kernel this module is
an IPython extension: displayed figures get a second picture beside the one that the cell shows. The tour takes these
pictures out of the outputs again.
"""

from __future__ import annotations

import base64
import io
import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from IPython.core.formatters import BaseFormatter
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from PIL import Image
from traitlets import Unicode

from workshop_kit.files import write_atomically
from workshop_kit.lessons.book import table_text

MIME = "application/vnd.workshop.still"
INCHES, DOTS = (6.4, 3.6), 300
"""A small page with many dots: type and lines are large in proportion to it."""
SCHEMES = {"light": (255, 20, 1.5), "dark": (20, 240, 1.3)}
"""The brightness of paper and of ink (0 to 255), and an exponent: above 1 it moves colors toward the ink."""
LARGEST_POINTS, SMALLEST_POINTS = 16.0, 8.0
"""The type of a table; one that would need smaller type is no still."""
NAME = re.compile(r"\d\d-(.+)\.(?:light|dark)\.png")
DATAFRAME = 'class="dataframe"'


class StillFormatter(BaseFormatter):
    """Draws displayed figures once more, as a still. It asks for no type: matplotlib's backend removes such entries."""

    format_type = Unicode(MIME)

    def __call__(self, shown: object) -> str | None:
        """Return the still of a figure; None for anything else."""
        return draw(shown) if isinstance(shown, Figure) else None


def load_ipython_extension(shell: Any) -> None:
    """Draw a still beside each figure that this kernel shows."""
    shell.display_formatter.formatters[MIME] = StillFormatter(parent=shell.display_formatter)


def draw(figure: Figure) -> str:
    """Return a still of a copy of ``figure``, as a PNG in base64."""
    drawn = pickle.loads(pickle.dumps(figure))  # noqa: S301 - our own bytes
    plt.close(drawn)  # a copy of a cell's figure would be shown by the cell, too
    drawn.set_size_inches(INCHES)
    drawn.set_layout_engine("constrained", w_pad=0.12, h_pad=0.12)
    return base64.b64encode(_png(drawn)).decode()


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DOTS, facecolor="white")
    return file.getvalue()


def table(html: str) -> bytes | None:
    """Return a still of a table's HTML, or None if it is too large for a slide."""
    text = table_text(html)
    lines = text.split("\n")
    width, height = (0.92 * 72 * inches for inches in INCHES)
    points = min(LARGEST_POINTS, width / (0.602 * max(map(len, lines))), height / (1.5 * len(lines)))
    if points < SMALLEST_POINTS:
        return None
    figure = Figure(figsize=INCHES)
    figure.text(0.04, 0.5, text, va="center", family="DejaVu Sans Mono", fontsize=points, linespacing=1.4)
    return _png(figure)


def recolor(picture: Image.Image, scheme: str) -> Image.Image:
    """Return a picture that was drawn dark on white in the colors of a scheme; hues stay."""
    paper, ink, exponent = SCHEMES[scheme]
    brightness, *hues = picture.convert("YCbCr").split()
    changed = brightness.point([round(ink + (paper - ink) * (value / 255) ** exponent) for value in range(256)])
    return Image.merge("YCbCr", (changed, *hues)).convert("RGB")


def collect(notebook: Any, lesson: str, folder: Path) -> None:
    """Take the stills out of an executed notebook's outputs and write them to ``folder``; the lesson's old ones go.

    A lesson without a chart gets its tables instead.
    """
    charts = list(_charts(notebook))
    for old in (folder / lesson).glob("*.png"):
        if NAME.fullmatch(old.name):
            old.unlink()
    for number, (cell, png) in enumerate(charts or _tables(notebook), 1):
        for scheme in SCHEMES:
            file = io.BytesIO()
            recolor(Image.open(io.BytesIO(png)).convert("RGB"), scheme).save(file, "PNG")
            write_atomically(folder / lesson / f"{number:02}-{cell}.{scheme}.png", file.getvalue())


def _charts(notebook: Any) -> Iterator[tuple[str, bytes]]:
    """Yield the cell's id and the picture of each still, and remove it from the output."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if still := output.get("data", {}).pop(MIME, None):
                yield cell.id, base64.b64decode(still)


def _tables(notebook: Any) -> Iterator[tuple[str, bytes]]:
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            html = output.get("data", {}).get("text/html", "")
            if DATAFRAME in html and (picture := table(html)):
                yield cell.id, picture
