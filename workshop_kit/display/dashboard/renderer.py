"""A view to a picture: drawn whole, or as the next one over what stays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from workshop_kit.display.dashboard.artists import Parts
from workshop_kit.display.dashboard.axes import Range
from workshop_kit.display.dashboard.view import View
from workshop_kit.display.live_data import Plot
from workshop_kit.display.live_figure import Backdrop, top_of


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


def _labels(view: View) -> tuple[Any, ...]:
    lines = tuple((line.label, line.limit) for plot in view.plots for line in plot.lines)
    return lines, tuple(row.name for row in view.rows)
