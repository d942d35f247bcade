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
BEFORE_SECONDS = 5.0
WINDOW_SECONDS = 5.0
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

    for start in range(len(worst_visits) - TOGETHER + 1):
        visits_in_a_row = worst_visits[start : start + TOGETHER]
        bad_visits = [visit for visit in visits_in_a_row if not visit.is_good]
        is_symptom = len(bad_visits) / TOGETHER > SHARE
        if is_symptom and not visits_in_a_row[0].is_good:
            return visits_in_a_row[0].time
    return None


def first_signs(logs: pd.DataFrame, tables: Tables, injected: datetime) -> dict[str, datetime | None]:
    """Return when each signal first showed the incident, from ``injected`` on; None for one that did not."""
    metrics_signs = [
        _first_bad_time(tables.requests, _is_bad_request(tables.requests), injected),
        _first_bad_time(tables.resources, _is_at_limit(tables.resources), injected),
    ]
    return {
        "logs": _first_bad_time(logs, _is_grave_line(logs), injected, "ts"),
        "metrics": min((sign for sign in metrics_signs if sign is not None), default=None),
        "health": _first_bad_time(tables.health, _is_failing_probe(tables.health), injected),
        "engine": _first_bad_time(tables.events, out_of_memory(tables.events), injected),
    }


def after_restart(visits: pd.DataFrame, restarted: datetime) -> str:
    """Return the outcome of a restart, an option of Tuesday's prediction, from ``visits`` (``time``, ``good``).

    ``heals``: all are served at the end. ``half``: more are served at first, and fewer again at the end. ``worse``:
    fewer are served than before. ``nothing``: as many as before.
    """
    seconds = (visits["time"] - pd.Timestamp(restarted)).dt.total_seconds()
    later_visits = visits[seconds >= 0]
    first_served_seconds = 0.0
    if later_visits["good"].any():
        good_visits = later_visits[later_visits["good"]]
        first_served_seconds = seconds[good_visits.index].min()

    is_before = (seconds < 0) & (seconds >= -BEFORE_SECONDS)
    is_at_first = (seconds >= first_served_seconds) & (seconds < first_served_seconds + WINDOW_SECONDS)
    is_at_end = seconds > seconds.max() - WINDOW_SECONDS
    before_percent = _served_percent(visits[is_before])
    first_percent = _served_percent(visits[is_at_first])
    end_percent = _served_percent(visits[is_at_end])

    if end_percent >= WELL_PERCENT:
        return "heals"
    if first_percent > before_percent + CHANGE_PERCENT and end_percent < first_percent - CHANGE_PERCENT:
        return "half"
    if _served_percent(later_visits) < before_percent - CHANGE_PERCENT:
        return "worse"
    return "nothing"


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


def _is_at_limit(resources: pd.DataFrame) -> pd.Series:
    """Return for each measurement whether the memory is nearly full, or the CPU is throttled."""
    is_full = resources["memory_bytes"] > MEMORY_SHARE * resources["memory_limit_bytes"]
    is_throttled = resources["throttled_percent"] > THROTTLED_PERCENT
    return is_full | is_throttled


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


def _served_percent(visits: pd.DataFrame) -> float:
    """Return the percentage of customers served in time; 0 for no customers."""
    if visits.empty:
        return 0.0
    return 100.0 * float(visits["good"].mean())
