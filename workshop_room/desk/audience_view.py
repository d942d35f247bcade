"""The audience's dashboard: it shows when something changed, and nothing that names a fault."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from workshop_kit.display.dashboard.view import (
    LATENCY,
    REQUESTS,
    FaultBand,
    Panel,
    View,
    describe,
    plots_of,
    rows,
    spans,
    tables_of_container,
    with_shares,
)
from workshop_kit.observe.scrape import PROBE_PATHS
from workshop_kit.observe.watcher import Tables

TITLE = "The service"
"""The dashboard's title."""
CHANGE = "change"
"""The label of a fault's band."""
RESOURCES = Panel(
    "CPU and memory, as a share of their limits",
    "%",
    {"cpu_percent": "CPU", "memory_percent": "memory", "throttled_percent": "periods held back"},
    limit=100.0,
    full_scale=115.0,
)
"""The dashboard's panel without the limits themselves, which a fault may have set."""


@dataclass
class Change:
    """A time in which faults were active, without their names."""

    started: datetime
    ended: datetime | None
    fault: str = CHANGE
    target: str = ""


def changes(faults: Iterable[FaultBand]) -> list[Change]:
    """Return when faults were active; overlapping ones are one change, so that they cannot be counted."""
    merged_changes: list[Change] = []
    for fault in sorted(faults, key=lambda fault: fault.started):
        if not merged_changes or _ended_before(merged_changes[-1], fault.started):
            merged_changes.append(Change(fault.started, fault.ended))
        else:
            last_change = merged_changes[-1]
            merged_changes[-1] = replace(last_change, ended=_later_end(last_change.ended, fault.ended))
    return merged_changes


def _ended_before(change: Change, moment: datetime) -> bool:
    return change.ended is not None and change.ended < moment


def _later_end(first: datetime | None, second: datetime | None) -> datetime | None:
    """Return the later of two ends; None, which means that a fault is still active, is later than any time."""
    if first is None or second is None:
        return None
    return max(first, second)


def dashboard_view(tables: Tables, faults: Iterable[FaultBand], container: str, edge: float, seconds: float) -> View:
    """Return the dashboard of one container over the ``seconds`` before ``edge`` (seconds since 1970).

    Dependencies and events of the engine are left out: they would name a fault's target.
    """
    requests, resources, health = tables_of_container(tables, container, edge)
    plots = plots_of(requests, [REQUESTS, LATENCY], edge, seconds)
    plots += plots_of(with_shares(resources), [RESOURCES], edge, seconds)

    probe_results = health[health["what"].isin(PROBE_PATHS)]
    probe_rows = rows(probe_results, edge, seconds)
    change_spans = spans(changes(faults), edge, seconds)
    return View(edge, seconds, plots, probe_rows, change_spans, container=container)


def describe_dashboard(view: View) -> str:
    """Return the dashboard as a short text."""
    return describe(TITLE, view).replace(f"Fault {CHANGE}", CHANGE.capitalize())
