"""A view to a picture: panels below each other on one time axis, drawn whole, or as the next one over what stays."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from workshop_kit.show import charts
from workshop_kit.show.dashboard.states import LOOKS, StatesArtists
from workshop_kit.show.dashboard.strip import KINDS, LEVELS, StripArtists
from workshop_kit.show.dashboard.view import View
from workshop_kit.show.live_data import Line, Plot, rounded
from workshop_kit.show.live_figure import LIMIT_STYLE, Backdrop, look_of, moving_line, put, top_of

LEFT, RIGHT = 0.095, 0.79  # where the panels begin and end; to the right of them stand the names and newest values
TOP_INCHES, BOTTOM_INCHES, GAP_INCHES = 0.42, 0.5, 0.3
STRIP_INCHES, PANEL_INCHES, ROW_INCHES = 0.56, 1.0, 0.19
BAND, BAND_EDGE = "#7d3cc92e", "#7d3cc9"
MARKS_ACROSS = 12  # of each line
Range = tuple[float, float]


class Sheet:
    """Draws one view after another; the background is kept, and drawn again only when something on it changes."""

    def __init__(self) -> None:
        self._backdrop = Backdrop()
        self._key: tuple[Any, ...] = ()
        self._ranges: tuple[Range, ...] = ()
        self._parts: Parts

    @property
    def redraws(self) -> int:
        """How often the background was drawn."""
        return self._backdrop.redraws

    def png(self, title: str, view: View, *, clock: bool = False) -> bytes:
        """The next picture; with ``clock`` the axis has times of day, as is right for one that stands still."""
        before = self._ranges or ((0.0, 0.0),) * len(view.plots)
        ranges = tuple(range_of(plot, current) for plot, current in zip(view.plots, before, strict=False))
        key = (title, ranges, view.seconds, _labels(view), clock and view.edge)
        if key != self._key:
            self._parts = Parts(title, view, ranges, clock=clock)
            self._backdrop.take(self._parts.figure)
            self._key, self._ranges = key, ranges
        self._parts.put(view)
        return self._backdrop.png(self._parts.moving())

    def figure(self, title: str, view: View) -> Figure:
        """The same as a figure of its own, with times of day, to be kept."""
        parts = Parts(title, view, [range_of(plot, (0.0, 0.0)) for plot in view.plots], clock=True)
        parts.put(view)
        for _, artist in parts.moving():
            artist.set_animated(False)
        return parts.figure


def range_of(plot: Plot, current: Range) -> Range:
    """The ends of a panel's axis; as they are now, if that fits."""
    data = [line.y[np.isfinite(line.y)] for line in plot.lines]
    known = np.concatenate(data) if data else np.array([])
    highest = float(known.max()) if known.size else 0.0
    if plot.panel.logarithmic:
        positive = known[known > 0]
        return _decades(float(positive.min()), float(positive.max()), current) if positive.size else (1.0, 100.0)
    if plot.panel.full_scale and highest <= plot.panel.full_scale:
        return 0.0, plot.panel.full_scale
    return 0.0, top_of(highest, current[1])


def _decades(lowest: float, highest: float, current: Range) -> Range:
    """Whole decades around the data; the present ones stay while they fit and waste no more than one."""
    low, high = 10.0 ** math.floor(math.log10(lowest)), 10.0 ** math.ceil(math.log10(highest * 1.05))
    high = max(high, low * 10)
    fits = current[0] and low / 10.1 <= current[0] <= low * 1.01 and high * 0.99 <= current[1] <= high * 10.1
    return current if fits else (low, high)


