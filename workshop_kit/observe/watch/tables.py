"""The watcher's data as DataFrames."""

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
    """Four tables, each by ``time`` (UTC), oldest first; ``container`` is the target's name.

    ``requests``: a row a second, see `traffic.Traffic`. ``resources``: likewise, see `stats.Usage`, with
    ``cpu_limit_percent`` (100 = one core; missing without a limit). ``health``: a row for each probe and dependency,
    see `scraper.Health`. ``events``: see `events.Event`, of all containers of the
    workspace; ``container`` is the service's name there.
    """

    requests: pd.DataFrame = field(default_factory=lambda: frame(Traffic, ()))
    resources: pd.DataFrame = field(default_factory=lambda: with_cpu_limits(stats.frame(()), {}))
    health: pd.DataFrame = field(default_factory=lambda: frame(Health, ()))
    events: pd.DataFrame = field(default_factory=lambda: events.frame(()))


def frame(kind: type[Traffic] | type[Health], rows: Iterable[Traffic | Health]) -> pd.DataFrame:
    """Return the rows as a table: one column a field, ``time`` in UTC, ``status`` Int64, texts str, others float64."""
    types = {"time": TIME, "container": "str", "what": "str", "state": "str", "detail": "str", "status": "Int64"}
    columns = [column.name for column in fields(kind)]
    table = pd.DataFrame([tuple(vars(row).values()) for row in rows], columns=columns)
    return table.astype({name: types.get(name, "float64") for name in columns})


def with_cpu_limits(usage: pd.DataFrame, limits: Mapping[str, Iterable[tuple[datetime, float]]]) -> pd.DataFrame:
    """Return the resources with the CPU limit of each container at the time; ``limits`` are the changes (NaN: none)."""
    column = pd.Series(float("nan"), index=usage.index)
    for name, changes in limits.items():
        for since, percent in changes:
            column[(usage["container"] == name) & (usage["time"] >= pd.Timestamp(since))] = percent
    return usage.assign(**{CPU_LIMIT: column})


def cpu_limit_percent(host_config: Mapping[str, Any]) -> float:
    """Return the CPU limit in ``docker inspect``'s HostConfig: 100 is one core; NaN for none."""
    if nano := host_config.get("NanoCpus"):
        return float(nano / 1e7)
    quota, period = host_config.get("CpuQuota") or 0, host_config.get("CpuPeriod") or 100_000
    return 100.0 * quota / period if quota > 0 else float("nan")
