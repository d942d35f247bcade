"""A figure as a PNG, and as a picture with an alt text.

Pictures are drawn dark on white. In a dark theme the stylesheet inverts their lightness, so one PNG serves both themes.
"""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.text import Text

from workshop_kit.display.rendered import Rendered

CSS = (Path(__file__).parent / "charts.css").read_text()
WIDTH_INCHES = 8.6
DPI = 100
PAPER = "#ffffff"
INK = "#1f2328"


def figure_png(figure: Figure, dpi: int = DPI) -> bytes:
    """Return the figure as a PNG; its texts are drawn as they are: two dollars make no formula."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    file = io.BytesIO()
    figure.savefig(file, dpi=dpi)
    return file.getvalue()


def picture(figure: Figure, alt: str) -> Rendered:
    """Return the figure for a cell; ``alt`` is its text twin."""
    data = base64.b64encode(figure_png(figure)).decode()
    width, height = (round(inches * DPI) for inches in figure.get_size_inches())
    image = f'<img src="data:image/png;base64,{data}" alt="{escape(alt)}" width="{width}" height="{height}">'
    return Rendered(f'<style>{CSS}</style><div class="wk-picture">{image}</div>', alt)