class Parts:
    """One figure with its moving parts."""

    def __init__(self, title: str, view: View, ranges: Sequence[Range], *, clock: bool) -> None:
        heights = [STRIP_INCHES, *[PANEL_INCHES] * len(view.plots), 0.16 + ROW_INCHES * max(1, len(view.rows))]
        self.figure, all_axes = _stacked(title, heights)
        strip, *panels, states = all_axes
        self._all = all_axes
        self._bands = [_moving_bands(axes) for axes in all_axes]
        self._uprights = [_moving_uprights(axes) for axes in all_axes]
        self._strip, self._states = StripArtists(strip), StatesArtists(states)
        self._lines = [
            [moving_line(axes, number) for number in range(len(plot.lines))]
            for axes, plot in zip(panels, view.plots, strict=True)
        ]
        self._values = [_moving_values(axes, plot) for axes, plot in zip(panels, view.plots, strict=True)]
        self._nothing = [_moving_sentence(axes) for axes in [*panels, states]]
        self._now = _moving_now(states)
        self._clock = clock
        _label_strip(strip)
        for axes, plot, ends in zip(panels, view.plots, ranges, strict=True):
            _label_panel(axes, plot, ends)
        _label_states(states, view)
        for axes in all_axes:
            axes.set_xlim(-view.seconds, view.seconds / 120)
            axes.tick_params(labelbottom=axes is states, bottom=axes is states)
        _label_time(states, view, clock=clock)

    def put(self, view: View) -> None:
        """Move everything to where it belongs in this view."""
        for number, axes in enumerate(self._all):
            low, high = axes.get_ylim()
            if number == 0:
                low = LEVELS - 1.0
            self._bands[number].set_verts(
                [[(s.start, low), (s.end, low), (s.end, high), (s.start, high)] for s in view.spans]
            )
            self._uprights[number].set_segments([[(m.x, axes.get_ylim()[0]), (m.x, high)] for m in view.marks])
        self._strip.put(view.spans, view.marks, view.seconds)
        self._states.put(view.rows, view.seconds)
        for plot, drawn, values, nothing in zip(view.plots, self._lines, self._values, self._nothing, strict=False):
            for line, artist, value in zip(plot.lines, drawn, values, strict=True):
                put(artist, line, view.seconds / MARKS_ACROSS)
                value.set_text(_value(line, plot.panel.unit))
            nothing.set_text("" if any(line.last is not None for line in plot.lines) else view.nothing)
        self._nothing[-1].set_text("" if view.rows else view.nothing)
        self._now.set_text("" if self._clock else f"now: {datetime.fromtimestamp(view.edge, UTC):%H:%M:%S} UTC")

    def moving(self) -> Iterator[tuple[Axes, Artist]]:
        """All of them, in the order in which they are drawn."""
        groups: list[Sequence[Artist]] = [self._bands, self._uprights, *self._lines, *self._values, self._nothing]
        groups += [list(self._states.bars.values()), list(self._states.letters.values())]
        groups += [list(self._strip.marks.values()), self._strip.texts, [self._now]]
        for group in groups:
            for artist in group:
                yield cast(Axes, artist.axes), artist


def _stacked(title: str, heights: Sequence[float]) -> tuple[Figure, list[Axes]]:
    """Axes below each other, each of its height in inches, with the house's quiet look."""
    total = TOP_INCHES + sum(heights) + GAP_INCHES * (len(heights) - 1) + BOTTOM_INCHES
    made = Figure(figsize=(charts.WIDTH_INCHES, total), dpi=charts.DPI, facecolor=charts.PAPER)
    FigureCanvasAgg(made)
    made.suptitle(
        title,
        x=0.01,
        y=1 - 0.06 / total,
        ha="left",
        va="top",
        fontsize=12,
        fontweight="bold",
        color=charts.INK,
        parse_math=False,
    )
    found, top = [], total - TOP_INCHES
    for height in heights:
        axes = made.add_axes((LEFT, (top - height) / total, RIGHT - LEFT, height / total))
        charts.quiet(axes)
        found.append(axes)
        top -= height + GAP_INCHES
    return made, found


def _moving_bands(axes: Axes) -> PolyCollection:
    bands = PolyCollection([], facecolor=BAND, edgecolor=BAND_EDGE, linewidth=0.9, animated=True, zorder=0.5)
    axes.add_collection(bands, autolim=False)
    return bands


def _moving_uprights(axes: Axes) -> LineCollection:
    uprights = LineCollection(
        [], colors=charts.SOFT, linewidths=0.8, linestyles=[(0, (1, 2))], animated=True, zorder=0.6
    )
    axes.add_collection(uprights, autolim=False)
    return uprights


def _moving_values(axes: Axes, plot: Plot) -> list[Text]:
    """To the right of a panel: each line's look and name, and below it its newest value, which moves."""
    texts = []
    step = min(0.36, 1.0 / max(1, len(plot.lines)))
    for number, line in enumerate(plot.lines):
        y = 0.97 - number * step
        sample = Line2D(
            [1.015, 1.055], [y, y], transform=axes.transAxes, clip_on=False, **{**look_of(number), "markersize": 4.5}
        )
        axes.add_artist(sample)
        common: dict[str, Any] = {"transform": axes.transAxes, "va": "center", "clip_on": False, "parse_math": False}
        axes.text(1.07, y, line.label, fontsize=8.5, color=charts.INK, **common)
        texts.append(
            axes.text(1.07, y - 0.145, "", fontsize=8.5, color=charts.INK, fontweight="bold", animated=True, **common)
        )
    return texts


