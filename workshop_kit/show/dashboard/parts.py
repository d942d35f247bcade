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

from workshop_kit.show import charts
from workshop_kit.show.dashboard import bars, furniture
from workshop_kit.show.dashboard.furniture import Range
from workshop_kit.show.dashboard.states import StatesArtists
from workshop_kit.show.dashboard.strip import BANDS_FROM, StripArtists
from workshop_kit.show.dashboard.view import View
from workshop_kit.show.live_data import Line, Plot, rounded
from workshop_kit.show.live_figure import moving_line, put

MARKS_ACROSS = 12  # of each line


class Parts:
    """One figure with its moving parts. With ``clock`` it stands still: times of day, and the highest values."""

    def __init__(self, title: str, view: View, ranges: Sequence[Range], *, clock: bool) -> None:
        self._clock = clock
        self.figure, self._all = furniture.stacked(title, furniture.heights(view))
        strip, *panels, states = self._all
        furniture.label_strip(strip)
        if view.bars:
            bars.draw(panels.pop(0), view.bars)
        for axes, plot, ends in zip(panels, view.plots, ranges, strict=True):
            furniture.label_panel(axes, plot, ends)
        furniture.label_states(states, view)
        for axes in self._all:
            axes.set_xlim(-view.seconds, view.seconds / 120)
            axes.tick_params(labelbottom=axes is states, bottom=axes is states)
        furniture.label_time(states, view, clock=clock)
        self._bands = [_bands(axes) for axes in self._all]
        self._uprights = [_uprights(axes) for axes in self._all]
        self._strip, self._states = StripArtists(strip), StatesArtists(states)
        drawn = list(zip(panels, view.plots, strict=True))
        self._lines = [[moving_line(axes, number) for number in range(len(plot.lines))] for axes, plot in drawn]
        self._values = [_values(axes, plot) for axes, plot in drawn]
        self._nothing = [_sentence(axes) for axes in (*panels, states)]
        self._now = furniture.write(states, 1, 0, "", size=9, ha="right", animated=True)
        self._now.set_y(-0.42 / states.get_position().height / self.figure.get_figheight())

    def put(self, view: View) -> None:
        """Move everything to where it belongs in this view."""
        for number, axes in enumerate(self._all):
            low, high = axes.get_ylim()
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


def _bands(axes: Axes) -> PolyCollection:
    made = PolyCollection([], animated=True, zorder=0.5, **furniture.BAND)
    axes.add_collection(made, autolim=False)
    return made


def _uprights(axes: Axes) -> LineCollection:
    dots = {"colors": charts.SOFT, "linewidths": 0.8, "linestyles": [(0, (1, 2))]}
    made = LineCollection([], animated=True, zorder=0.6, **dots)
    axes.add_collection(made, autolim=False)
    return made


def _values(axes: Axes, plot: Plot) -> list[Text]:
    """Each line's value, below its name to the right of the panel."""
    places = furniture.name_lines(axes, plot)
    return [furniture.write(axes, 1.07, y, "", fontweight="bold", animated=True) for y in places]


def _sentence(axes: Axes) -> Text:
    paper = {"facecolor": charts.PAPER, "edgecolor": "none", "pad": 2}
    return furniture.write(axes, 0.5, 0.5, "", size=10, ha="center", animated=True, bbox=paper)


def _value(line: Line, unit: str, *, highest: bool) -> str:
    """The newest value, or (of a picture that stands still) the highest."""
    short = {"per second": "/s"}.get(unit, unit)
    if highest:
        return f"≤ {rounded(float(np.nanmax(line.y)))} {short}" if line.last is not None else "–"
    return f"{rounded(float(line.y[-1]))} {short}" if line.y.size and not np.isnan(line.y[-1]) else "–"
