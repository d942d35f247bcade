"""The moving parts of a picture: bands, lines, values and rows of states, which a view moves to their places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import cast

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.text import Text

from workshop_kit.display import charts
from workshop_kit.display.dashboard import axes, bars
from workshop_kit.display.dashboard.axes import Range
from workshop_kit.display.dashboard.event_lane import BANDS_FROM, StripArtists
from workshop_kit.display.dashboard.states import StatesArtists
from workshop_kit.display.dashboard.view import View
from workshop_kit.display.live_data import Line, Plot, rounded
from workshop_kit.display.live_figure import moving_line, put

MARKS_ACROSS = 12  # of each line


class Parts:
    """One figure with its moving parts. With ``clock`` it stands still: times of day, and the highest values."""

    def __init__(self, title: str, view: View, ranges: Sequence[Range], *, clock: bool) -> None:
        self._clock = clock
        self.figure, self._all = axes.stacked(title, axes.heights(view))
        strip, *panels, states = self._all
        axes.label_strip(strip)
        if view.bars:
            bars.draw(panels.pop(0), view.bars)
        for ax, plot, ends in zip(panels, view.plots, ranges, strict=True):
            axes.label_panel(ax, plot, ends)
        axes.label_states(states, view)
        for ax in self._all:
            ax.set_xlim(-view.seconds, view.seconds / 120)
            ax.tick_params(labelbottom=ax is states, bottom=ax is states)
        axes.label_time(states, view, clock=clock)
        self._bands = [_bands(ax) for ax in self._all]
        self._uprights = [_uprights(ax) for ax in self._all]
        self._strip, self._states = StripArtists(strip), StatesArtists(states)
        drawn = list(zip(panels, view.plots, strict=True))
        self._lines = [[moving_line(ax, number) for number in range(len(plot.lines))] for ax, plot in drawn]
        self._values = [_values(ax, plot) for ax, plot in drawn]
        self._nothing = [_sentence(ax) for ax in (*panels, states)]
        self._now = axes.write(states, 1, 0, "", size=9, ha="right", animated=True)
        self._now.set_y(-0.42 / states.get_position().height / self.figure.get_figheight())

    def put(self, view: View) -> None:
        """Move everything to where it belongs in this view."""
        for number, ax in enumerate(self._all):
            low, high = ax.get_ylim()
            bottom = BANDS_FROM if number == 0 else low  # in the strip the bands leave room for events
            quads = [[(s.start, bottom), (s.end, bottom), (s.end, high), (s.start, high)] for s in view.spans]
            self._bands[number].set_verts(quads)
            self._uprights[number].set_segments([[(mark.x, low), (mark.x, high)] for mark in view.marks])
        self._strip.put(view.spans, view.marks, view.seconds, view.container)
        self._states.put(view.rows, view.seconds)
        for plot, drawn, values, nothing in zip(view.plots, self._lines, self._values, self._nothing, strict=False):
            for line, artist, value in zip(plot.lines, drawn, values, strict=True):
                put(artist, line, view.seconds / MARKS_ACROSS)
                value.set_text(_value(line, plot.panel.unit, highest=self._clock))
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


def _bands(ax: Axes) -> PolyCollection:
    made = PolyCollection([], animated=True, zorder=0.5, **axes.BAND)
    ax.add_collection(made, autolim=False)
    return made


def _uprights(ax: Axes) -> LineCollection:
    dots = {"colors": charts.SOFT, "linewidths": 0.8, "linestyles": [(0, (1, 2))]}
    made = LineCollection([], animated=True, zorder=0.6, **dots)
    ax.add_collection(made, autolim=False)
    return made


def _values(ax: Axes, plot: Plot) -> list[Text]:
    """Each line's value, below its name to the right of the panel."""
    places = axes.name_lines(ax, plot)
    return [axes.write(ax, 1.07, y, "", fontweight="bold", animated=True) for y in places]


def _sentence(ax: Axes) -> Text:
    paper = {"facecolor": charts.PAPER, "edgecolor": "none", "pad": 2}
    return axes.write(ax, 0.5, 0.5, "", size=10, ha="center", animated=True, bbox=paper)


def _value(line: Line, unit: str, *, highest: bool) -> str:
    """The newest value, or (of a picture that stands still) the highest."""
    short = {"per second": "/s"}.get(unit, unit)
    if highest:
        return f"≤ {rounded(float(np.nanmax(line.y)))} {short}" if line.last is not None else "–"
    return f"{rounded(float(line.y[-1]))} {short}" if line.y.size and not np.isnan(line.y[-1]) else "–"
