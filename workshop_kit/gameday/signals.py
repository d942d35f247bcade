"""What logs, metrics, health and the engine showed of an incident, and when each showed it first. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import pandas as pd

from workshop_kit.gameday.customers import Visit
from workshop_kit.observe.watch import Tables
from workshop_kit.observe.watch.traffic import PROBES

SLOW_MS, ERRORS_PERCENT, SERVED_PERCENT, THROTTLED_PERCENT, MEMORY_SHARE = 500, 1.0, 75.0, 50.0, 0.9
GRAVE = ("warning", "error", "critical")
IN_A_ROW = 3
"""So many failures of a probe count, as an orchestrator counts them."""
SHARE, TOGETHER = 0.3, 5
"""A symptom is no single accident: of so many customers in a row, this share suffered."""


def first_symptom(visits: Iterable[Visit], injected: datetime) -> datetime | None:
    """When the first of many customers suffered, at or after the time something was done; None if none did."""
    after = [one for one in visits if one.time >= injected]
    for place, one in enumerate(after):
        near = after[place : place + TOGETHER]
        if not one.is_good and len(near) == TOGETHER and sum(not each.is_good for each in near) / TOGETHER > SHARE:
            return one.time
    return None


def shown(logs: pd.DataFrame, tables: Tables, injected: datetime) -> dict[str, datetime | None]:
    """When each signal told of trouble for the first time, from ``injected`` on; None for one that told nothing."""
    requests = _first(tables.requests, _in_requests(tables.requests), injected)
    resources = _first(tables.resources, _in_resources(tables.resources), injected)
    return {
        "logs": _first(logs, _in_logs(logs), injected, "ts"),
        "metrics": min(filter(None, (requests, resources)), default=None),
        "health": _first(tables.health, _in_health(tables.health), injected),
        "engine": _first(tables.events, tables.events["what"].eq("oom"), injected),
    }


def _in_logs(logs: pd.DataFrame) -> pd.Series:
    grave = logs["level"].astype("str").isin(GRAVE) if "level" in logs else pd.Series(False, index=logs.index)
    if "duration_ms" in logs:
        grave = grave | (pd.to_numeric(logs["duration_ms"], errors="coerce") > SLOW_MS).fillna(value=False)
    if "route" in logs:
        grave = grave & ~logs["route"].isin(PROBES).fillna(value=False)  # whoever starts is not ready: no news
    return grave


def _in_requests(requests: pd.DataFrame) -> pd.Series:
    served = requests.get("served_percent", pd.Series(100.0, index=requests.index))
    failed = (requests["error_percent"] > ERRORS_PERCENT) | (served < SERVED_PERCENT)
    return failed | (requests["p95_ms"] > SLOW_MS)


def _in_resources(resources: pd.DataFrame) -> pd.Series:
    full = resources["memory_bytes"] > MEMORY_SHARE * resources["memory_limit_bytes"]
    return full | (resources["throttled_percent"] > THROTTLED_PERCENT)


def _in_health(health: pd.DataFrame) -> pd.Series:
    """Whether a probe has failed several times in a row: a release that starts is not ready for a moment."""
    bad = health["what"].isin(("/readyz", "/health")) & ~health["state"].isin(("pass", "warn"))
    in_a_row = bad.astype(int).groupby([health["container"], health["what"]]).rolling(IN_A_ROW).sum()
    return in_a_row.droplevel([0, 1]).eq(IN_A_ROW).reindex(health.index)


def _first(table: pd.DataFrame, bad: pd.Series, injected: datetime, column: str = "time") -> datetime | None:
    if table.empty or column not in table:
        return None
    times = pd.to_datetime(table[column], utc=True)
    found = times[bad.astype(bool) & (times >= pd.Timestamp(injected))]
    return None if found.empty else found.min().to_pydatetime()
