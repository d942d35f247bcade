"""How customers and signals show an incident: first symptom, and first sign in each signal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd

from workshop_kit.gameday.customers import Visit
from workshop_kit.observe.events import out_of_memory
from workshop_kit.observe.scrape import PROBES
from workshop_kit.observe.watcher import Tables

SLOW_MS = 500
ERRORS_PERCENT = 1.0
SERVED_PERCENT = 75.0
MEMORY_SHARE = 0.9
GRAVE = ("warning", "error", "critical")
IN_A_ROW = 3
"""Failures of a probe in a row that count, as for an orchestrator."""
# A symptom is more than one accident: this share of so many customers in a row suffered.
SHARE = 0.3
TOGETHER = 5
BEFORE = timedelta(seconds=5)


def first_symptom(visits: Sequence[Visit], injected: datetime) -> datetime | None:
    """Return when the first of several customers suffered, from the injection on; None if none did.

    A customer suffers who is not served in time (`Visit.is_good`), as in all charts.
    """
    later_visits = [visit for visit in visits if visit.time >= injected]

    for start in range(len(later_visits) - TOGETHER + 1):
        visits_in_a_row = later_visits[start : start + TOGETHER]
        bad_visits = [visit for visit in visits_in_a_row if not visit.is_good]
        is_symptom = len(bad_visits) / TOGETHER > SHARE
        if is_symptom and not visits_in_a_row[0].is_good:
            return visits_in_a_row[0].time
    return None


def first_signs(logs: pd.DataFrame, tables: Tables, injected: datetime) -> dict[str, datetime | None]:
    """Return when each signal first showed the incident, from ``injected`` on; None for one that did not."""
    metrics_signs = [
        _first_bad_time(tables.requests, _is_bad_request(tables.requests), injected),
        _first_bad_time(tables.resources, _is_nearly_full(tables.resources), injected),
    ]
    return {
        "logs": _first_bad_time(logs, _is_grave_line(logs), injected, "ts"),
        "metrics": min((sign for sign in metrics_signs if sign is not None), default=None),
        "health": _first_bad_time(tables.health, _is_failing_probe(tables.health), injected),
        "engine": _first_bad_time(tables.events, out_of_memory(tables.events), injected),
    }


def _is_grave_line(logs: pd.DataFrame) -> pd.Series:
    """Return for each log line whether it is a warning or worse, or of a slow request; probes are left out."""
    is_grave = pd.Series(False, index=logs.index)
    if "level" in logs:
        is_grave = logs["level"].astype("str").isin(GRAVE)
    if "duration_ms" in logs:
        is_slow = pd.to_numeric(logs["duration_ms"], errors="coerce") > SLOW_MS
        is_grave = is_grave | is_slow.fillna(value=False)
    if "route" in logs:
        is_probe = logs["route"].isin(PROBES).fillna(value=False)
        is_grave = is_grave & ~is_probe  # a release that starts is not ready
    return is_grave


def _is_bad_request(requests: pd.DataFrame) -> pd.Series:
    """Return for each second whether too many requests failed, or were slow."""
    served_percent = requests.get("served_percent", pd.Series(100.0, index=requests.index))
    is_failed = (requests["error_percent"] > ERRORS_PERCENT) | (served_percent < SERVED_PERCENT)
    is_slow = requests["p95_ms"] > SLOW_MS
    return is_failed | is_slow


def _is_nearly_full(resources: pd.DataFrame) -> pd.Series:
    """Return for each measurement whether the memory is nearly full."""
    return resources["memory_bytes"] > MEMORY_SHARE * resources["memory_limit_bytes"]


def _is_failing_probe(health: pd.DataFrame) -> pd.Series:
    """Return for each answer whether its probe has failed several times in a row.

    One failure says nothing: a release that starts is not ready for a moment.
    """
    is_bad = health["what"].isin(("/readyz", "/health")) & ~health["state"].isin(("pass", "warn"))
    bad_by_probe = is_bad.astype(int).groupby([health["container"], health["what"]])
    bad_in_a_row = bad_by_probe.rolling(IN_A_ROW).sum().droplevel([0, 1])
    return bad_in_a_row.eq(IN_A_ROW).reindex(health.index)


def _first_bad_time(
    table: pd.DataFrame, is_bad: pd.Series, injected: datetime, column: str = "time"
) -> datetime | None:
    """Return the first time, from ``injected`` on, of a row that is bad; None if there is none."""
    if table.empty or column not in table:
        return None

    times = pd.to_datetime(table[column], utc=True)
    is_after_injection = times >= pd.Timestamp(injected)
    bad_times = times[is_bad.astype(bool) & is_after_injection]
    return None if bad_times.empty else bad_times.min().to_pydatetime()
