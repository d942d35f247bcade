"""The live chart's figure, and a renderer that draws each picture over a background that it keeps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

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
MARKERS = ("o", "s", "^", "D", "v", "P", "X")  # 7 × 4 × 6: the first 84 lines differ, even in gray 28
LIMIT_STYLE = (0, (4, 3))
MARK_EVERY_SECONDS = 10
LIMIT_FITS_WITHIN = 8  # a limit this many times above the data would flatten it: the title says it instead

Data_contra = TypeVar("Data_contra", contravariant=True)


class Drawing(Protocol[Data_contra]):
    """A figure whose moving artists are animated: matplotlib draws them only when asked to."""

    @property
    def figure(self) -> Figure:
        """The figure."""

    def update(self, data: Data_contra) -> None:
        """Move the artists to where the data are."""

    def moving_artists(self) -> Iterator[Artist]:
        """Yield the moving artists in drawing order."""


class FrameRenderer(Generic[Data_contra]):
    """Draws pictures one after another. The background is drawn again only when its key changes.

    Plain redraws twice a second would take a large part of a core.
    """

    def __init__(self) -> None:
        self._key: object = None
        self._drawing: Drawing[Data_contra]
        self._canvas: FigureCanvasAgg
        self._background: Any

    def png(self, key: object, make: Callable[[], Drawing[Data_contra]], data: Data_contra) -> bytes:
        """Return the next picture; ``make`` makes the drawing whenever ``key`` is another one than before."""
        if key != self._key:
            self._drawing = make()
            figure = self._drawing.figure
            charts.disable_formulas(figure)
            self._canvas = FigureCanvasAgg(figure)
            self._canvas.draw()  # type: ignore[no-untyped-call]
            figure.set_layout_engine("none")
            self._background = self._canvas.copy_from_bbox(figure.bbox)  # type: ignore[no-untyped-call]
            self._key = key
        self._drawing.update(data)
        self._canvas.restore_region(self._background)  # type: ignore[no-untyped-call]
        for artist in self._drawing.moving_artists():
            artist.axes.draw_artist(artist)  # type: ignore[union-attr]
        return charts.canvas_png(self._canvas)


def still_figure(drawing: Drawing[Data_contra], data: Data_contra) -> Figure:
    """Return the figure with all its artists, to be kept."""
    drawing.update(data)
    for artist in drawing.moving_artists():
        artist.set_animated(False)
    return drawing.figure


class LiveRenderer:
    """Draws the pictures of one live chart."""

    def __init__(self, title: str, seconds: float) -> None:
        self._title, self._seconds = title, seconds
        self._tops: list[float] = []
        self._frames = FrameRenderer[Sequence[Plot]]()

    def png(self, plots: Sequence[Plot]) -> bytes:
        """Return the next picture."""
        before = self._tops or [0.0] * len(plots)
        tops = self._tops = [top_of(_highest(plot), top) for plot, top in zip(plots, before, strict=True)]
        key = (tops, [(line.label, line.limit) for plot in plots for line in plot.lines])
        return self._frames.png(key, lambda: LiveFigure(self._title, plots, tops, self._seconds, "now"), plots)


def figure(frame: pd.DataFrame, panels: Sequence[Panel], title: str, *, seconds: float = 60) -> Figure:
    """Return the last ``seconds`` of the table as a figure, its right edge at the newest row."""
    newest = float(times(frame).max()) if len(frame) else 0.0
    plots = read(frame, panels, newest, seconds)
    return still_figure(LiveFigure(title, plots, [top_of(_highest(plot)) for plot in plots], seconds, "the end"), plots)


class LiveFigure:
    """A set of axes for each panel, in two columns; only the lines move."""

    def __init__(self, title: str, plots: Sequence[Plot], tops: Sequence[float], seconds: float, edge: str) -> None:
        columns = 1 if len(plots) == 1 else 2
        rows = math.ceil(len(plots) / columns)
        self.figure, all_axes = charts.new_figure(title, 0.9 + 1.6 * rows, rows=rows, columns=columns)
        labels = [line.label for plot in plots for line in plot.lines]
        looks = {label: index for index, label in enumerate(dict.fromkeys(labels))}
        self._lines: list[Line2D] = []
        for axes, plot, top in zip(all_axes, plots, tops, strict=False):
            _label(axes, plot, top, seconds)
            _draw_limits(axes, plot, top, looks)
            self._lines += [moving_line(axes, looks[line.label]) for line in plot.lines]
        for axes in all_axes[len(plots) :]:
            axes.set_visible(False)
        for axes in all_axes[max(0, len(plots) - columns) : len(plots)]:
            axes.set_xlabel(f"seconds before {edge}")
        _legend(self.figure, looks, limit=any(line.limit is not None for plot in plots for line in plot.lines))

    def update(self, plots: Sequence[Plot]) -> None:
        """Give the lines their points."""
        for artist, line in zip(self._lines, (line for plot in plots for line in plot.lines), strict=True):
            update_line(artist, line)

    def moving_artists(self) -> Iterator[Artist]:
        """Yield the lines."""
        yield from self._lines


def top_of(value: float, current: float = 0.0) -> float:
    """Return the upper end of an axis: 1, 2, 3 or 5 × a power of ten with headroom above ``value``.

    The current end stays while it fits and a sixth of it is used: another one redraws the background.
    """
    if current and current / 6 <= value <= current * 0.97:
        return current
    wanted = value * 1.15 if value > 0 else 1.0
    power = 10.0 ** math.floor(math.log10(wanted))
    return float(next(step * power for step in (1, 2, 3, 5, 10) if step * power >= wanted))


def moving_line(axes: Axes, look: int) -> Line2D:
    """Add an animated line with the look of that number."""
    (artist,) = axes.plot([], [], animated=True, **look_of(look))
    return artist


def look_of(index: int) -> dict[str, Any]:
    """Return color, stroke and mark of the line of that number: neighbors differ in all three."""
    return {
        "color": charts.COLORS[index % len(charts.COLORS)],
        "linestyle": STYLES[index % len(STYLES)],
        "marker": MARKERS[index % len(MARKERS)],
        "linewidth": 1.6,
        "markersize": 5,
    }


def update_line(artist: Line2D, line: Line, mark_every_seconds: float = MARK_EVERY_SECONDS) -> None:
    """Give a drawn line its points."""
    artist.set_data(line.x, line.y)
    artist.set_markevery(_marked(line.x, line.y, mark_every_seconds))


def _label(axes: Axes, plot: Plot, top: float, seconds: float) -> None:
    axes.set_title(plot.panel.title, loc="left", fontsize=10, color=charts.INK)
    axes.set_ylabel(plot.panel.unit)
    axes.set_xlim(-seconds, seconds / 80)  # room for half a mark at the edge
    axes.set_ylim(0, top)
    axes.locator_params(axis="y", nbins=4)


def _highest(plot: Plot) -> float:
    """The highest of the data and of the limits that are near enough to be drawn."""
    data = max((float(np.nanmax(line.y)) for line in plot.lines if line.last is not None), default=0.0)
    near = [line.limit for line in plot.lines if line.limit is not None and line.limit <= data * LIMIT_FITS_WITHIN]
    return max([data, *near])


def _marked(x: Numbers, y: Numbers, every_seconds: float) -> list[int]:
    """The points with a mark: the newest known one and one in some seconds, or all of a few."""
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
