"""What was gathered, as tables: data first, for charts and for you."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

import pandas as pd

from workshop_kit.observe import events, stats
from workshop_kit.observe.watch.scraper import Health
from workshop_kit.observe.watch.traffic import Traffic

TIME = "datetime64[us, UTC]"
CPU_LIMIT = "cpu_limit_percent"


@dataclass(frozen=True)
class Tables:
    """Four tables, each by ``time`` (UTC), oldest first; ``container`` is the name under which it is watched.

    ``requests``: a row a second, see `traffic.Traffic`. ``resources``: likewise, see `stats.Usage`, with
    ``cpu_limit_percent`` (100 = one core; missing without a limit). ``health``: a row for each probe and dependency,
    see `health.Health`. ``events``: what the engine says happened, see `events.Event`, of everything that belongs to
    the workspace; ``container`` is the service's name there.
    """

    requests: pd.DataFrame = field(default_factory=lambda: frame(Traffic, ()))
    resources: pd.DataFrame = field(default_factory=lambda: with_cpu_limits(stats.frame(()), {}))
    health: pd.DataFrame = field(default_factory=lambda: frame(Health, ()))
    events: pd.DataFrame = field(default_factory=lambda: events.frame(()))


def frame(kind: type[Traffic] | type[Health], rows: Iterable[Traffic | Health]) -> pd.DataFrame:
    """The rows as a table: one column a field, ``time`` in UTC, ``status`` Int64, texts str, the others float64."""
    types = {"time": TIME, "container": "str", "what": "str", "state": "str", "detail": "str", "status": "Int64"}
    columns = [column.name for column in fields(kind)]
    table = pd.DataFrame([tuple(vars(row).values()) for row in rows], columns=columns)
    return table.astype({name: types.get(name, "float64") for name in columns})


def with_cpu_limits(usage: pd.DataFrame, limits: Mapping[str, Iterable[tuple[datetime, float]]]) -> pd.DataFrame:
    """The resources with the limit that each container had at the time, from when which limit (NaN: none) was seen."""
    column = pd.Series(float("nan"), index=usage.index)
    for name, changes in limits.items():
        for since, percent in changes:
            column[(usage["container"] == name) & (usage["time"] >= pd.Timestamp(since))] = percent
    return usage.assign(**{CPU_LIMIT: column})


def cpu_limit_percent(host_config: Mapping[str, Any]) -> float:
    """The CPU limit in what ``docker inspect`` says: 100 is one core; NaN for none."""
    if nano := host_config.get("NanoCpus"):
        return float(nano / 1e7)
    quota, period = host_config.get("CpuQuota") or 0, host_config.get("CpuPeriod") or 100_000
    return 100.0 * quota / period if quota > 0 else float("nan")
