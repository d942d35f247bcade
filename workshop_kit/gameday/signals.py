"""How customers and signals show an incident: first symptom, first sign in each signal, what a restart changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import pandas as pd

from workshop_kit.gameday.customers import Visit
from workshop_kit.observe.events import out_of_memory
from workshop_kit.observe.scrape import PROBES
from workshop_kit.observe.watcher import Tables

SLOW_MS = 500
ERRORS_PERCENT = 1.0
SERVED_PERCENT = 75.0
THROTTLED_PERCENT = 50.0
MEMORY_SHARE = 0.9
GRAVE = ("warning", "error", "critical")
IN_A_ROW = 3
"""Failures of a probe in a row that count, as for an orchestrator."""
# A symptom is more than one accident: this share of so many customers in a row suffered.
SHARE = 0.3
TOGETHER = 5
BEFORE_SECONDS = WINDOW_SECONDS = 5.0
BEFORE = timedelta(seconds=BEFORE_SECONDS)
WELL_PERCENT = 90.0
CHANGE_PERCENT = 10.0


def worst_environment(visits: Iterable[Visit], injected: datetime) -> str | None:
    """Return the environment whose customers suffered most from the injection on; None if none did."""
    later_visits = (visit for visit in visits if visit.time >= injected)
    bad_visits = Counter(visit.environment for visit in later_visits if not visit.is_good)
    return max(bad_visits, key=bad_visits.__getitem__, default=None)


def first_symptom(visits: Sequence[Visit], injected: datetime) -> datetime | None:
    """Return when the first of several customers suffered, from the injection on; None if none did.

    It is one of the worst environment, which the card shows. A customer suffers who is not served in time
    (`Visit.is_good`), as in all charts.
    """
    worst = worst_environment(visits, injected)
    later_visits = [visit for visit in visits if visit.time >= injected]
    worst_visits = [visit for visit in later_visits if visit.environment == worst]

    for place, visit in enumerate(worst_visits):
        next_visits = worst_visits[place : place + TOGETHER]
        share = sum(not next_visit.is_good for next_visit in next_visits) / TOGETHER
        if not visit.is_good and len(next_visits) == TOGETHER and share > SHARE:
            return visit.time
    return None


def first_signs(logs: pd.DataFrame, tables: Tables, injected: datetime) -> dict[str, datetime | None]:
    """Return when each signal first showed the incident, from ``injected`` on; None for one that did not."""
    requests = _first_moment(tables.requests, _in_requests(tables.requests), injected)
    resources = _first_moment(tables.resources, _in_resources(tables.resources), injected)
    return {
        "logs": _first_moment(logs, _in_logs(logs), injected, "ts"),
        "metrics": min(filter(None, (requests, resources)), default=None),
        "health": _first_moment(tables.health, _in_health(tables.health), injected),
        "engine": _first_moment(tables.events, out_of_memory(tables.events), injected),
    }


def after_restart(visits: pd.DataFrame, restarted: datetime) -> str:
    """Return the outcome of a restart, from its customers (``time``, ``good``): the options of Tuesday's prediction.

    ``heals``: all are served at the end. ``half``: more are served at first, and fewer again at the end. ``worse``:
    fewer are served than before. ``nothing``: as many as before.
    """
    seconds = (visits["time"] - pd.Timestamp(restarted)).dt.total_seconds()
    later_visits = visits[seconds >= 0]
    first_served = 0.0
    if later_visits["good"].any():
        good_visits = later_visits[later_visits["good"]]
        first_served = seconds[good_visits.index].min()

    is_before = (seconds < 0) & (seconds >= -BEFORE_SECONDS)
    is_soon = (seconds >= first_served) & (seconds < first_served + WINDOW_SECONDS)
    is_at_end = seconds > seconds.max() - WINDOW_SECONDS
    before_percent = _percent(visits[is_before])
    soon_percent = _percent(visits[is_soon])
    end_percent = _percent(visits[is_at_end])

    if end_percent >= WELL_PERCENT:
        return "heals"
    if soon_percent > before_percent + CHANGE_PERCENT and end_percent < soon_percent - CHANGE_PERCENT:
        return "half"
    if _percent(later_visits) < before_percent - CHANGE_PERCENT:
        return "worse"
    return "nothing"


def _in_logs(logs: pd.DataFrame) -> pd.Series:
    is_grave = pd.Series(False, index=logs.index)
    if "level" in logs:
        is_grave = logs["level"].astype("str").isin(GRAVE)
    if "duration_ms" in logs:
        is_grave = is_grave | (pd.to_numeric(logs["duration_ms"], errors="coerce") > SLOW_MS).fillna(value=False)
    if "route" in logs:
        is_grave = is_grave & ~logs["route"].isin(PROBES).fillna(value=False)  # a release that starts is not ready
    return is_grave


def _in_requests(requests: pd.DataFrame) -> pd.Series:
    served = requests.get("served_percent", pd.Series(100.0, index=requests.index))
    is_failed = (requests["error_percent"] > ERRORS_PERCENT) | (served < SERVED_PERCENT)
    return is_failed | (requests["p95_ms"] > SLOW_MS)


def _in_resources(resources: pd.DataFrame) -> pd.Series:
    is_full = resources["memory_bytes"] > MEMORY_SHARE * resources["memory_limit_bytes"]
    return is_full | (resources["throttled_percent"] > THROTTLED_PERCENT)


def _in_health(health: pd.DataFrame) -> pd.Series:
    """Return where a probe has failed several times in a row: a release that starts is not ready for a moment."""
    is_bad = health["what"].isin(("/readyz", "/health")) & ~health["state"].isin(("pass", "warn"))
    in_a_row = is_bad.astype(int).groupby([health["container"], health["what"]]).rolling(IN_A_ROW).sum()
    return in_a_row.droplevel([0, 1]).eq(IN_A_ROW).reindex(health.index)


def _first_moment(table: pd.DataFrame, is_bad: pd.Series, injected: datetime, column: str = "time") -> datetime | None:
    if table.empty or column not in table:
        return None
    times = pd.to_datetime(table[column], utc=True)
    matching_times = times[is_bad.astype(bool) & (times >= pd.Timestamp(injected))]
    return None if matching_times.empty else matching_times.min().to_pydatetime()


def _percent(visits: pd.DataFrame) -> float:
    return 100.0 * float(visits["good"].mean()) if len(visits) else 0.0
