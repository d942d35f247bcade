"""What stands still in a picture: the axes below each other, their titles and units, and what each look means."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from workshop_kit.display import charts
from workshop_kit.display.dashboard.event_lane import KINDS, LEVELS
from workshop_kit.display.dashboard.states import LOOKS
from workshop_kit.display.dashboard.view import View
from workshop_kit.display.live_data import Plot
from workshop_kit.display.live_figure import LIMIT_STYLE, look_of

LEFT, RIGHT = 0.095, 0.79  # where the panels begin and end; to the right of them stand names and values
TOP_INCHES, BOTTOM_INCHES, GAP_INCHES = 0.42, 0.5, 0.3
STRIP_INCHES, PANEL_INCHES, ROW_INCHES = 0.72, 1.0, 0.19
BAND: dict[str, Any] = {"facecolor": "#7d3cc92e", "edgecolor": "#7d3cc9", "linewidth": 0.9}
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)  # seconds between two times on the axis
MOST_TIMES = 9
SAMPLE, NAME = 1.015, 1.07  # where the looks and their names stand, in widths of a panel
Range = tuple[float, float]


def heights(view: View) -> list[float]:
    """How high each of a view's panels is, in inches: the strip, bars if there are any, lines, states."""
    panels = len(view.plots) + bool(view.bars)
    return [STRIP_INCHES, *[PANEL_INCHES] * panels, 0.16 + ROW_INCHES * max(4, len(view.rows))]


def stacked(title: str, inches: Sequence[float]) -> tuple[Figure, list[Axes]]:
    """Axes below each other, each of its height in inches, with the house's quiet look."""
    total = TOP_INCHES + sum(inches) + GAP_INCHES * (len(inches) - 1) + BOTTOM_INCHES
    made = Figure(figsize=(charts.WIDTH_INCHES, total), dpi=charts.DPI, facecolor=charts.PAPER)
    FigureCanvasAgg(made)
    head: dict[str, Any] = {"fontsize": 12, "fontweight": "bold", "color": charts.INK, "parse_math": False}
    made.text(0.01, 1 - 0.06 / total, title, ha="left", va="top", **head)
    found, top = [], total - TOP_INCHES
    for height in inches:
        axes = made.add_axes((LEFT, (top - height) / total, RIGHT - LEFT, height / total))
        charts.quiet(axes)
        found.append(axes)
        top -= height + GAP_INCHES
    return made, found


def write(axes: Axes, x: float, y: float, text: str, *, size: float = 8.5, **more: Any) -> Text:
    """A text at a place in the axes (0 to 1, beyond for outside), as it is: a ``$`` in it is no formula."""
    look = {"transform": axes.transAxes, "va": "center", "color": charts.INK, "clip_on": False, "parse_math": False}
    return axes.text(x, y, text, fontsize=size, **{**look, **more})


def name_panel(axes: Axes, title: str, unit: str = "") -> None:
    """Title and unit of a panel."""
    axes.set_title(title, loc="left", fontsize=10, color=charts.INK, pad=3, parse_math=False)
    if unit:
        axes.set_ylabel(unit)
        axes.yaxis.set_label_coords(-0.088, 0.5)


def name_lines(axes: Axes, plot: Plot) -> list[float]:
    """To the right of a panel: each line's look and name; return the heights at which their values stand."""
    step = min(0.36, 1.0 / max(1, len(plot.lines)))
    heights_of_names = [0.97 - number * step for number in range(len(plot.lines))]
    for number, (line, y) in enumerate(zip(plot.lines, heights_of_names, strict=True)):
        look = {**look_of(number), "markersize": 4.5}
        axes.add_artist(Line2D([SAMPLE, SAMPLE + 0.04], [y, y], transform=axes.transAxes, clip_on=False, **look))
        write(axes, NAME, y, line.label)
    return [y - 0.145 for y in heights_of_names]


def name_boxes(axes: Axes, boxes: Iterable[tuple[str, dict[str, Any], float]], *, step: float = 0.24) -> None:
    """To the right of a panel: boxes with their names; each look, and what share of its row it takes."""
    for number, (name, look, share) in enumerate(boxes):
        y = 1 - (number + 0.5) * step
        corner, height = (SAMPLE, y - share * 0.4 * step), share * 0.8 * step
        axes.add_patch(Rectangle(corner, 0.04, height, transform=axes.transAxes, clip_on=False, **look))
        write(axes, NAME, y, name)


def label_strip(axes: Axes) -> None:
    """What the strip's marks mean."""
    axes.set_ylim(0, LEVELS)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    name_panel(axes, "Faults and events")
    name_boxes(axes, [("fault in force", BAND, 0.9)], step=0.26)
    named = {"start": "started", "stop": "ended", "oom": "OOM", "health": "health"}
    places = ((1.035, 0.5), (1.17, 0.5), (1.035, 0.18), (1.17, 0.18))
    for (kind, (marker, color)), (x, y) in zip(KINDS.items(), places, strict=True):
        axes.plot([x], [y], marker=marker, color=color, ms=6, ls="none", transform=axes.transAxes, clip_on=False)
        write(axes, x + 0.02, y, named[kind])


def label_panel(axes: Axes, plot: Plot, ends: Range) -> None:
    """A panel's title, unit, scale and limits."""
    name_panel(axes, plot.panel.title, plot.panel.unit)
    if plot.panel.logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:,g}")
        axes.minorticks_off()
    else:
        axes.locator_params(axis="y", nbins=4)
    axes.set_ylim(*ends)
    for limit in {line.limit for line in plot.lines if line.limit is not None and line.limit <= ends[1]}:
        axes.axhline(limit, linestyle=LIMIT_STYLE, linewidth=1.4, color=charts.INK)
        write(axes, 0.005, (limit - ends[0]) / (ends[1] - ends[0]) - 0.09, "limit", size=8)


def label_states(axes: Axes, view: View) -> None:
    """The names of the rows, and what each state looks like."""
    name_panel(axes, "Health: what is answered when asked")
    axes.set_ylim(max(1, len(view.rows)) - 0.45, -0.55)
    axes.set_yticks(range(len(view.rows)))
    axes.set_yticklabels([row.name for row in view.rows], parse_math=False)
    axes.grid(visible=False, axis="y")
    looks = [(f"{one.letter}  {state}", one.box, one.height) for state, one in LOOKS.items()]
    name_boxes(axes, looks)


def label_time(axes: Axes, view: View, *, clock: bool) -> None:
    """Times of day on the axis, or the seconds before now."""
    if not clock:
        axes.set_xlabel("seconds before now")
        return
    step = next((one for one in STEPS if view.seconds / one <= MOST_TIMES), math.ceil(view.seconds / MOST_TIMES))
    first = math.ceil((view.edge - view.seconds) / step) * step
    moments = np.arange(first, view.edge + 0.001, step)
    axes.set_xticks(moments - view.edge, [view.clock(one - view.edge) for one in moments])
    axes.set_xlabel(f"time (UTC), {datetime.fromtimestamp(view.edge, UTC):%Y-%m-%d}")
