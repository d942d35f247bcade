"""What the dashboard shows as data: lines, bands of faults, marks of events, rows of states; and the same in words.

Times become seconds before the right edge (0 or less).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np
import pandas as pd

from workshop_kit.display.charts import Bars, Numbers
from workshop_kit.host import MIB
from workshop_kit.observe.watcher import Tables
from workshop_kit.untrusted_text import visible

HOLD_SECONDS = 3.5
"""How long a state lasts if no newer one is known; the watcher asks every second with a time limit of two."""
EVENTS = {"start": "start", "die": "stop", "oom": "oom", "health_status": "health"}
"""The engine's events that are marked, each with the kind of its mark."""


@dataclass(frozen=True)
class Panel:
    """One set of axes: ``columns`` maps each drawn column to its label.

    ``limit`` is drawn as a dashed line, with ``limit_name`` beside it. ``full_scale`` is the end of the axis while the
    data fit (0: it follows the data).
    """

    title: str
    unit: str
    columns: Mapping[str, str]
    limit: float | None = None
    limit_name: str = "limit"
    full_scale: float = 0.0
    logarithmic: bool = False


@dataclass(frozen=True)
class PanelLine:
    """One line: ``x`` in seconds before the right edge (0 or less), ``y`` in the panel's unit, NaN for a gap."""

    label: str
    x: Numbers
    y: Numbers

    @property
    def last(self) -> float | None:
        """The newest known value, None if there is none."""
        return newest(self.y)


@dataclass(frozen=True)
class Plot:
    """A panel with its lines."""

    panel: Panel
    lines: tuple[PanelLine, ...]


MOST_IN_TEXT = 4  # faults and events in the text; the tables below the picture have all
REQUESTS = Panel(
    "Requests, and errors (5xx, or no answer)",
    "per second",
    {"requests_per_second": "all", "errors_per_second": "errors", "refused_per_second": "refused (4xx)"},
)
LATENCY = Panel("Latency of requests", "ms", {"p50_ms": "p50", "p95_ms": "p95", "p99_ms": "p99"}, logarithmic=True)


class FaultBand(Protocol):
    """A fault from ``started`` to ``ended`` (None: still in force); both times have a zone."""

    fault: str
    target: str
    started: datetime
    ended: datetime | None


@dataclass(frozen=True)
class Span:
    """A fault in force, or a state, from ``start`` to ``end``."""

    start: float
    end: float
    label: str


@dataclass(frozen=True)
class Mark:
    """An event at ``x``; ``kind`` is one of ``start``, ``stop``, ``oom``, ``health``."""

    x: float
    kind: str
    label: str


@dataclass(frozen=True)
class Row:
    """The states of one probe or dependency over time; unknown times have no run."""

    name: str
    runs: tuple[Span, ...]


@dataclass(frozen=True)
class View:
    """One picture as data, over the ``seconds`` before ``edge`` (seconds since 1970)."""

    edge: float
    seconds: float
    plots: tuple[Plot, ...]
    rows: tuple[Row, ...] = ()
    spans: tuple[Span, ...] = ()
    marks: tuple[Mark, ...] = ()
    bars: Bars | None = None
    container: str = ""
    no_data_text: str = "no data"  # the text of a panel without data

    def clock(self, x: float) -> str:
        """Return the time of day at ``x``, in UTC."""
        return f"{datetime.fromtimestamp(self.edge + x, UTC):%H:%M:%S}"


def container_view(
    tables: Tables,
    faults: tuple[FaultBand, ...],
    container: str,
    edge: float,
    seconds: float,
    panels: Sequence[Panel] = (),
) -> View:
    """Return the view of one container over the ``seconds`` before ``edge`` (seconds since 1970).

    ``panels`` name columns of the requests that replace the usual panels.
    """
    requests, resources, health = tables_of_container(tables, container, edge)
    state_rows = rows(health, edge, seconds)
    names = {container, *(row.name for row in state_rows)}
    state = requests["state"].iloc[-1] if len(requests) else "ok"
    no_data_text = "no data" if state == "ok" else f"no data: {state}"

    plots = plots_of(requests, panels or [REQUESTS, LATENCY], edge, seconds)
    if not panels:
        plots += plots_of(with_shares(resources), [_resources_panel(resources)], edge, seconds)

    return View(
        edge,
        seconds,
        plots=plots,
        rows=state_rows,
        spans=spans(faults, edge, seconds),
        marks=marks(tables.events, names, edge, seconds),
        container=container,
        no_data_text=no_data_text,
    )


