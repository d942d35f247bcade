"""One picture of what happened to a container, when it is over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import pandas as pd

from workshop_kit.display.lanes import FaultBand, faults_within
from workshop_kit.display.panels import ERRORS, P95, Panel
from workshop_kit.display.rendered import Rendered
from workshop_kit.display.timeline import Timeline
from workshop_kit.errors import WrongUsage
from workshop_kit.observe.watcher import Tables

AROUND = pd.Timedelta(seconds=30)
"""The time that `one_clock` shows before the first fault and after the last."""


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
    shown_faults = faults_within(faults, first, last)
    if not shown_faults:
        return first, max(last, first + pd.Timedelta(seconds=1))

    faults_start = min(fault.started for fault in shown_faults)
    faults_end = max(fault.ended or last for fault in shown_faults)
    return max(first, faults_start - AROUND), min(last, faults_end + AROUND)
