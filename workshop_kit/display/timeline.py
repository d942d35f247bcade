"""What happened to a container, as one figure on one time axis: measurements, then faults, events and health.

The live figure of a lesson, of game day and of the stage is a `Timeline`, and so is `one_clock`. Pictures are drawn
dark on white. In a dark theme the stylesheet inverts their lightness, so one PNG serves both themes.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, DateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.text import Text
from numpy.typing import NDArray

from workshop_kit.display.rendered import Rendered
from workshop_kit.errors import WrongUsage
from workshop_kit.observe.logs.lines import level_group
from workshop_kit.observe.watcher import Tables
from workshop_kit.untrusted_text import visible

Numbers = NDArray[np.float64]
CSS = (Path(__file__).parent / "charts.css").read_text()
WIDTH_INCHES = 8.6
DPI = 100
PAPER = "#ffffff"
INK = "#1f2328"
SOFT = "#57606a"
GRID = "#d8dee4"
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
HOLD_SECONDS = 3.5
"""How long a state lasts if no newer one is known; the watcher asks every second with a time limit of two."""
AROUND = pd.Timedelta(seconds=30)
"""The time that `one_clock` shows before the first fault and after the last."""
SHORTEST_LIVE = timedelta(seconds=10)
LONGEST_LIVE = timedelta(minutes=5)
DAY_SECONDS = 86_400
MOST_LOG_BARS = 90
LEAST_MS = 1
MOST_MS = 10_000
"""The ends of a logarithmic axis, the same in every picture."""
EVENTS = {
    "start": ("started", ">", "#1a7f5a"),
    "die": ("ended", "s", INK),
    "oom": ("out of memory", "X", "#a8264f"),
    "health_status": ("health check", "D", "#7d3cc9"),
}
"""The events of the engine that are marked, each with its name, its mark and its color."""
STATE_LOOKS: Mapping[str, tuple[float, Mapping[str, Any]]] = {
    "pass": (0.4, {"facecolor": "#bfe3d2", "edgecolor": "#1a7f5a"}),
    "warn": (0.6, {"facecolor": "#ffd9b8", "edgecolor": "#b3470b", "hatch": "////"}),
    "fail": (0.85, {"facecolor": "#a8264f", "edgecolor": "#6d1030"}),
    "refused": (0.85, {"facecolor": PAPER, "edgecolor": "#6d1030", "hatch": "xxxx"}),
    "no answer": (0.85, {"facecolor": PAPER, "edgecolor": INK, "hatch": "...."}),
}
"""The height of each state of a probe in its row, and its look: height and hatching tell states apart, too."""
FAULT_LOOK: Mapping[str, Any] = {"facecolor": "#7d3cc92e", "edgecolor": "#7d3cc9", "linewidth": 0.9}
LEGEND: Mapping[str, Any] = {"fontsize": 8, "frameon": False, "columnspacing": 1.0}
BESIDE: Mapping[str, Any] = {**LEGEND, "loc": "upper left", "bbox_to_anchor": (1.01, 1.1)}
"""Where the legend of a panel stands."""
ABOVE: Mapping[str, Any] = {**LEGEND, "loc": "lower right", "bbox_to_anchor": (1.0, 0.97)}
"""Where the legend of the states stands."""

LEFT_INCHES = 1.25
RIGHT_INCHES = 1.85
TOP_INCHES = 0.5
BOTTOM_INCHES = 0.5
PANEL_INCHES = 1.05
ROW_INCHES = 0.19
GAP = 0.35  # between two panels, in heights of an average one


@dataclass(frozen=True)
class Panel:
    """One set of axes: ``columns`` maps each drawn column of the measurements to its label."""

    title: str
    unit: str
    columns: Mapping[str, str]
    logarithmic: bool = False


REQUESTS = Panel(
    "Requests, and errors (5xx, or no answer)",
    "per second",
    {"requests_per_second": "all", "errors_per_second": "errors", "refused_per_second": "refused (4xx)"},
)
LATENCY = Panel("Latency of requests", "ms", {"p50_ms": "p50", "p95_ms": "p95", "p99_ms": "p99"}, logarithmic=True)
SHARES = Panel(
    "CPU and memory, in % of the limit (without one: of a core, of the machine)",
    "%",
    {"cpu_percent": "CPU", "memory_percent": "memory", "throttled_percent": "periods held back"},
)
PANELS = (REQUESTS, LATENCY, SHARES)
ERRORS = Panel("Requests that failed (5xx, or no answer)", "%", {"error_percent": "of all requests"})
P95 = Panel("95 % of requests were faster than", "ms", {"p95_ms": "p95"}, logarithmic=True)


class FaultBand(Protocol):
    """A fault from ``started`` to ``ended`` (None: still in force); both times have a zone."""

    fault: str
    target: str
    started: datetime
    ended: datetime | None


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
        rows = self._row_names()
        panel_count = len(self.panels) + (self.logs is not None)
        heights = [PANEL_INCHES] * panel_count + [ROW_INCHES * max(len(rows), 1)]
        figure = _stacked_axes(self.title, heights, size_inches)
        *panel_axes, lanes = figure.axes

        if self.logs is not None:
            self._draw_logs(panel_axes.pop(0), self.logs)
        for axes, panel in zip(panel_axes, self.panels, strict=True):
            self._draw_panel(axes, panel)
        self._draw_lanes(lanes, rows)

        lanes.set_xlim(_days(self.start), _days(self.end))
        lanes.xaxis.set_major_locator(AutoDateLocator(minticks=3, maxticks=8))  # type: ignore[no-untyped-call]
        lanes.xaxis.set_major_formatter(DateFormatter("%H:%M:%S"))  # type: ignore[no-untyped-call]
        lanes.set_xlabel(f"time (UTC), {self.start:%Y-%m-%d}", fontsize=9, color=SOFT)
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

        for fault in self._shown_faults():
            end = f"to {fault.ended:%H:%M:%S}" if fault.ended else "on"
            sentences.append(f"{_fault_name(fault)} from {fault.started:%H:%M:%S} {end}.")
        for event in self._shown_events().itertuples(index=False):
            name, _, _ = EVENTS[str(event.what)]
            words = f"{visible(str(event.container), 30)} {name} {_event_detail(event)}"
            sentences.append(f"{words.strip()} at {event.time:%H:%M:%S}.")
        for name, answers in self._states():
            sentences.append(_state_sentence(name, answers))
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

    def _shown_faults(self) -> list[FaultBand]:
        """Return the faults that were in force in the time shown, by their start."""
        return sorted(_faults_within(self.faults, self.start, self.end), key=lambda fault: fault.started)

    def _shown_events(self) -> pd.DataFrame:
        """Return the events of the container and its dependencies that are marked."""
        names = {self.container, *self.health["what"]}
        events = self._within(self.events)
        return events[events["what"].isin(list(EVENTS)) & events["container"].isin(names)]

    def _states(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """Yield the name of each probe and dependency with its answers, in the order of their first answers."""
        for name, answers in self._within(self.health).groupby("what", sort=False):
            yield visible(str(name), 30), answers

    def _log_times(self, logs: pd.DataFrame) -> dict[str, Numbers]:
        """Return the times of the log lines by their level, the gravest level first."""
        lines = logs.reindex(columns=["ts", "level"])
        levels = lines["level"].map(level_group)
        times = pd.to_datetime(lines["ts"], utc=True, errors="coerce")
        is_shown = times.between(self.start, self.end)
        times_by_level = {level: _days(times[is_shown & (levels == level)]) for level in LEVEL_LOOKS}
        return {level: times for level, times in times_by_level.items() if len(times)}

    def _row_names(self) -> list[str]:
        """Return the rows below the panels: faults, kinds of events, probes."""
        kinds = set(self._shown_events()["what"])
        names = [_fault_name(fault) for fault in self._shown_faults()]
        names += [name for what, (name, _, _) in EVENTS.items() if what in kinds]
        names += [name for name, _ in self._states()]
        return list(dict.fromkeys(names))

    def _draw_panel(self, axes: Axes, panel: Panel) -> None:
        """Draw the lines of a panel, each with its newest and highest value beside it."""
        _name_axes(axes, panel.title, panel.unit)
        times = _days(self._within(self.measurements)["time"])
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
        self._mark_times(axes)

    def _draw_logs(self, axes: Axes, logs: pd.DataFrame) -> None:
        """Draw the number of log lines over time as stacked bars, by level."""
        _name_axes(axes, "Log lines, by level", "lines")
        times_by_level = self._log_times(logs)
        if times_by_level:
            labels = [f"{level} ({len(times):,})" for level, times in times_by_level.items()]
            colors = [LEVEL_LOOKS[level][0] for level in times_by_level]
            hatches = [LEVEL_LOOKS[level][1] for level in times_by_level]
            seconds = (self.end - self.start).total_seconds()
            step = math.ceil(seconds / MOST_LOG_BARS) / DAY_SECONDS
            borders = np.arange(_days(self.start), _days(self.end) + step, step)
            bars: dict[str, Any] = {"bins": borders, "stacked": True, "edgecolor": INK, "linewidth": 0.3}
            axes.hist(list(times_by_level.values()), color=colors, hatch=hatches, label=labels, **bars)
            axes.legend(**BESIDE)
        self._mark_times(axes)

    def _mark_times(self, axes: Axes) -> None:
        """Draw a band for the time of each fault, and a dotted line at the time of each event."""
        for fault in self._shown_faults():
            axes.axvspan(_days(fault.started), _days(fault.ended or self.end), zorder=0.5, **FAULT_LOOK)
        for time in self._shown_events()["time"]:
            axes.axvline(_days(time), color=SOFT, linewidth=0.8, linestyle=":", zorder=0.6)

    def _draw_lanes(self, axes: Axes, rows: Sequence[str]) -> None:
        """Draw a row for each fault, kind of event, probe and dependency."""
        _name_axes(axes, "Faults, events, health" if len(self.events) else "Faults, health")
        axes.set_ylim(max(len(rows), 1) - 0.45, -0.55)
        axes.set_yticks(range(len(rows)), list(rows), parse_math=False)
        axes.grid(visible=False, axis="y")
        self._mark_times(axes)

        for fault in self._shown_faults():
            start = _days(fault.started)
            width = _days(fault.ended or self.end) - start
            axes.barh(rows.index(_fault_name(fault)), width, left=start, height=0.8, **FAULT_LOOK)
        for what, events in self._shown_events().groupby("what"):
            name, marker, color = EVENTS[str(what)]
            event_rows = [rows.index(name)] * len(events)
            axes.plot(_days(events["time"]), event_rows, linestyle="none", marker=marker, color=color, markersize=6)
        for name, answers in self._states():
            _draw_states(axes, rows.index(name), answers, _days(self.end))

        patches = [Patch(label=state, **look) for state, (_, look) in STATE_LOOKS.items()]
        axes.legend(handles=patches, ncols=len(patches), **ABOVE)


def live_span(started: datetime) -> tuple[datetime, datetime]:
    """Return the time that a live figure shows: from ``started`` until now, within the limits."""
    now = datetime.now(UTC)
    return now - min(max(now - started, SHORTEST_LIVE), LONGEST_LIVE), now


def one_clock(
    title: str,
    tables: Tables,
    measurements: pd.DataFrame,
    *,
    logs: pd.DataFrame | None = None,
    faults: Iterable[FaultBand] = (),
    container: str = "service",
    panels: Sequence[Panel] = (ERRORS, P95),
) -> Rendered:
    """Return one picture of what happened to ``container``: the faults and half a minute around them, or all data.

    Raises WrongUsage if there is nothing to show.
    """
    if measurements.empty:
        raise WrongUsage(f"{title}: there is nothing to show.", "Let the watch run for some seconds.")

    faults = tuple(faults)
    start, end = _time_shown(measurements["time"].iloc[0], measurements["time"].iloc[-1], faults)
    timeline = Timeline(title, container, measurements, start, end, panels, tables.health, tables.events, faults, logs)
    return timeline.picture()


def _time_shown(first: pd.Timestamp, last: pd.Timestamp, faults: Sequence[FaultBand]) -> tuple[datetime, datetime]:
    """Return the ends of the data, or those of the faults within it and a while around them, if that is shorter."""
    shown_faults = _faults_within(faults, first, last)
    if not shown_faults:
        return first, max(last, first + pd.Timedelta(seconds=1))

    faults_start = min(fault.started for fault in shown_faults)
    faults_end = max(fault.ended or last for fault in shown_faults)
    return max(first, faults_start - AROUND), min(last, faults_end + AROUND)


def _faults_within(faults: Iterable[FaultBand], start: datetime, end: datetime) -> list[FaultBand]:
    """Return the faults that were in force in a time."""
    begun_faults = [fault for fault in faults if fault.started <= end]
    return [fault for fault in begun_faults if (fault.ended or end) >= start]


def _stacked_axes(title: str, heights: Sequence[float], size_inches: tuple[float, float] | None) -> Figure:
    """Return a figure with axes of these heights, one below the other, on one time axis."""
    natural_height = TOP_INCHES + BOTTOM_INCHES + sum(heights) * (1 + GAP * (len(heights) - 1) / len(heights))
    width, height = size_inches or (WIDTH_INCHES, natural_height)
    figure = Figure(figsize=(width, height), facecolor=PAPER)
    figure.text(0.01, 1 - 0.06 / height, title, va="top", fontsize=12, fontweight="bold", color=INK)

    margins = {
        "left": LEFT_INCHES / width,
        "right": 1 - RIGHT_INCHES / width,
        "top": 1 - TOP_INCHES / height,
        "bottom": BOTTOM_INCHES / height,
        "hspace": GAP,
    }
    all_axes = figure.subplots(len(heights), sharex=True, height_ratios=heights, gridspec_kw=margins)
    for axes in all_axes:
        axes.set_axisbelow(True)
        axes.grid(visible=True, color=GRID, linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(SOFT)
        axes.tick_params(colors=SOFT, labelcolor=INK, labelsize=8.5, bottom=False)
    return figure


def _name_axes(axes: Axes, title: str, unit: str = "") -> None:
    """Write the title above a panel, and the unit to the left of it."""
    axes.set_title(title, loc="left", fontsize=10, color=INK, pad=3)
    axes.set_ylabel(unit, fontsize=9, color=SOFT)


def _draw_states(axes: Axes, row: int, answers: pd.DataFrame, end: float) -> None:
    """Draw each answer of a probe until the next one, or for `HOLD_SECONDS`."""
    starts = _days(answers["time"])
    next_starts = np.append(starts[1:], end)
    ends = np.minimum(next_starts, starts + HOLD_SECONDS / DAY_SECONDS)
    states = answers["state"].to_numpy()
    for state, (height, look) in STATE_LOOKS.items():
        is_state = states == state
        spans = list(zip(starts[is_state], (ends - starts)[is_state], strict=True))
        axes.broken_barh(spans, (row - height / 2, height), linewidth=0, antialiased=False, **look)


def _days(times: Any) -> Any:
    """Return a time, or a column of times, as matplotlib's axes count them: in days since 1970."""
    return date2num(times)  # type: ignore[no-untyped-call]


def number_text(number: float) -> str:
    """Return a number with two digits or more: ``1,234``, ``12``, ``1.2``, ``0``."""
    if number == 0 or abs(number) >= 10:
        return f"{number:,.0f}"
    return f"{number:.1f}"


def _fault_name(fault: FaultBand) -> str:
    return visible(f"{fault.fault} {fault.target}".strip(), 24)


def _event_detail(event: Any) -> str:
    """Return the exit code of a container that ended, or the state of its health check."""
    if event.what == "die":
        return "" if pd.isna(event.exit_code) else f"({event.exit_code})"
    return visible(str(event.detail), 30) if event.what == "health_status" else ""


def _state_sentence(name: str, answers: pd.DataFrame) -> str:
    """Return the newest state of a probe, and since when it lasts."""
    states = answers["state"]
    changes = answers["time"][states != states.shift()]
    return f"{name}: {states.iloc[-1]} since {changes.iloc[-1]:%H:%M:%S}."
