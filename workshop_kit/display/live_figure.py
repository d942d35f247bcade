"""Lines to pictures: a whole figure, and a fast way to draw the next one over what stays the same."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workshop_kit.display import charts
from workshop_kit.display.live_data import Line, Numbers, Panel, Plot, read, times

STYLES: tuple[Any, ...] = ("-", "-.", ":", (0, (9, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")  # 7 × 4 × 6: no two of the first 84 lines look alike, even in gray 28
LIMIT_STYLE = (0, (4, 3))
MARK_EVERY_SECONDS = 10
LIMIT_FITS_WITHIN = 8  # a limit this many times above the data would press it flat: it is said instead of drawn


def figure(
    frame: pd.DataFrame, panels: Sequence[Panel], title: str, *, seconds: float = 60, edge: str = "the end"
) -> Figure:
    """The last ``seconds`` of the table as a figure, its right edge at the newest row."""
    newest = float(times(frame).max()) if len(frame) else 0.0
    return Frames(title, seconds, edge).figure(read(frame, panels, newest, seconds))


def top_of(value: float, current: float = 0.0) -> float:
    """The upper end of an axis: 1, 2, 3 or 5 × a power of ten with headroom above ``value``.

    It stays where it is while it fits and while at least a sixth of it is used, because a new one costs a whole redraw.
    """
    if current and current / 6 <= value <= current * 0.97:
        return current
    wanted = value * 1.15 if value > 0 else 1.0
    power = 10.0 ** math.floor(math.log10(wanted))
    return float(next(step * power for step in (1, 2, 3, 5, 10) if step * power >= wanted))


class Backdrop:
    """What stays of a picture, drawn once and kept; what moves is drawn over it, picture by picture."""

    def __init__(self) -> None:
        self.redraws = 0  # how often it was drawn
        self._canvas: FigureCanvasAgg
        self._background: Any = None

    def take(self, made: Figure) -> None:
        """Draw a figure, whose moving parts are animated, and keep it."""
        self._canvas = FigureCanvasAgg(made)
        self._canvas.draw()  # type: ignore[no-untyped-call]
        made.set_layout_engine("none")
        self._background = self._canvas.copy_from_bbox(made.bbox)  # type: ignore[no-untyped-call]
        self.redraws += 1

    def png(self, moving: Iterable[tuple[Axes, Artist]]) -> bytes:
        """The picture with these drawn over it."""
        self._canvas.restore_region(self._background)  # type: ignore[no-untyped-call]
        for axes, artist in moving:
            axes.draw_artist(artist)
        return charts.encoded(self._canvas)


class Frames:
    """Draws one picture after another. What stays (axes, letters, legend) is drawn once and kept as a background."""

    def __init__(self, title: str, seconds: float, edge: str = "now") -> None:
        self._title, self._seconds, self._edge = title, seconds, edge
        self._key: tuple[Any, ...] = ()
        self._tops: tuple[float, ...] = ()
        self._backdrop = Backdrop()
        self._artists: list[tuple[Axes, list[Line2D]]] = []

    @property
    def redraws(self) -> int:
        """How often the background was drawn."""
        return self._backdrop.redraws

    def png(self, plots: Sequence[Plot]) -> bytes:
        """The next picture."""
        self._prepare(plots)
        for (_, artists), plot in zip(self._artists, plots, strict=True):
            for artist, line in zip(artists, plot.lines, strict=True):
                put(artist, line)
        return self._backdrop.png((axes, artist) for axes, artists in self._artists for artist in artists)

    def figure(self, plots: Sequence[Plot]) -> Figure:
        """The same as a figure of its own, to be kept."""
        made, artists = self._build(plots, [top_of(_highest(plot)) for plot in plots])
        for (_, drawn), plot in zip(artists, plots, strict=True):
            for artist, line in zip(drawn, plot.lines, strict=True):
                put(artist, line)
                artist.set_animated(False)
        return made

    def _prepare(self, plots: Sequence[Plot]) -> None:
        """Draw the background again if anything on it has changed."""
        before = self._tops or (0.0,) * len(plots)
        tops = tuple(top_of(_highest(plot), top) for plot, top in zip(plots, before, strict=True))
        key = (tops, tuple((line.label, line.limit) for plot in plots for line in plot.lines))
        if key == self._key:
            return
        made, self._artists = self._build(plots, tops)
        charts.read_as_text(made)
        self._backdrop.take(made)
        self._key, self._tops = key, tops

    def _build(self, plots: Sequence[Plot], tops: Sequence[float]) -> tuple[Figure, list[tuple[Axes, list[Line2D]]]]:
        columns = 1 if len(plots) == 1 else 2
        rows = math.ceil(len(plots) / columns)
        made, all_axes = charts.new_figure(self._title, 0.9 + 1.6 * rows, rows=rows, columns=columns)
        looks = {label: index for index, label in enumerate(dict.fromkeys(_labels(plots)))}
        artists = []
        for axes, plot, top in zip(all_axes, plots, tops, strict=False):
            self._label(axes, plot, top)
            _draw_limits(axes, plot, top, looks)
            artists.append((axes, [moving_line(axes, looks[line.label]) for line in plot.lines]))
        for axes in all_axes[len(plots) :]:
            axes.set_visible(False)
        for axes in all_axes[max(0, len(plots) - columns) : len(plots)]:
            axes.set_xlabel(f"seconds before {self._edge}")
        _legend(made, looks, limit=any(line.limit is not None for plot in plots for line in plot.lines))
        return made, artists

    def _label(self, axes: Axes, plot: Plot, top: float) -> None:
        axes.set_title(plot.panel.title, loc="left", fontsize=10, color=charts.INK)
        axes.set_ylabel(plot.panel.unit)
        axes.set_xlim(-self._seconds, self._seconds / 80)  # room for half a mark at the edge
        axes.set_ylim(0, top)
        axes.locator_params(axis="y", nbins=4)


def _labels(plots: Iterable[Plot]) -> list[str]:
    return [line.label for plot in plots for line in plot.lines]


def _highest(plot: Plot) -> float:
    """The highest that has to fit: of the data, and of limits that are near enough to be drawn."""
    data = max((float(np.nanmax(line.y)) for line in plot.lines if line.last is not None), default=0.0)
    near = [line.limit for line in plot.lines if line.limit is not None and line.limit <= data * LIMIT_FITS_WITHIN]
    return max([data, *near])


def moving_line(axes: Axes, look: int) -> Line2D:
    """A line that differs from its neighbors in color, in stroke and in its marks."""
    (artist,) = axes.plot([], [], animated=True, **look_of(look))
    return artist


def look_of(index: int) -> dict[str, Any]:
    """Color, stroke and mark of the line of that number."""
    return {
        "color": charts.COLORS[index % len(charts.COLORS)],
        "linestyle": STYLES[index % len(STYLES)],
        "marker": MARKERS[index % len(MARKERS)],
        "linewidth": 1.6,
        "markersize": 5,
    }


def put(artist: Line2D, line: Line, mark_every_seconds: float = MARK_EVERY_SECONDS) -> None:
    """Give a drawn line its points."""
    artist.set_data(line.x, line.y)
    artist.set_markevery(_marked(line.x, line.y, mark_every_seconds))


def _marked(x: Numbers, y: Numbers, every_seconds: float) -> list[int]:
    """Which points carry a mark: the newest known one and one in some seconds, or all of a few."""
    known = np.flatnonzero(~np.isnan(y))
    if known.size <= 6:
        return [int(index) for index in known]
    tens = np.floor((x[known] - x[known[-1]]) / every_seconds)
    return [int(index) for index in (*known[:-1][np.diff(tens) != 0], known[-1])]


def _draw_limits(axes: Axes, plot: Plot, top: float, looks: Mapping[str, int]) -> None:
    limits = {line.limit for line in plot.lines if line.limit is not None}
    far = sorted(limit for limit in limits if limit > top)
    for line in plot.lines:
        if line.limit is not None and line.limit <= top:
            one = charts.COLORS[looks[line.label] % len(charts.COLORS)]
            axes.axhline(
                line.limit, linestyle=LIMIT_STYLE, linewidth=1.4, color=charts.INK if len(limits) == 1 else one
            )
    if far:
        said = f"limit {far[0]:,.0f} {plot.panel.unit}" if len(far) == 1 else f"limits from {far[0]:,.0f}"
        axes.set_title(f"{said}: above the picture", loc="right", fontsize=8, color=charts.SOFT)


def _legend(made: Figure, looks: Mapping[str, int], *, limit: bool) -> None:
    handles = [Line2D([], [], label=charts.legend_label(label), **look_of(index)) for label, index in looks.items()]
    if limit:
        handles.append(Line2D([], [], label="limit", color=charts.INK, linestyle=LIMIT_STYLE, linewidth=1.4))
    if handles:
        made.legend(
            handles=handles,
            loc="outside lower left",
            ncols=5,
            fontsize=9,
            frameon=False,
            labelcolor=charts.INK,
            handlelength=4,
        )
