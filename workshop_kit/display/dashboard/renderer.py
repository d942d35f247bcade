"""Draw a view of the dashboard: the next live picture, or a whole figure to be kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from workshop_kit.display import charts
from workshop_kit.display.dashboard import axes
from workshop_kit.display.dashboard.axes import STATE_LOOKS, Range
from workshop_kit.display.dashboard.view import Mark, Row, Span, StateSpan, View
from workshop_kit.display.live_data import PanelLine, Plot, rounded

MARKS_ACROSS = 12  # of each line
BANDS_FROM = 2  # the lowest level of the faults in the event lane
GRAVEST = ("oom", "stop", "health", "start")
NAMES = 24  # the most that are written in the lane
MARK = 0.012  # distance of a name from its mark, in widths of the lane
LETTER = 0.0108  # width of a letter, in widths of the lane
NARROW = 0.02
"""A state shorter than this share of the time has no room for its letter; height and color still tell it."""


class DashboardRenderer:
    """Draws the live pictures of one dashboard; the background is drawn again only when its key changes.

    Plain redraws every second would take a large part of a core.
    """

    def __init__(self) -> None:
        self._ranges: list[Range] = []
        self._key: object = None
        self._drawing: DashboardFigure
        self._canvas: FigureCanvasAgg
        self._background: Any

    def png(self, title: str, view: View, *, clock: bool = False) -> bytes:
        """Return the next picture; with ``clock`` its axis has times of day, for a picture that stands still."""
        before = self._ranges or [(0.0, 0.0)] * len(view.plots)
        pairs = zip(view.plots, before, strict=False)
        ranges = self._ranges = [axes.range_of(plot, current) for plot, current in pairs]
        labels = [(line.label, line.limit) for plot in view.plots for line in plot.lines]
        key = (title, ranges, view.seconds, labels, [row.name for row in view.rows], clock and view.edge)
        if key != self._key:
            self._draw_background(DashboardFigure(title, view, ranges, clock=clock))
            self._key = key
        self._drawing.update(view)
        self._canvas.restore_region(self._background)  # type: ignore[no-untyped-call]
        for artist in self._drawing.moving_artists():
            artist.axes.draw_artist(artist)  # type: ignore[union-attr]
        return charts.canvas_png(self._canvas)

    def _draw_background(self, drawing: DashboardFigure) -> None:
        self._drawing = drawing
        charts.disable_formulas(drawing.figure)
        self._canvas = FigureCanvasAgg(drawing.figure)
        self._canvas.draw()  # type: ignore[no-untyped-call]
        self._background = self._canvas.copy_from_bbox(drawing.figure.bbox)  # type: ignore[no-untyped-call]


def figure(title: str, view: View) -> Figure:
    """Return the view as a figure with times of day, to be kept."""
    ranges = [axes.range_of(plot, (0.0, 0.0)) for plot in view.plots]
    drawing = DashboardFigure(title, view, ranges, clock=True)
    drawing.update(view)
    for artist in drawing.moving_artists():
        artist.set_animated(False)
    return drawing.figure


class DashboardFigure:
    """One figure with its moving artists; with ``clock`` it has times of day, and the highest values of lines."""

    def __init__(self, title: str, view: View, ranges: Sequence[Range], *, clock: bool) -> None:
        self._clock = clock
        self.figure, self._all = axes.stacked(title, axes.heights(view))
        events, *panels, states = self._all
        axes.label_events(events)
        if view.bars:
            axes.draw_bars(panels.pop(0), view.bars)
        for ax, plot, ends in zip(panels, view.plots, ranges, strict=True):
            axes.label_panel(ax, plot, ends)
        axes.label_states(states, view)
        for ax in self._all:
            ax.set_xlim(-view.seconds, view.seconds / 120)
            ax.tick_params(labelbottom=ax is states, bottom=ax is states)
        axes.label_time(states, view, clock=clock)
        self._bands = [_bands(ax) for ax in self._all]
        self._uprights = [_uprights(ax) for ax in self._all]
        self._events, self._states = EventLane(events), StateRows(states)
        drawn = list(zip(panels, view.plots, strict=True))
        self._lines = [[_line(ax, number) for number in range(len(plot.lines))] for ax, plot in drawn]
        self._values = [_values(ax, plot) for ax, plot in drawn]
        self._nothing = [_sentence(ax) for ax in (*panels, states)]
        self._now = axes.write(states, 1, 0, "", size=9, ha="right", animated=True)
        self._now.set_y(-0.42 / states.get_position().height / self.figure.get_figheight())

    def update(self, view: View) -> None:
        """Move the artists to where the view has them."""
        for number, ax in enumerate(self._all):
            low, high = ax.get_ylim()
            bottom = BANDS_FROM if number == 0 else low  # above the events of the lane
            quads = [[(s.start, bottom), (s.end, bottom), (s.end, high), (s.start, high)] for s in view.spans]
            self._bands[number].set_verts(quads)
            self._uprights[number].set_segments([[(mark.x, low), (mark.x, high)] for mark in view.marks])
        self._events.update(view.spans, view.marks, view.seconds, view.container)
        self._states.update(view.rows, view.seconds)
        for plot, drawn, values, nothing in zip(view.plots, self._lines, self._values, self._nothing, strict=False):
            for line, artist, value in zip(plot.lines, drawn, values, strict=True):
                artist.set_data(line.x, line.y)
                artist.set_markevery(_marked(line, view.seconds / MARKS_ACROSS))
                value.set_text(_value(line, plot.panel.unit, highest=self._clock))
            nothing.set_text("" if any(line.last is not None for line in plot.lines) else view.nothing)
        self._nothing[-1].set_text("" if view.rows else view.nothing)
        self._now.set_text("" if self._clock else f"now: {datetime.fromtimestamp(view.edge, UTC):%H:%M:%S} UTC")

    def moving_artists(self) -> Iterator[Artist]:
        """Yield the moving artists in drawing order."""
        groups: list[Iterable[Artist]] = [self._bands, self._uprights, *self._lines, *self._values, self._nothing]
        groups += [self._states.bars.values(), self._states.letters.values()]
        groups += [self._events.marks.values(), self._events.texts, [self._now]]
        for group in groups:
            yield from group


@dataclass(frozen=True)
class Name:
    """A text at ``x``, on a level (0 is the lowest), to the right of it or (``left``) to its left."""

    x: float
    level: int
    text: str
    left: bool = False


class EventLane:
    """The moving artists of the lane above the panels: faults and events, with as many names as there is room for."""

    def __init__(self, ax: Axes) -> None:
        self.marks: dict[str, Line2D] = {}
        for kind, (marker, color) in axes.KINDS.items():
            (self.marks[kind],) = ax.plot([], [], ls="none", marker=marker, color=color, ms=6, animated=True)
        self.texts = [_text(ax) for _ in range(NAMES)]

    def update(self, spans: Sequence[Span], marks: Sequence[Mark], seconds: float, own: str) -> None:
        """Move the artists to these faults and events."""
        names, levels = _placed(spans, marks, seconds, own)
        for kind, drawn in self.marks.items():
            mine = [(mark.x, level + 0.5) for mark, level in zip(marks, levels, strict=True) if mark.kind == kind]
            drawn.set_data([x for x, _ in mine], [y for _, y in mine])
        for artist, name in zip(self.texts, [*names, *[None] * NAMES], strict=False):
            artist.set_text(name.text if name else "")
            if name:
                artist.set_position((name.x, name.level + 0.47))
                artist.set_horizontalalignment("right" if name.left else "left")


def _placed(
    spans: Sequence[Span], marks: Sequence[Mark], seconds: float, own: str = ""
) -> tuple[list[Name], list[int]]:
    """Return the place of every name, so that none touches another, and the level of every mark.

    Faults are placed first, then the gravest events, then the newest; the container's own name (``own``) is left out,
    and so is a name without room: its mark is drawn, and the table below the picture has it.
    """
    levels = [(1, 0)[number % 2] for number in range(len(marks))]
    half = MARK / 2 * seconds
    taken = [(mark.x - half, mark.x + half, level) for mark, level in zip(marks, levels, strict=True)]
    wanted: list[tuple[int, float, tuple[int, ...], str, float]]
    wanted = [(0, -span.start, (3, 2), span.label, 0.006) for span in spans]
    wanted += [
        (1 + GRAVEST.index(mark.kind), -mark.x, (level,), mark.label.removeprefix(f"{own} "), MARK)
        for mark, level in zip(marks, levels, strict=True)
    ]
    names = []
    for _, before, possible, text, gap in sorted(wanted):
        found = (_fitting(-before, level, text, seconds, taken, gap) for level in possible)
        names += [next((name for name in found if name), None)]
    return [name for name in names if name][:NAMES], levels


def _fitting(
    x: float, level: int, text: str, seconds: float, taken: list[tuple[float, float, int]], gap: float
) -> Name | None:
    away, width = gap * seconds, (len(text) * LETTER + gap) * seconds
    for left in (False, True):
        start, end = (x - width, x - away) if left else (x + away, x + width)
        inside = start >= -seconds and end <= 0
        if inside and all(level != other or end < begin or start > stop for begin, stop, other in taken):
            taken.append((start, end, level))
            return Name(end if left else start, level, text, left)
    return None


def _text(ax: Axes) -> Text:
    return ax.text(0, 0, "", fontsize=8, color=charts.INK, va="center", animated=True, clip_on=False)


class StateRows:
    """The states of probes and dependencies over time; row 0 is on top."""

    def __init__(self, axes: Axes) -> None:
        self.bars: dict[str, PolyCollection] = {}
        self.letters: dict[str, Line2D] = {}
        for state, look in STATE_LOOKS.items():
            bars = PolyCollection([], animated=True, **look.patch)
            axes.add_collection(bars, autolim=False)
            self.bars[state] = bars
            style = {"marker": f"$\\mathbf{{{look.letter}}}$", "color": look.ink, "markersize": 6, "mew": 0}
            (self.letters[state],) = axes.plot([], [], linestyle="none", animated=True, **style)  # type: ignore[arg-type]

    def update(self, rows: Iterable[Row], seconds: float) -> None:
        """Move the artists to the runs of the rows."""
        quads: dict[str, list[list[tuple[float, float]]]] = {state: [] for state in STATE_LOOKS}
        places: dict[str, list[tuple[float, float]]] = {state: [] for state in STATE_LOOKS}
        for number, row in enumerate(rows):
            for run in row.runs:
                if run.state not in STATE_LOOKS:
                    continue
                quads[run.state].append(_quad(run, number))
                if run.end - run.start >= NARROW * seconds:
                    places[run.state].append((run.start + 0.55 * NARROW * seconds, number))
        for state in STATE_LOOKS:
            self.bars[state].set_verts(quads[state])
            at = np.array(places[state]).reshape(-1, 2)
            self.letters[state].set_data(at[:, 0], at[:, 1])


def _quad(run: StateSpan, number: int) -> list[tuple[float, float]]:
    half = STATE_LOOKS[run.state].height / 2
    low, high = number - half, number + half
    return [(run.start, low), (run.end, low), (run.end, high), (run.start, high)]


def _bands(ax: Axes) -> PolyCollection:
    made = PolyCollection([], animated=True, zorder=0.5, **axes.BAND)
    ax.add_collection(made, autolim=False)
    return made


def _uprights(ax: Axes) -> LineCollection:
    dots = {"colors": charts.SOFT, "linewidths": 0.8, "linestyles": [(0, (1, 2))]}
    made = LineCollection([], animated=True, zorder=0.6, **dots)
    ax.add_collection(made, autolim=False)
    return made


def _line(ax: Axes, number: int) -> Line2D:
    (made,) = ax.plot([], [], animated=True, **axes.look_of(number))
    return made


def _marked(line: PanelLine, every_seconds: float) -> list[int]:
    """Return the points with a mark: the newest known one and one in some seconds, or all of a few."""
    known = np.flatnonzero(~np.isnan(line.y))
    if known.size <= 6:
        return [int(index) for index in known]
    steps = np.floor((line.x[known] - line.x[known[-1]]) / every_seconds)
    return [int(index) for index in (*known[:-1][np.diff(steps) != 0], known[-1])]


def _values(ax: Axes, plot: Plot) -> list[Text]:
    """Return a text for each line's value, below its name."""
    places = axes.name_lines(ax, plot)
    return [axes.write(ax, 1.07, y, "", fontweight="bold", animated=True) for y in places]


def _sentence(ax: Axes) -> Text:
    paper = {"facecolor": charts.PAPER, "edgecolor": "none", "pad": 2}
    return axes.write(ax, 0.5, 0.5, "", size=10, ha="center", animated=True, bbox=paper)


def _value(line: PanelLine, unit: str, *, highest: bool) -> str:
    """Return the newest value of a line, or the highest."""
    short = {"per second": "/s"}.get(unit, unit)
    if highest:
        return f"≤ {rounded(float(np.nanmax(line.y)))} {short}" if line.last is not None else "–"
    return f"{rounded(float(line.y[-1]))} {short}" if line.y.size and not np.isnan(line.y[-1]) else "–"
