"""Draw a view of the dashboard: the next live picture, or a whole figure to be kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from workshop_kit.display import charts
from workshop_kit.display.dashboard import axes
from workshop_kit.display.dashboard.axes import STATE_LOOKS
from workshop_kit.display.dashboard.view import PanelLine, Plot, Row, View, number_text

MARKS_APART = 0.08  # of the marks on a line, in widths of a panel
BANDS_FROM = 2  # the lowest level of the faults in the event lane
MOST_NAMES = 24  # in the event lane
MARK = 0.012  # distance of a name from its mark, in widths of the lane
VALUE_BELOW = 0.145  # distance of a line's value from its name, in heights of a panel
LETTER = 0.0108  # width of a letter, in widths of the lane


class DashboardRenderer:
    """Draws the live pictures of one dashboard over a background, which is drawn again only when its key changes.

    Redrawing everything each second would take a large part of a core.
    """

    def __init__(self, dpi: int = charts.DPI) -> None:
        self._dpi = dpi
        self._key: object = None
        self._axes: list[Axes] = []
        self._canvas: FigureCanvasAgg
        self._background: Any

    def png(self, title: str, view: View, *, clock: bool = False) -> bytes:
        """Return the next picture; with ``clock`` its axis has times of day, for a picture that stands still."""
        ranges = [axes.range_of(plot) for plot in view.plots]
        labels = [line.label for plot in view.plots for line in plot.lines]
        key = (title, ranges, view.seconds, labels, [row.name for row in view.rows], clock and view.edge)
        if key != self._key:
            self._key = key
            self._draw_background(title, view, clock=clock)

        self._canvas.restore_region(self._background)  # type: ignore[no-untyped-call]
        for artist in list(_draw_moving(self._axes, view, clock=clock)):
            artist.axes.draw_artist(artist)  # type: ignore[union-attr]
            artist.remove()
        return charts.canvas_png(self._canvas)

    def _draw_background(self, title: str, view: View, *, clock: bool) -> None:
        """Draw what stands still, and keep its pixels."""
        still_figure, self._axes = axes.background(title, view, clock=clock)
        still_figure.set_dpi(self._dpi)
        charts.disable_formulas(still_figure)
        self._canvas = FigureCanvasAgg(still_figure)
        self._canvas.draw()  # type: ignore[no-untyped-call]
        self._background = self._canvas.copy_from_bbox(still_figure.bbox)  # type: ignore[no-untyped-call]


def figure(title: str, view: View) -> Figure:
    """Return the view as a figure with times of day, to be kept."""
    picture, all_axes = axes.background(title, view, clock=True)
    list(_draw_moving(all_axes, view, clock=True))  # the figure keeps what is drawn
    return picture


def _draw_moving(all_axes: Sequence[Axes], view: View, *, clock: bool) -> Iterator[Artist]:
    """Draw what changes from picture to picture; with ``clock`` the highest values of lines, else the newest."""
    events, *panels, states = all_axes
    for ax in all_axes:
        low, _ = ax.get_ylim()
        yield from _draw_times(ax, view, BANDS_FROM if ax is events else low)

    yield from _draw_events(events, view)
    for ax, plot in zip(panels[-len(view.plots) :], view.plots, strict=False):
        yield from _draw_lines(ax, plot, view, highest=clock)
    yield from _draw_states(states, view.rows)
    if not view.rows:
        yield _write_sentence(states, view.no_data_text)
    if not clock:
        yield axes.label_now(states, view)


def _draw_times(ax: Axes, view: View, bands_bottom: float) -> Iterator[Artist]:
    """Draw a band for the time of each fault, and a dotted line at the time of each event."""
    low, high = ax.get_ylim()
    spans = [(span.start, span.end - span.start) for span in view.spans]
    yield ax.broken_barh(spans, (bands_bottom, high - bands_bottom), zorder=0.5, **axes.BAND)

    dots: dict[str, Any] = {"colors": charts.SOFT, "linewidths": 0.8, "linestyles": [(0, (1, 2))]}
    yield ax.vlines([mark.x for mark in view.marks], low, high, zorder=0.6, **dots)


def _draw_events(ax: Axes, view: View) -> Iterator[Artist]:
    """Draw a mark for each event, and a name beside each event and fault that has room for one."""
    levels = [1 - number % 2 for number in range(len(view.marks))]
    for kind, (marker, color) in axes.KINDS.items():
        points = [(mark.x, level + 0.5) for mark, level in zip(view.marks, levels, strict=True) if mark.kind == kind]
        if points:
            x, y = zip(*points, strict=True)
            yield from ax.plot(x, y, ls="none", marker=marker, color=color, ms=6)

    look: dict[str, Any] = {"fontsize": 8, "color": charts.INK, "va": "center", "parse_math": False}
    for name_x, level, alignment, text in _placed_names(view, levels):
        yield ax.text(name_x, level + 0.47, text, ha=alignment, **look)


def _placed_names(view: View, levels: Sequence[int]) -> Iterator[tuple[float, int, str, str]]:
    """Yield x, level, alignment and text of each name that touches nothing; the table below the picture has all.

    Faults come first, then the newest events. The container's own name is left out.
    """
    distance = MARK * view.seconds
    taken_places = []
    names = []
    for mark, level in zip(view.marks, levels, strict=True):
        taken_places.append((mark.x - distance / 2, mark.x + distance / 2, level))
        names.append((mark.x, level, mark.label.removeprefix(f"{view.container} ")))
    for number, span in enumerate(view.spans):
        names.append((span.start, BANDS_FROM + number % 2, span.label))

    last_names = names[-MOST_NAMES:]
    for x, level, text in reversed(last_names):
        width = len(text) * LETTER * view.seconds
        for start, alignment in ((x + distance, "left"), (x - distance - width, "right")):
            end = start + width
            is_inside = -view.seconds <= start and end <= 0
            if is_inside and _is_free(start, end, level, taken_places):
                taken_places.append((start, end, level))
                aligned_x = start if alignment == "left" else end
                yield aligned_x, level, alignment, text
                break


def _is_free(start: float, end: float, level: int, taken_places: Sequence[tuple[float, float, int]]) -> bool:
    """Return whether a name from ``start`` to ``end`` meets nothing that is on its level."""
    taken_on_level = [(begin, stop) for begin, stop, taken_level in taken_places if taken_level == level]
    return all(end < begin or start > stop for begin, stop in taken_on_level)


def _draw_lines(ax: Axes, plot: Plot, view: View, *, highest: bool) -> Iterator[Artist]:
    """Draw the lines of a panel, and below each name its highest or its newest value."""
    for number, line in enumerate(plot.lines):
        if line.last is not None:  # matplotlib cannot space marks on a line without a point
            yield from ax.plot(line.x, line.y, markevery=MARKS_APART, **axes.look_of(number))

    for line, name_height in zip(plot.lines, axes.name_heights(plot), strict=True):
        text = _value_text(line, plot.panel.unit, highest=highest)
        yield axes.write(ax, axes.NAME, name_height - VALUE_BELOW, text, fontweight="bold")

    if all(line.last is None for line in plot.lines):
        yield _write_sentence(ax, view.no_data_text)


def _draw_states(ax: Axes, rows: Sequence[Row]) -> Iterator[Artist]:
    """Draw the states of probes and dependencies over time; row 0 is on top."""
    for number, row in enumerate(rows):
        for state, (height, look) in STATE_LOOKS.items():
            runs = [(run.start, run.end - run.start) for run in row.runs if run.label == state]
            if runs:
                yield ax.broken_barh(runs, (number - height / 2, height), **look)


def _write_sentence(ax: Axes, text: str) -> Artist:
    """Write a text on white in the middle of a panel."""
    paper = {"facecolor": charts.PAPER, "edgecolor": "none", "pad": 2}
    return axes.write(ax, 0.5, 0.5, text, size=10, ha="center", bbox=paper)


def _value_text(line: PanelLine, unit: str, *, highest: bool) -> str:
    """Return the highest or the newest value of a line with its unit; a dash if it is not known."""
    short_unit = "/s" if unit == "per second" else unit
    if highest:
        if line.last is None:
            return "–"
        return f"≤ {number_text(float(np.nanmax(line.y)))} {short_unit}"

    if not line.y.size or np.isnan(line.y[-1]):
        return "–"
    return f"{number_text(float(line.y[-1]))} {short_unit}"
