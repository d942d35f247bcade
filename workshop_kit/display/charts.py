"""Static charts: a picture with title, units and an alt text.

Pictures are drawn dark on white. In a dark theme the stylesheet inverts their lightness, so one PNG serves both themes.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from workshop_kit.display.rendered import Rendered
from workshop_kit.untrusted_text import in_lines

CSS = (Path(__file__).parent / "charts.css").read_text()
WIDTH_INCHES = 8.6
DPI = 100
PAPER = "#ffffff"
INK = "#1f2328"
SOFT = "#57606a"
GRID = "#d8dee4"
Numbers = NDArray[np.float64]
LEVEL_LOOKS: dict[str, tuple[str, str]] = {
    "error": ("#a8264f", ""),
    "warning": ("#b3470b", "////"),
    "info": ("#9cc3e6", ""),
    "debug": ("#c8ccd0", "...."),
    "other": ("#e6dcf5", "xxxx"),
}
"""Color and hatching of each log level, from the gravest, at the bottom, up."""
COLORS = ("#0b62b0", "#b3470b", "#1a7f5a", "#7d3cc9", "#a8264f", "#5f6b22")


def new_figure(title: str, height_inches: float) -> tuple[Figure, Axes]:
    """Return an empty figure with its title, and its axes."""
    figure = Figure(figsize=(WIDTH_INCHES, height_inches), dpi=DPI, facecolor=PAPER, layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK)
    axes = figure.subplots()
    style_axes(axes)
    return figure, axes


def figure_png(figure: Figure, dpi: int = DPI) -> bytes:
    """Return the figure as a PNG; its texts are drawn as they are: two dollars make no formula."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    file = io.BytesIO()
    figure.savefig(file, dpi=dpi)
    return file.getvalue()


def picture(figure: Figure, alt: str) -> Rendered:
    """Return the figure for a cell; ``alt`` is its text twin."""
    alt = in_lines(alt)
    data = base64.b64encode(figure_png(figure)).decode()
    width, height = (round(inches * DPI) for inches in figure.get_size_inches())
    image = f'<img src="data:image/png;base64,{data}" alt="{escape(alt)}" width="{width}" height="{height}">'
    return Rendered(f'<style>{CSS}</style><div class="wk-picture">{image}</div>', alt)


def stacked_bars(
    axes: Axes, starts: Numbers, step: float, counts: Mapping[str, NDArray[Any]]
) -> dict[str, dict[str, Any]]:
    """Draw counts by level as stacked bars, each level with a color and a hatching of its own.

    Return the look of each level that has any count.
    """
    bottoms = np.zeros(len(starts))
    looks: dict[str, dict[str, Any]] = {}
    for name, (color, hatch) in LEVEL_LOOKS.items():
        heights = counts.get(name)
        if heights is None or not heights.any():
            continue
        looks[name] = {"facecolor": color, "hatch": hatch, "edgecolor": INK, "linewidth": 0.3}
        axes.bar(starts, heights, step * 0.94, bottoms, align="edge", label=name, **looks[name])
        bottoms += heights

    highest_top = float(bottoms.max(initial=0))
    axes.set_ylim(0, max(1.0, highest_top * 1.12))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    return looks


def duration_text(seconds: float) -> str:
    """Return a length of time in the largest unit that fits.

    >>> duration_text(900), duration_text(5), duration_text(0)
    ('15 min', '5 s', '0 µs')
    """
    seconds_by_unit = {"d": 86_400.0, "h": 3_600.0, "min": 60.0, "s": 1.0, "ms": 0.001, "µs": 0.000_001}
    fitting_units = [unit for unit, unit_seconds in seconds_by_unit.items() if seconds >= unit_seconds]
    unit = fitting_units[0] if fitting_units else "µs"
    return f"{seconds / seconds_by_unit[unit]:g} {unit}"


def style_axes(axes: Axes) -> None:
    """Give axes a pale grid, two borders, and dark letters."""
    axes.set_axisbelow(True)
    axes.grid(visible=True, color=GRID, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(SOFT)
    axes.tick_params(colors=SOFT, labelcolor=INK, labelsize=9)
    axes.xaxis.label.set(color=SOFT, fontsize=9)
    axes.yaxis.label.set(color=SOFT, fontsize=9)
