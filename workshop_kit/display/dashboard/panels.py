"""The dashboard's panels: which columns of the watcher's tables, in which unit, and what that says in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workshop_kit.display.dashboard.view import Fault, Row, View, marks, rows, spans
from workshop_kit.display.live_data import Line, Panel, read, rounded, times
from workshop_kit.observe.watch import Tables

MEBIBYTE = 1 << 20
SAID = 4  # faults and events that are said; the table below the picture has them all
REQUESTS = Panel(
    "Requests, and errors (5xx, or no answer)",
    "per second",
    {"requests_per_second": "all", "errors_per_second": "errors", "refused_per_second": "refused (4xx)"},
)
LATENCY = Panel("Latency of requests", "ms", {"p50_ms": "p50", "p95_ms": "p95", "p99_ms": "p99"}, logarithmic=True)


def of_container(
    tables: Tables,
    faults: tuple[Fault, ...],
    container: str,
    edge: float,
    seconds: float,
    panels: Sequence[Panel] = (),
) -> View:
    """What the dashboard shows of one container over the ``seconds`` before ``edge`` (seconds since 1970).

    ``panels`` name columns of the requests, and take the place of the usual ones.
    """
    requests, resources, health = (
        table[(table["container"] == container) & (times(table) <= edge)]
        for table in (tables.requests, tables.resources, tables.health)
    )
    drawn = rows(health, edge, seconds)
    names = {container, *(row.name for row in drawn)}
    plots = read(requests, panels or [REQUESTS, LATENCY], edge, seconds)
    if not panels:
        shares, panel = _resources(resources)
        plots += read(shares, [panel], edge, seconds)
    return View(
        edge,
        seconds,
        plots,
        drawn,
        spans(faults, edge, seconds),
        marks(tables.events, names, edge, seconds),
        nothing=_why_nothing(requests),
        container=container,
    )


def in_words(title: str, view: View) -> str:
    """The same as a text short enough to be heard: newest and highest values, the newest faults, events and states."""
    said = [f"{title}, {view.seconds:.0f} seconds until {view.clock(0)} UTC."]
    said += [
        f"{plot.panel.title}, {plot.panel.unit}: {', '.join(map(_line_text, plot.lines)) or 'no data'}."
        for plot in view.plots
    ]
    said += [f"Fault {one.label} from {view.clock(one.start)} to {view.clock(one.end)}." for one in view.spans[-SAID:]]
    said += [f"{one.label} at {view.clock(one.x)}." for one in view.marks[-SAID:]]
    return " ".join([*said, *(_row_text(view, row) for row in view.rows)])


def _line_text(line: Line) -> str:
    if line.last is None:
        return f"{line.label} not known"
    return f"{line.label} {rounded(line.last)} (at most {rounded(float(np.nanmax(line.y)))})"


def _row_text(view: View, row: Row) -> str:
    return f"{row.name}: {row.runs[-1].state} since {view.clock(row.runs[-1].start)}." if row.runs else ""


def _resources(resources: pd.DataFrame) -> tuple[pd.DataFrame, Panel]:
    """CPU and memory in percent of their limits, so that one axis fits both; the limits stand in the labels."""
    cpu, memory = _newest(resources, "cpu_limit_percent"), _newest(resources, "memory_limit_bytes")
    known = resources["cpu_limit_percent"].ffill().bfill()
    shares = resources.assign(
        cpu=resources["cpu_percent"] / (known / 100).fillna(1.0),
        memory=100 * resources["memory_bytes"] / resources["memory_limit_bytes"],
        limit=100.0,
    )
    cores = f"CPU of {cpu / 100:g} core{'' if cpu == 100 else 's'}" if not np.isnan(cpu) else "CPU (no limit)"
    mebibytes = f"memory of {memory / MEBIBYTE:,.0f} MiB" if not np.isnan(memory) else "memory (no limit)"
    columns = {"cpu": cores, "memory": mebibytes, "throttled_percent": "periods held back"}
    return shares, Panel("CPU and memory, as a share of their limits", "%", columns, limit="limit", full_scale=115.0)


def _newest(table: pd.DataFrame, column: str) -> float:
    known = table[column].dropna()
    return float(known.iloc[-1]) if len(known) else float("nan")


def _why_nothing(requests: pd.DataFrame) -> str:
    if requests.empty:
        return "no data: nothing that can be asked, or not yet"
    state = requests["state"].iloc[-1]
    return {"no metrics": "no data: it answers, but has no /metrics of ours", "no answer": "no data: no answer"}.get(
        state, "no data yet"
    )