def tables_of_container(tables: Tables, container: str, edge: float) -> Iterator[pd.DataFrame]:
    """Yield requests, resources and health of one container until ``edge``."""
    for table in (tables.requests, tables.resources, tables.health):
        yield table[(table["container"] == container) & (times(table) <= edge)]


def describe(title: str, view: View) -> str:
    """Return the view as a short text: newest and highest values, the newest faults, events and states."""
    sentences = [f"{title}, {view.seconds:.0f} seconds until {view.clock(0)} UTC."]
    for plot in view.plots:
        line_texts = ", ".join(map(_line_text, plot.lines))
        sentences.append(f"{plot.panel.title}, {plot.panel.unit}: {line_texts or 'no data'}.")

    for span in view.spans[-MOST_IN_TEXT:]:
        sentences.append(f"Fault {span.label} from {view.clock(span.start)} to {view.clock(span.end)}.")
    sentences += [f"{mark.label} at {view.clock(mark.x)}." for mark in view.marks[-MOST_IN_TEXT:]]

    states = [(row.name, row.runs[-1]) for row in view.rows if row.runs]
    sentences += [f"{name}: {state.label} since {view.clock(state.start)}." for name, state in states]
    return " ".join(sentences)


def spans(faults: Iterable[FaultBand], edge: float, seconds: float) -> tuple[Span, ...]:
    """Return the faults within the time shown, by their start; an active fault ends at the edge."""
    fault_spans = []
    for fault in sorted(faults, key=lambda fault: fault.started):
        start = fault.started.timestamp() - edge
        end = fault.ended.timestamp() - edge if fault.ended else 0.0
        if end >= -seconds and start <= 0:
            shown_start = max(start, -seconds)
            shown_end = min(max(end, start), 0.0)
            label = visible(f"{fault.fault} {fault.target}".strip(), 60)
            fault_spans.append(Span(shown_start, shown_end, label))

    return tuple(fault_spans)


def marks(events: pd.DataFrame, names: Iterable[str], edge: float, seconds: float) -> tuple[Mark, ...]:
    """Return a mark for each event of `EVENTS` of these containers."""
    if events.empty:
        return ()
    marked_events = events[events["what"].isin(list(EVENTS)) & events["container"].isin(list(names))]
    all_x = times(marked_events) - edge

    event_marks = []
    for x, event in zip(all_x, marked_events.itertuples(index=False), strict=True):
        if -seconds <= x <= 0:
            label = f"{visible(event.container, 30)} {_event_text(event)}"
            event_marks.append(Mark(float(x), EVENTS[event.what], label))

    return tuple(event_marks)


def rows(health: pd.DataFrame, edge: float, seconds: float) -> tuple[Row, ...]:
    """Return a row for each probe and dependency, in the order of their first answers."""
    if health.empty:
        return ()
    x = times(health) - edge
    states = health["state"].to_numpy()
    state_rows = []
    for name in dict.fromkeys(health["what"]):  # each name once, in order
        positions = np.flatnonzero((health["what"] == name).to_numpy())
        if len(positions):
            state_rows.append(Row(visible(str(name), 30), _runs(x[positions], states[positions], seconds)))

    return tuple(state_rows)


def _runs(x: Numbers, states: Sequence[str], seconds: float) -> tuple[Span, ...]:
    """Return runs of equal states; a run ends where another begins, or `HOLD_SECONDS` after its last answer."""
    runs: list[Span] = []
    next_answers = np.append(x[1:], math.inf)
    ends = np.minimum(next_answers, np.minimum(x + HOLD_SECONDS, 0.0))
    for start, end, state in zip(x.tolist(), ends.tolist(), states, strict=True):
        if end < -seconds or end <= start:
            continue
        if runs and runs[-1].label == state and runs[-1].end >= start:
            runs[-1] = Span(runs[-1].start, end, state)
        else:
            runs.append(Span(max(start, -seconds), end, str(state)))

    return tuple(runs)


