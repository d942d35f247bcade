"""What the audience sees of the service: it shows when something changed, and nothing that names a fault."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from workshop_kit.display.lanes import FaultBand
from workshop_kit.display.panels import Panel
from workshop_kit.display.timeline import Timeline
from workshop_kit.observe.scrape import PROBE_PATHS
from workshop_kit.observe.watcher import Tables

TITLE = "What customers and probes see"
"""The figure's title."""
PANELS = (
    Panel("Orders", "per second", {"requests_per_second": "all", "errors_per_second": "failed"}),
    Panel("How long 19 of 20 wait", "ms", {"p95_ms": "p95"}, logarithmic=True),
    Panel("The service's share of its CPU", "%", {"cpu_percent": "used", "throttled_percent": "held back"}),
)
"""Fewer lines than in a notebook, so that each is known from afar."""
CHANGE = "change"
"""The label of a fault's band."""
SHOWN = timedelta(minutes=2)


@dataclass
class AudienceChange:
    """A time in which faults were active, without their names."""

    started: datetime
    ended: datetime | None
    fault: str = CHANGE
    target: str = ""


def changes(faults: Iterable[FaultBand]) -> list[AudienceChange]:
    """Return when faults were active; overlapping ones are one change, so that they cannot be counted."""
    merged_changes: list[AudienceChange] = []
    for fault in sorted(faults, key=lambda fault: fault.started):
        if not merged_changes or _ended_before(merged_changes[-1], fault.started):
            merged_changes.append(AudienceChange(fault.started, fault.ended))
        else:
            last_change = merged_changes[-1]
            merged_changes[-1] = replace(last_change, ended=_later_end(last_change.ended, fault.ended))
    return merged_changes


def _ended_before(change: AudienceChange, moment: datetime) -> bool:
    return change.ended is not None and change.ended < moment


def _later_end(first: datetime | None, second: datetime | None) -> datetime | None:
    """Return the later of two ends; None, which means that a fault is still active, is later than any time."""
    if first is None or second is None:
        return None
    return max(first, second)


def audience_timeline(tables: Tables, faults: Iterable[FaultBand], container: str, end: datetime) -> Timeline:
    """Return what happened to one container in the last `SHOWN` before ``end``.

    Dependencies and events of the engine are left out: they would name a fault's target.
    """
    probe_results = tables.health[tables.health["what"].isin(PROBE_PATHS)]
    start = end - SHOWN
    measurements = tables.measurements()
    return Timeline(TITLE, container, measurements, start, end, PANELS, probe_results, faults=changes(faults))