def _moving_sentence(axes: Axes) -> Text:
    return axes.text(
        0.5,
        0.5,
        "",
        transform=axes.transAxes,
        ha="center",
        va="center",
        fontsize=10,
        color=charts.SOFT,
        animated=True,
        parse_math=False,
        bbox={"facecolor": charts.PAPER, "edgecolor": "none", "pad": 2},
    )


def _moving_now(axes: Axes) -> Text:
    return axes.annotate(
        "",
        (1, 0),
        (0, -24),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=9,
        color=charts.INK,
        animated=True,
        annotation_clip=False,
    )


def _label_strip(axes: Axes) -> None:
    axes.set_ylim(0, LEVELS)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_title("Faults and events", loc="left", fontsize=10, color=charts.INK, pad=3)
    axes.add_patch(
        Rectangle(
            (1.015, 0.76),
            0.04,
            0.2,
            transform=axes.transAxes,
            clip_on=False,
            facecolor=BAND,
            edgecolor=BAND_EDGE,
            linewidth=0.9,
        )
    )
    words: dict[str, Any] = {
        "transform": axes.transAxes,
        "va": "center",
        "fontsize": 8.5,
        "color": charts.INK,
        "clip_on": False,
    }
    axes.text(1.07, 0.86, "fault in force", **words)
    for (kind, (marker, color)), (x, y) in zip(
        KINDS.items(), ((1.035, 0.5), (1.17, 0.5), (1.035, 0.14), (1.17, 0.14)), strict=True
    ):
        axes.plot([x], [y], marker=marker, color=color, ms=6, ls="none", transform=axes.transAxes, clip_on=False)
        axes.text(x + 0.02, y, {"start": "started", "stop": "ended", "oom": "OOM", "health": "health"}[kind], **words)


def _label_panel(axes: Axes, plot: Plot, ends: Range) -> None:
    axes.set_title(plot.panel.title, loc="left", fontsize=10, color=charts.INK, pad=3, parse_math=False)
    axes.set_ylabel(plot.panel.unit)
    axes.yaxis.set_label_coords(-0.088, 0.5)
    if plot.panel.logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:,g}")
        axes.minorticks_off()
    else:
        axes.locator_params(axis="y", nbins=4)
    axes.set_ylim(*ends)
    for limit in {line.limit for line in plot.lines if line.limit is not None and line.limit <= ends[1]}:
        axes.axhline(limit, linestyle=LIMIT_STYLE, linewidth=1.4, color=charts.INK)
        axes.annotate(
            "limit",
            (0, limit),
            (3, -2),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="top",
            fontsize=8,
            color=charts.INK,
        )


def _label_states(axes: Axes, view: View) -> None:
    axes.set_title("Health: what is answered when asked", loc="left", fontsize=10, color=charts.INK, pad=3)
    axes.set_ylim(max(1, len(view.rows)) - 0.45, -0.55)
    axes.set_yticks(range(len(view.rows)))
    axes.set_yticklabels([row.name for row in view.rows], parse_math=False)
    axes.grid(visible=False, axis="y")
    for number, (state, look) in enumerate(LOOKS.items()):
        y = 1 - (number + 0.55) * 0.24
        axes.add_patch(
            Rectangle(
                (1.015, y - look.height * 0.09),
                0.04,
                look.height * 0.18,
                transform=axes.transAxes,
                clip_on=False,
                facecolor=look.face,
                edgecolor=look.edge,
                hatch=look.hatch,
                linewidth=0.8,
            )
        )
        axes.text(
            1.07,
            y,
            f"{look.letter}  {state}",
            transform=axes.transAxes,
            va="center",
            fontsize=8.5,
            color=charts.INK,
            clip_on=False,
        )


def _label_time(axes: Axes, view: View, *, clock: bool) -> None:
    if not clock:
        axes.set_xlabel("seconds before now")
        return
    step = next(
        one for one in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, math.inf) if view.seconds / one <= 9
    )
    first = math.ceil((view.edge - view.seconds) / step) * step
    moments = np.arange(first, view.edge + 0.001, step)
    axes.set_xticks(moments - view.edge, [f"{datetime.fromtimestamp(one, UTC):%H:%M:%S}" for one in moments])
    axes.set_xlabel(f"time (UTC), {datetime.fromtimestamp(view.edge, UTC):%Y-%m-%d}")


def _value(line: Line, unit: str) -> str:
    if not line.y.size or np.isnan(line.y[-1]):
        return "–"
    short = {"per second": "/s"}.get(unit, unit)
    return f"{rounded(float(line.y[-1]))} {short}"


def _labels(view: View) -> tuple[Any, ...]:
    lines = tuple((line.label, line.limit) for plot in view.plots for line in plot.lines)
    return lines, tuple(row.name for row in view.rows)