def _event_text(event: Any) -> str:
    """Return in a few words what happened in an event of the table."""
    if event.what == "start":
        return "started"
    if event.what == "oom":
        return "out of memory"
    if event.what == "die":
        return "ended" if pd.isna(event.exit_code) else f"ended ({event.exit_code})"
    return visible(str(event.detail), 30)


def _line_text(line: PanelLine) -> str:
    """Return name, newest and highest value of a line."""
    if line.last is None:
        return f"{line.label} not known"
    return f"{line.label} {number_text(line.last)} (at most {number_text(float(np.nanmax(line.y)))})"


def with_shares(resources: pd.DataFrame) -> pd.DataFrame:
    """Return CPU and memory in percent of the limits that were in force at that time, so that one axis fits both.

    Without a limit CPU is in percent of a core.
    """
    limits = resources["cpu_limit_percent"].fillna(100.0)
    return resources.assign(
        cpu_percent=100 * resources["cpu_percent"] / limits,
        memory_percent=100 * resources["memory_bytes"] / resources["memory_limit_bytes"],
    )


def _resources_panel(resources: pd.DataFrame) -> Panel:
    """Return the panel of CPU and memory; the labels have their limits. A limit that is not set is not drawn."""
    cpu_limit = newest(resources["cpu_limit_percent"].to_numpy("float64"))
    memory_limit = newest(resources["memory_limit_bytes"].to_numpy("float64"))
    if not resources["has_memory_limit"].iloc[-1:].any():
        memory_limit = None

    cpu_label = "CPU (no limit)"
    if cpu_limit:
        plural = "" if cpu_limit == 100 else "s"
        cpu_label = f"CPU of {cpu_limit / 100:g} core{plural}"
    memory_label = f"memory of {memory_limit / MIB:,.0f} MiB" if memory_limit else "memory (no limit)"
    columns = {"cpu_percent": cpu_label, "memory_percent": memory_label, "throttled_percent": "periods held back"}

    if cpu_limit and memory_limit:
        title = "CPU and memory, as a share of their limits"
        limit_name = "limit"
    elif cpu_limit:
        title = "CPU in % of its limit, memory in % of the machine's"
        limit_name = "limit of CPU"
    elif memory_limit:
        title = "CPU in % of one core, memory in % of its limit"
        limit_name = "limit of memory"
    else:
        title = "CPU in % of one core, memory in % of the machine's"
        limit_name = ""
    limit = 100.0 if limit_name else None
    return Panel(title, "%", columns, limit=limit, limit_name=limit_name, full_scale=115.0)


def times(frame: pd.DataFrame) -> Numbers:
    """Return the column ``time`` in seconds since 1970."""
    microseconds = frame["time"].dt.as_unit("us").astype("int64").to_numpy()
    seconds: Numbers = microseconds / 1e6
    return seconds


def plots_of(frame: pd.DataFrame, panels: Sequence[Panel], right_edge: float, seconds: float) -> tuple[Plot, ...]:
    """Return the lines of every panel over the ``seconds`` before ``right_edge`` (seconds since 1970).

    The rows must be in order of time.
    """
    if frame.empty:
        return tuple(Plot(panel, ()) for panel in panels)
    newest_rows = frame[times(frame) >= right_edge - seconds]
    x = times(newest_rows) - right_edge
    return tuple(Plot(panel, tuple(_panel_lines(newest_rows, panel, x))) for panel in panels)


def _panel_lines(frame: pd.DataFrame, panel: Panel, x: Numbers) -> Iterator[PanelLine]:
    """Yield the line of each column of a panel; ``x`` are the times of the rows."""
    for column, label in panel.columns.items():
        yield PanelLine(label, x, frame[column].to_numpy("float64"))


def newest(values: Numbers) -> float | None:
    """Return the last value that is not NaN; None if there is none."""
    known_values = values[~np.isnan(values)]
    return float(known_values[-1]) if known_values.size else None


def number_text(number: float) -> str:
    """Return a number with two digits or more: ``1,234``, ``12``, ``1.2``, ``0``."""
    if number == 0 or abs(number) >= 10:
        return f"{number:,.0f}"
    return f"{number:.1f}"
