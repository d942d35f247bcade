"""What happened to a container, as one figure on one time axis: measurements, then faults, events and health.

The live figure of a lesson, of game day and of the stage is a `Timeline`, and so is the picture of `one_clock`.
Pictures are drawn dark on white. In a dark theme the stylesheet inverts their lightness, so one PNG serves both themes.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, DateFormatter
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray

from workshop_kit.display.axes import (
    DAY_SECONDS,
    INK,
    LEGEND,
    PANEL_INCHES,
    ROW_INCHES,
    SOFT,
    days,
    name_axes,
    stacked_axes,
)
from workshop_kit.display.lanes import EVENTS, FaultBand, Lanes, faults_within
from workshop_kit.display.panels import PANELS, Panel
from workshop_kit.display.rendered import Rendered
from workshop_kit.observe.logs.lines import level_group
from workshop_kit.observe.watcher import Tables
from workshop_kit.untrusted_text import visible

Numbers = NDArray[np.float64]
CSS = (Path(__file__).parent / "charts.css").read_text()
DPI = 100
LEVEL_LOOKS: Mapping[str, tuple[str, str]] = {
    "error": ("#a8264f", ""),
    "warning": ("#b3470b", "////"),
    "info": ("#9cc3e6", ""),
    "debug": ("#c8ccd0", "...."),
    "other": ("#e6dcf5", "xxxx"),
}
"""Color and hatching of each log level, from the gravest, at the bottom, up."""
COLORS = ("#0b62b0", "#b3470b", "#1a7f5a", "#7d3cc9")
LINE_STYLES = ("-", "--", "-.", ":")
MOST_LOG_BARS = 90
LEAST_MS = 1
MOST_MS = 10_000
"""The ends of a logarithmic axis, the same in every picture."""
BESIDE: Mapping[str, Any] = {**LEGEND, "loc": "upper left", "bbox_to_anchor": (1.01, 1.1)}
"""Where the legend of a panel stands."""


@dataclass(frozen=True)
class Timeline:
    """What happened to ``container`` from ``start`` to ``end``, as a figure and in words.

    ``measurements`` has a column ``time`` and those of the ``panels``. ``health`` and ``events`` are as in
    `watcher.Tables`. With ``logs`` (columns ``ts`` and ``level``) a panel counts the log lines.
    """

    title: str
    container: str
    measurements: pd.DataFrame
    start: datetime
    end: datetime
    panels: Sequence[Panel] = PANELS
    health: pd.DataFrame = field(default_factory=lambda: Tables().health)
    events: pd.DataFrame = field(default_factory=lambda: Tables().events)
    faults: Iterable[FaultBand] = ()
    logs: pd.DataFrame | None = None

    def figure(self, size_inches: tuple[float, float] | None = None) -> Figure:
        """Return the figure; without a size it is as high as its panels and rows need."""
        lanes = self._lanes()
        panel_count = len(self.panels) + (self.logs is not None)
        heights = [PANEL_INCHES] * panel_count + [ROW_INCHES * max(len(lanes.rows()), 1)]
        figure = stacked_axes(self.title, heights, size_inches)
        *panel_axes, lane_axes = figure.axes

        if self.logs is not None:
            self._draw_logs(panel_axes[0], self.logs)
        for axes, panel in zip(panel_axes[panel_count - len(self.panels) :], self.panels, strict=True):
            self._draw_panel(axes, panel)
        for axes in panel_axes:
            lanes.mark_times(axes)
        lanes.draw(lane_axes, "Faults, events, health" if len(self.events) else "Faults, health")

        lane_axes.set_xlim(days(self.start), days(self.end))
        lane_axes.xaxis.set_major_locator(AutoDateLocator(minticks=3, maxticks=8))  # type: ignore[no-untyped-call]
        lane_axes.xaxis.set_major_formatter(DateFormatter("%H:%M:%S"))  # type: ignore[no-untyped-call]
        lane_axes.set_xlabel(f"time (UTC), {self.start:%Y-%m-%d}", fontsize=9, color=SOFT)
        return figure

    def png(self, size_inches: tuple[float, float] | None = None, dpi: int = DPI) -> bytes:
        """Return the figure as a PNG; a smaller size with more dots per inch has larger letters.

        Its texts are drawn as they are: two dollars make no formula.
        """
        figure = self.figure(size_inches)
        for text in figure.findobj(Text):
            text.set_parse_math(False)
        file = io.BytesIO()
        figure.savefig(file, dpi=dpi)
        return file.getvalue()

    def picture(self) -> Rendered:
        """Return the figure for a cell, with its text."""
        alt = self.text()
        data = base64.b64encode(self.png()).decode()
        image = f'<img src="data:image/png;base64,{data}" alt="{escape(alt)}">'
        return Rendered(f'<style>{CSS}</style><div class="wk-picture">{image}</div>', alt)

    def text(self) -> str:
        """Return the same in words: newest and highest values, log lines, faults, events, states."""
        sentences = [f"{self.title}, from {self.start:%H:%M:%S} to {self.end:%H:%M:%S} UTC."]
        for panel in self.panels:
            values = ", ".join(self._value_text(column, label, panel.unit) for column, label in panel.columns.items())
            sentences.append(f"{panel.title}: {values}.")

        if self.logs is not None:
            counts = ", ".join(f"{len(times)} {level}" for level, times in self._log_times(self.logs).items())
            sentences.append(f"Log lines: {counts or 'none'}.")

        sentences += self._lanes().sentences()
        return " ".join(sentences)

    def _within(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of the time shown."""
        return frame[frame["time"].between(self.start, self.end)]

    def _values(self, column: str) -> Numbers:
        """Return a column of the measurements shown; NaN for values that are not known."""
        measurements = self._within(self.measurements)
        values: Numbers = measurements.reindex(columns=[column])[column].to_numpy("float64")
        return values

    def _value_text(self, column: str, label: str, unit: str, between: str = " ") -> str:
        """Return the newest and the highest value of a column behind its label."""
        values = self._values(column)
        known_values = values[~np.isnan(values)]
        if not known_values.size:
            return f"{label}{between}not known"

        short_unit = "/s" if unit == "per second" else unit
        newest = "–" if np.isnan(values[-1]) else number_text(values[-1])
        return f"{label}{between}{newest} (max {number_text(known_values.max())}) {short_unit}"

    def _lanes(self) -> Lanes:
        """Return the faults in force, the marked events, and the states in the time shown."""
        faults = sorted(faults_within(self.faults, self.start, self.end), key=lambda fault: fault.started)
        names = {self.container, *self.health["what"]}
        events = self._within(self.events)
        marked_events = events[events["what"].isin(list(EVENTS)) & events["container"].isin(names)]
        answers = self._within(self.health).groupby("what", sort=False)
        states = {visible(str(name), 30): group for name, group in answers}
        return Lanes(self.start, self.end, faults, marked_events, states)

    def _log_times(self, logs: pd.DataFrame) -> dict[str, Numbers]:
        """Return the times of the log lines by their level, the gravest level first."""
        lines = logs.reindex(columns=["ts", "level"])
        levels = lines["level"].map(level_group)
        times = pd.to_datetime(lines["ts"], utc=True, errors="coerce")
        is_shown = times.between(self.start, self.end)
        times_by_level = {level: days(times[is_shown & (levels == level)]) for level in LEVEL_LOOKS}
        return {level: times for level, times in times_by_level.items() if len(times)}

    def _draw_panel(self, axes: Axes, panel: Panel) -> None:
        """Draw the lines of a panel, each with its newest and highest value beside it."""
        name_axes(axes, panel.title, panel.unit)
        times = days(self._within(self.measurements)["time"])
        axes.set_prop_cycle(color=COLORS, linestyle=LINE_STYLES)
        for column, label in panel.columns.items():
            name = self._value_text(column, label, panel.unit, between="\n")
            axes.plot(times, self._values(column), linewidth=1.8, label=name)

        if panel.logarithmic:
            axes.set_yscale("log")
            axes.set_ylim(LEAST_MS, MOST_MS)
            axes.yaxis.set_major_formatter("{x:,g}")
            axes.minorticks_off()
        else:
            _, end = axes.get_ylim()
            axes.set_ylim(0, max(end, 108.0 if panel.unit == "%" else 1.08))
            axes.locator_params(axis="y", nbins=4)
        axes.legend(**BESIDE)

    def _draw_logs(self, axes: Axes, logs: pd.DataFrame) -> None:
        """Draw the number of log lines over time as stacked bars, by level."""
        name_axes(axes, "Log lines, by level", "lines")
        times_by_level = self._log_times(logs)
        if times_by_level:
            labels = [f"{level} ({len(times):,})" for level, times in times_by_level.items()]
            colors = [LEVEL_LOOKS[level][0] for level in times_by_level]
            hatches = [LEVEL_LOOKS[level][1] for level in times_by_level]
            seconds = (self.end - self.start).total_seconds()
            step = math.ceil(seconds / MOST_LOG_BARS) / DAY_SECONDS
            borders = np.arange(days(self.start), days(self.end) + step, step)
            bars: dict[str, Any] = {"bins": borders, "stacked": True, "edgecolor": INK, "linewidth": 0.3}
            axes.hist(list(times_by_level.values()), color=colors, hatch=hatches, label=labels, **bars)
            axes.legend(**BESIDE)


def number_text(number: float) -> str:
    """Return a number with two digits or more: ``1,234``, ``12``, ``1.2``, ``0``."""
    if number == 0 or abs(number) >= 10:
        return f"{number:,.0f}"
    return f"{number:.1f}"
