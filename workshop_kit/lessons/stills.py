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
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from IPython.core.formatters import BaseFormatter
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from traitlets import Unicode

from workshop_kit.files import write_atomically
from workshop_kit.lessons import notes
from workshop_kit.lessons.book import table_text
from workshop_kit.lessons.notes_page import templates

MIME = "application/vnd.workshop.still"
INCHES, DOTS = (6.4, 3.6), 300
"""A small page with many dots: type and lines are large in proportion to it."""
SCHEMES = {"light": (1.0, 0.2, 0.6), "dark": (0.18, 0.95, 0.5)}
"""The lightness of paper and of ink (OKLab, from 0 to 1), and an exponent: below 1 it moves colors toward the ink."""
LARGEST_POINTS, SMALLEST_POINTS = 16.0, 8.0
"""The type of a table; one that would need smaller type is no still."""
NAME = re.compile(r"\d\d-(.+)\.(?:light|dark)\.png")
DATAFRAME = 'class="dataframe"'

# OKLab, bottosson.github.io/posts/oklab: linear sRGB to cones, and their cube roots to lightness and two hue axes.
_TO_CONE = np.array([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
                     [0.0883024619, 0.2817188376, 0.6299787005]])  # fmt: skip
_TO_LAB = np.array([[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
                    [0.0259040371, 0.7827717662, -0.8086757660]])  # fmt: skip


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


def recolor_png(png: bytes, scheme: str) -> bytes:
    """Return a picture that was drawn dark on white in the colors of a scheme; hues stay."""
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    packed = pixels.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)
    colors = np.flatnonzero(np.bincount(packed.ravel()))
    new = np.zeros((colors.max() + 1, 3), np.uint8)
    new[colors] = recolor(np.stack([colors >> 16, colors >> 8 & 255, colors & 255], axis=-1), scheme)
    file = io.BytesIO()
    Image.fromarray(new[packed]).save(file, "PNG")
    return file.getvalue()


def recolor(rgb: NDArray[Any], scheme: str) -> NDArray[np.uint8]:
    """Return colors (rows of red, green and blue) in a scheme: white becomes its paper, black its ink."""
    paper, ink, exponent = SCHEMES[scheme]
    srgb = rgb / 255.0
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    lab = np.cbrt(linear @ _TO_CONE.T) @ _TO_LAB.T
    lab[:, 0] = paper + (ink - paper) * np.clip(1 - lab[:, 0], 0, 1) ** exponent
    linear = np.clip((lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_CONE).T, 0, 1)
    srgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    colors: NDArray[np.uint8] = np.rint(srgb * 255).astype(np.uint8)
    return colors


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
            write_atomically(folder / lesson / f"{number:02}-{cell}.{scheme}.png", recolor_png(png, scheme))


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


def write_index(folder: Path, notebooks: Path) -> Path:
    """Write index.html, a page with a small picture of every still in ``folder``, and return its path."""
    lessons: dict[str, list[Mapping[str, str]]] = {}
    for path in sorted(folder.glob("*/*.light.png")):
        lesson, name = path.parent.name, NAME.fullmatch(path.name)
        if name and (notebooks / f"{lesson}.ipynb").is_file():
            heading = notes.sections(notes.read_notebook(lesson, notebooks)).get(name[1], "")
            still = {"stem": path.name.removesuffix(".light.png"), "heading": heading}
            lessons.setdefault(lesson, []).append(still)
    page = folder / "index.html"
    write_atomically(page, templates().get_template("stills.html").render(lessons=lessons).encode())
    return page
