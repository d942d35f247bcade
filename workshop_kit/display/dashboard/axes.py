"""The dashboard's axes and what stands still on them: titles, units, scales, limits, legends, bars of log lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

from workshop_kit.display import charts
from workshop_kit.display.charts import Bars, Numbers
from workshop_kit.display.dashboard.view import Plot, View

LEFT = 0.095
RIGHT = 0.79  # the ends of the panels, in widths of the figure; to the right of them stand names and values
TOP_INCHES = 0.42
BOTTOM_INCHES = 0.5
GAP_INCHES = 0.3
EVENTS_INCHES = 0.72
PANEL_INCHES = 1.0
ROW_INCHES = 0.19
BAND: dict[str, Any] = {"facecolor": "#7d3cc92e", "edgecolor": "#7d3cc9", "linewidth": 0.9}
LEVELS = 4  # lines of text in the event lane: two for events, two for faults above them
KINDS = {"start": (">", "#1a7f5a"), "stop": ("s", "#1f2328"), "oom": ("X", "#a8264f"), "health": ("D", "#7d3cc9")}
"""The mark of each kind of event, and its color."""
TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)  # seconds between two times on the axis
MOST_TIMES = 9
SAMPLE = 1.015  # where the short piece of a line stands beside its name, in widths of a panel
NAME = 1.07  # where the name of a line stands, in widths of a panel
STROKES: tuple[Any, ...] = ("-", "-.", ":", (0, (9, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")  # 7 × 4 × 6: the first 84 lines differ, even in gray
LIMIT_STYLE = (0, (4, 3))
STATE_LOOKS: Mapping[str, tuple[float, dict[str, Any]]] = {
    "pass": (0.4, {"facecolor": "#bfe3d2", "edgecolor": "#1a7f5a", "linewidth": 0.8}),
    "warn": (0.62, {"facecolor": "#ffd9b8", "edgecolor": "#b3470b", "hatch": "////", "linewidth": 0.8}),
    "fail": (0.86, {"facecolor": "#a8264f", "edgecolor": "#6d1030", "linewidth": 0.8}),
    "refused": (0.86, {"facecolor": "#ffffff", "edgecolor": "#6d1030", "hatch": "xxxx", "linewidth": 0.8}),
    "no answer": (0.86, {"facecolor": "#ffffff", "edgecolor": "#1f2328", "hatch": "....", "linewidth": 0.8}),
}
"""A state's share of the row's height, and its look: height and hatching tell states apart, too."""


def look_of(index: int) -> dict[str, Any]:
    """Return color, stroke and mark of the line of that number: neighbors differ in all three."""
    return {
        "color": charts.COLORS[index % len(charts.COLORS)],
        "linestyle": STROKES[index % len(STROKES)],
        "marker": MARKERS[index % len(MARKERS)],
        "linewidth": 1.6,
        "markersize": 5,
    }


def background(title: str, view: View, *, clock: bool) -> tuple[Figure, list[Axes]]:
    """Return a figure with what stands still, and its axes: event lane, bars if there are any, panels, states.

    With ``clock`` there are times of day below.
    """
    panel_count = len(view.plots) + 1 if view.bars else len(view.plots)
    row_count = max(len(STATE_LOOKS), len(view.rows))  # the legend beside them has a row for each state
    states_inches = 0.16 + ROW_INCHES * row_count
    figure, all_axes = _stacked_axes(title, [EVENTS_INCHES, *[PANEL_INCHES] * panel_count, states_inches])
    events, *panels, states = all_axes

    _label_events(events)
    if view.bars:
        _draw_bars(panels.pop(0), view.bars)
    for ax, plot in zip(panels, view.plots, strict=True):
        _label_panel(ax, plot)
    _label_states(states, view)

    for ax in all_axes:
        ax.set_xlim(-view.seconds, view.seconds / 120)
        ax.tick_params(labelbottom=ax is states, bottom=ax is states)
    _label_time(states, view, clock=clock)
    return figure, all_axes


def _stacked_axes(title: str, heights_inches: Sequence[float]) -> tuple[Figure, list[Axes]]:
    """Return a figure with its title, and axes of these heights, one below the other."""
    gaps_inches = GAP_INCHES * (len(heights_inches) - 1)
    total_inches = TOP_INCHES + sum(heights_inches) + gaps_inches + BOTTOM_INCHES
    figure = Figure(figsize=(charts.WIDTH_INCHES, total_inches), dpi=charts.DPI, facecolor=charts.PAPER)
    title_look: dict[str, Any] = {"fontsize": 12, "fontweight": "bold", "color": charts.INK}
    figure.text(0.01, 1 - 0.06 / total_inches, title, ha="left", va="top", **title_look)

    grid = {
        "left": LEFT,
        "right": RIGHT,
        "top": 1 - TOP_INCHES / total_inches,
        "bottom": BOTTOM_INCHES / total_inches,
        "hspace": GAP_INCHES * len(heights_inches) / sum(heights_inches),  # in heights of an average panel
    }
    subplots = figure.subplots(len(heights_inches), height_ratios=heights_inches, gridspec_kw=grid)
    for axes in subplots:
        charts.style_axes(axes)
    return figure, list(subplots)


def write(axes: Axes, x: float, y: float, text: str, *, size: float = 8.5, **options: Any) -> Text:
    """Write a text at a place in the axes (0 to 1, beyond for outside)."""
    look = {"transform": axes.transAxes, "va": "center", "color": charts.INK, "clip_on": False, "parse_math": False}
    return axes.text(x, y, text, fontsize=size, **{**look, **options})


def name_heights(plot: Plot) -> list[float]:
    """Return where the name of each line stands: its height, in heights of the panel."""
    step = min(0.36, 1.0 / max(1, len(plot.lines)))
    return [0.97 - number * step for number in range(len(plot.lines))]


def _name_panel(axes: Axes, title: str, unit: str = "") -> None:
    """Write the title above a panel, and the unit to the left of it."""
    axes.set_title(title, loc="left", fontsize=10, color=charts.INK, pad=3)
    if unit:
        axes.set_ylabel(unit)
        axes.yaxis.set_label_coords(-0.088, 0.5)


def _name_lines(axes: Axes, plot: Plot) -> None:
    """Write the names of the lines to the right of a panel, each behind a short piece of its line."""
    for number, (line, y) in enumerate(zip(plot.lines, name_heights(plot), strict=True)):
        look = {**look_of(number), "markersize": 4.5}
        axes.add_artist(Line2D([SAMPLE, SAMPLE + 0.04], [y, y], transform=axes.transAxes, clip_on=False, **look))
        write(axes, NAME, y, line.label)


def _legend(axes: Axes, looks: Mapping[str, Mapping[str, Any]], *, columns: int = 1) -> None:
    """Write a legend to the right of a panel: ``looks`` with a ``marker`` are marks, the others areas."""
    handles: list[Line2D | Patch] = []
    for name, look in looks.items():
        if "marker" in look:
            handles.append(Line2D([], [], ls="none", label=name, **look))
        else:
            handles.append(Patch(label=name, **look))

    size: dict[str, Any] = {"fontsize": 8.5, "handlelength": 2.4, "handleheight": 1.1, "columnspacing": 0.5}
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1, 1.08), frameon=False, ncols=columns, **size)


def _label_events(axes: Axes) -> None:
    """Give the event lane its title and the legend of its marks, and no scale."""
    axes.set_ylim(0, LEVELS)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    _name_panel(axes, "Faults and events")
    marks = {kind: {"marker": marker, "color": color, "ms": 6} for kind, (marker, color) in KINDS.items()}
    _legend(axes, {"fault": BAND, **marks}, columns=2)


def _label_panel(axes: Axes, plot: Plot) -> None:
    """Give a panel its title, the names of its lines, its scale, and its limit if there is one."""
    _name_panel(axes, plot.panel.title, plot.panel.unit)
    _name_lines(axes, plot)
    if plot.panel.logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:,g}")
        axes.minorticks_off()
    else:
        axes.locator_params(axis="y", nbins=4)

    low, high = range_of(plot)
    axes.set_ylim(low, high)
    limit = plot.panel.limit
    if limit is not None and plot.lines:
        axes.axhline(limit, linestyle=LIMIT_STYLE, linewidth=1.4, color=charts.INK)
        limit_height = (limit - low) / (high - low)  # in heights of the panel
        write(axes, 0.005, limit_height - 0.09, plot.panel.limit_name, size=8)


def _label_states(axes: Axes, view: View) -> None:
    """Give the rows of states their title, their names and the legend."""
    _name_panel(axes, "Health: what is answered when asked")
    axes.set_ylim(max(1, len(view.rows)) - 0.45, -0.55)
    axes.set_yticks(range(len(view.rows)))
    axes.set_yticklabels([row.name for row in view.rows], parse_math=False)
    axes.grid(visible=False, axis="y")
    _legend(axes, {state: look for state, (_, look) in STATE_LOOKS.items()})


def _draw_bars(axes: Axes, bars: Bars) -> None:
    """Draw counts over time as stacked bars: levels differ in hatching, not only in color."""
    _name_panel(axes, bars.title, bars.unit)
    looks = charts.stacked_bars(axes, bars.starts, bars.step, bars.counts)
    looks_by_label: dict[str, Mapping[str, Any]] = {}
    for name, look in looks.items():
        total = bars.counts[name].sum()
        looks_by_label[f"{name} ({total:,.0f})"] = look
    _legend(axes, looks_by_label)

    if not looks:
        write(axes, 0.5, 0.5, "no lines", size=10, ha="center")


def _label_time(axes: Axes, view: View, *, clock: bool) -> None:
    """Label the axis of time: with round times of day if ``clock``, else with seconds before now."""
    if not clock:
        axes.set_xlabel("seconds before now")
        return

    least_step = math.ceil(view.seconds / MOST_TIMES)
    round_steps = (step for step in TIME_STEPS if view.seconds / step <= MOST_TIMES)
    step = next(round_steps, least_step)
    first_moment = math.ceil((view.edge - view.seconds) / step) * step
    moments = np.arange(first_moment, view.edge + 0.001, step)
    axes.set_xticks(moments - view.edge, [view.clock(moment - view.edge) for moment in moments])
    axes.set_xlabel(f"time (UTC), {datetime.fromtimestamp(view.edge, UTC):%Y-%m-%d}")


def label_now(axes: Axes, view: View) -> Text:
    """Write the time of day below the right end of the axis."""
    height_inches = axes.get_position().height * axes.get_figure().get_figheight()  # type: ignore[union-attr]
    return write(axes, 1, -0.42 / height_inches, f"now: {view.clock(0)} UTC", size=9, ha="right")


def range_of(plot: Plot) -> tuple[float, float]:
    """Return the ends of a panel's axis; those of a logarithmic one are powers of ten."""
    known_by_line = [line.y[np.isfinite(line.y)] for line in plot.lines]
    known_values = np.concatenate(known_by_line) if known_by_line else np.array([])
    if plot.panel.logarithmic:
        return _logarithmic_range(known_values)

    highest = float(known_values.max(initial=0.0))
    if plot.panel.full_scale and highest <= plot.panel.full_scale:
        return 0.0, plot.panel.full_scale
    return 0.0, charts.axis_end(highest or 0.9)


def _logarithmic_range(values: Numbers) -> tuple[float, float]:
    """Return the powers of ten around the positive values; 1 and 100 without any."""
    positive_values = values[values > 0]
    if not positive_values.size:
        positive_values = np.array([1.0, 95.0])

    low = 10.0 ** math.floor(math.log10(positive_values.min()))
    high = 10.0 ** math.ceil(math.log10(positive_values.max() * 1.05))
    return low, max(high, low * 10)
