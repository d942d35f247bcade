"""Axes one below the other, on one time axis, and what all of them look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.figure import Figure

PAPER = "#ffffff"
INK = "#1f2328"
SOFT = "#57606a"
GRID = "#d8dee4"
LEGEND: Mapping[str, Any] = {"fontsize": 8, "frameon": False, "columnspacing": 1.0}
DAY_SECONDS = 86_400

WIDTH_INCHES = 8.6
LEFT_INCHES = 1.25
RIGHT_INCHES = 1.85
TOP_INCHES = 0.5
BOTTOM_INCHES = 0.5
PANEL_INCHES = 1.05
ROW_INCHES = 0.19
GAP = 0.35  # between two panels, in heights of an average one


def stacked_axes(title: str, heights: Sequence[float], size_inches: tuple[float, float] | None) -> Figure:
    """Return a figure with axes of these heights, one below the other, on one time axis."""
    natural_height = TOP_INCHES + BOTTOM_INCHES + sum(heights) * (1 + GAP * (len(heights) - 1) / len(heights))
    width, height = size_inches or (WIDTH_INCHES, natural_height)
    figure = Figure(figsize=(width, height), facecolor=PAPER)
    figure.text(0.01, 1 - 0.06 / height, title, va="top", fontsize=12, fontweight="bold", color=INK)

    margins = {
        "left": LEFT_INCHES / width,
        "right": 1 - RIGHT_INCHES / width,
        "top": 1 - TOP_INCHES / height,
        "bottom": BOTTOM_INCHES / height,
        "hspace": GAP,
    }
    all_axes = figure.subplots(len(heights), sharex=True, height_ratios=heights, gridspec_kw=margins)
    for axes in all_axes:
        axes.set_axisbelow(True)
        axes.grid(visible=True, color=GRID, linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(SOFT)
        axes.tick_params(colors=SOFT, labelcolor=INK, labelsize=8.5, bottom=False)
    return figure


def name_axes(axes: Axes, title: str, unit: str = "") -> None:
    """Write the title above a panel, and the unit to the left of it."""
    axes.set_title(title, loc="left", fontsize=10, color=INK, pad=3)
    axes.set_ylabel(unit, fontsize=9, color=SOFT)


def days(times: Any) -> Any:
    """Return a time, or a column of times, as matplotlib's axes count them: in days since 1970."""
    return date2num(times)  # type: ignore[no-untyped-call]
