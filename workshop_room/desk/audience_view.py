"""The audience's dashboard: faults have no names, and nothing else names them."""

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
    measured,
    read,
    rows,
    shares,
    spans,
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
    merged: list[Change] = []
    for fault in sorted(faults, key=lambda fault: fault.started):
        last_change = merged[-1] if merged else None
        if last_change is None or (last_change.ended is not None and last_change.ended < fault.started):
            merged.append(Change(fault.started, fault.ended))
        elif last_change.ended is not None:
            ended = None if fault.ended is None else max(last_change.ended, fault.ended)
            merged[-1] = replace(last_change, ended=ended)
    return merged


def dashboard_view(tables: Tables, faults: Iterable[FaultBand], container: str, edge: float, seconds: float) -> View:
    """Return the dashboard of one container over the ``seconds`` before ``edge`` (seconds since 1970).

    Dependencies and events of the engine are left out: they would name a fault's target.
    """
    requests, resources, health = measured(tables, container, edge)
    plots = read(requests, [REQUESTS, LATENCY], edge, seconds)
    plots += read(shares(resources), [RESOURCES], edge, seconds)
    probes = rows(health[health["what"].isin(PROBE_PATHS)], edge, seconds)
    return View(edge, seconds, plots, probes, spans(changes(faults), edge, seconds), container=container)


def describe_dashboard(view: View) -> str:
    """Return the dashboard as a short text."""
    return describe(TITLE, view).replace(f"Fault {CHANGE}", CHANGE.capitalize())
