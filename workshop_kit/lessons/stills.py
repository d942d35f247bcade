"""Stills: the charts that a lesson's cells show, or else its tables, as pictures for slides.

Each is 1920 × 1080 dots, in large type, once light and once dark. In the tour's kernel this module is an IPython
extension: it draws each displayed figure once more, and adds nothing to what the cell shows.
"""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path
from typing import Any

from IPython.core.formatters import BaseFormatter
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from PIL import Image
from traitlets import Unicode

from workshop_kit.lessons.book import table_text

FOLDER = "WORKSHOP_STILLS"
"""The variable with the folder for the stills of the kernel's lesson."""
MIME = "application/vnd.workshop.still"
INCHES, DOTS = (6.4, 3.6), 300
"""A small page with many dots: type and lines are large in proportion to it."""
SCHEMES = {"light": (255, 20, 1.5), "dark": (20, 240, 1.3)}
"""The brightness of paper and of ink (0 to 255), and an exponent: above 1 it moves colors toward the ink."""
LARGEST_POINTS, SMALLEST_POINTS = 16.0, 8.0
"""The type of a table; one that would need smaller type is no still."""
STILLS = "[0-9][0-9].*.png"
DATAFRAME = 'class="dataframe"'


class StillWriter(BaseFormatter):
    """Writes stills of displayed figures. It asks for no type: matplotlib's backend removes such entries."""

    format_type = Unicode(MIME)
    folder: Path
    count = 0

    def __call__(self, shown: object) -> None:
        """Write the stills of a figure."""
        if isinstance(shown, Figure):
            self.count += 1
            save(draw(shown), self.folder, self.count)


def load_ipython_extension(shell: Any) -> None:
    """Write the stills of this kernel's figures."""
    writer = StillWriter(parent=shell.display_formatter)
    writer.folder = Path(os.environ[FOLDER])
    shell.display_formatter.formatters[MIME] = writer


def emptied(folder: Path) -> Path:
    """Make the folder of a lesson's stills, remove those of an earlier tour from it, and return its whole path."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(STILLS):
        old.unlink()
    return folder.resolve()


def draw(figure: Figure) -> Image.Image:
    """Return a picture of a copy of ``figure``, dark on white."""
    drawn = pickle.loads(pickle.dumps(figure))  # noqa: S301 - our own bytes
    plt.close(drawn)  # a copy of a cell's figure would be shown by the cell, too
    drawn.set_size_inches(INCHES)
    drawn.set_layout_engine("constrained", w_pad=0.12, h_pad=0.12)
    return _picture(drawn)


def write_tables(notebook: Any, folder: Path) -> None:
    """Write stills of the tables that an executed notebook shows, if it has shown no chart."""
    if any(folder.glob(STILLS)):
        return
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    shown = [output.get("data", {}).get("text/html", "") for output in outputs]
    pictures = filter(None, (table(html) for html in shown if DATAFRAME in html))
    for number, picture in enumerate(pictures, 1):
        save(picture, folder, number)


def table(html: str) -> Image.Image | None:
    """Return a picture of a table's HTML, dark on white, or None if it is too large for a slide."""
    text = table_text(html)
    lines = text.split("\n")
    width, height = (0.92 * 72 * inches for inches in INCHES)
    points = min(LARGEST_POINTS, width / (0.602 * max(map(len, lines))), height / (1.5 * len(lines)))
    if points < SMALLEST_POINTS:
        return None
    figure = Figure(figsize=INCHES)
    figure.text(0.04, 0.5, text, va="center", family="DejaVu Sans Mono", fontsize=points, linespacing=1.4)
    return _picture(figure)


def _picture(figure: Figure) -> Image.Image:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DOTS, facecolor="white")
    return Image.open(file).convert("RGB")


def save(picture: Image.Image, folder: Path, number: int) -> None:
    """Write the light and the dark still of a picture that was drawn dark on white."""
    for scheme in SCHEMES:
        recolor(picture, scheme).save(folder / f"{number:02}.{scheme}.png")


def recolor(picture: Image.Image, scheme: str) -> Image.Image:
    """Return a picture that was drawn dark on white in the colors of a scheme; hues stay."""
    paper, ink, exponent = SCHEMES[scheme]
    brightness, *hues = picture.convert("YCbCr").split()
    changed = brightness.point([round(ink + (paper - ink) * (value / 255) ** exponent) for value in range(256)])
    return Image.merge("YCbCr", (changed, *hues)).convert("RGB")
