"""The metrics of a shop: one row a second for each environment, from its customers, its service and its kernel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pandas as pd

from workshop_kit.display.live_data import Panel
from workshop_kit.gameday.customers import Customers
from workshop_kit.observe.watch import Tables, Watcher

SECOND = pd.Timedelta(seconds=1)
KEYS = ["container", "time"]
RESOURCES = ["cpu_percent", "throttled_percent", "memory_percent"]
SERVED = Panel("Customers", "per second", {"came": "came", "served": "served in time"})
LATENCY = Panel("Latency of requests", "ms", {"p50_ms": "p50", "p95_ms": "p95"}, logarithmic=True)
SHARES = Panel(
    "CPU and memory, as a share of their limits",
    "%",
    {"cpu_percent": "CPU", "memory_percent": "memory", "throttled_percent": "periods held back"},
    full_scale=115.0,
)
PANELS: Sequence[Panel] = (SERVED, LATENCY, SHARES)
"""The panels of a shop's dashboard: shares of limits, since limits belong to the configuration."""


@dataclass(frozen=True)
class ShopWatcher:
    """A watcher whose requests also have columns for customers and shares of the limits.

    The CPU limit itself is left out: it belongs to the configuration.
    """

    watcher: Watcher
    customers: Customers

    @property
    def names(self) -> tuple[str, ...]:
        """The environments."""
        return self.watcher.names

    def tables(self, container: str | None = None, *, seconds: float | None = None) -> Tables:
        """Return the watcher's tables; ``requests`` has a row for each second that is over."""
        tables = self.watcher.tables(container, seconds=seconds)
        since = datetime.now(UTC) - timedelta(seconds=seconds) if seconds is not None else None
        visits = self.customers.table(since)
        visits = visits[visits["environment"] == container] if container else visits
        requests = joined(tables, visits)
        over = requests[requests["time"] <= pd.Timestamp.now(tz="UTC")]
        return replace(tables, requests=over, resources=shares(tables.resources).assign(cpu_limit_percent=math.nan))


def joined(tables: Tables, visits: pd.DataFrame) -> pd.DataFrame:
    """Return requests, customers and resources in one table; ``time`` is the end of a row's second."""
    came = visits.rename(columns={"environment": "container"}).assign(time=_end_of_second(visits["time"]))
    customers = came.groupby(KEYS)["good"].agg(came="size", served="sum").astype("float64")
    customers["served_percent"] = 100 * customers["served"] / customers["came"]
    resources = shares(tables.resources)
    resources = resources.assign(time=_end_of_second(resources["time"])).groupby(KEYS)[RESOURCES].last()
    requests = tables.requests.assign(time=_end_of_second(tables.requests["time"])).groupby(KEYS).last()
    table = customers.join([requests, resources], how="outer").reset_index().sort_values("time", ignore_index=True)
    watched = [*requests.columns, *resources.columns]  # measured once a second, but not at its end
    return table.assign(**table.groupby("container")[watched].ffill(limit=1))


def shares(resources: pd.DataFrame) -> pd.DataFrame:
    """Return CPU and memory in percent of their limits; CPU without a limit in percent of a core."""
    limits = resources["cpu_limit_percent"].ffill().bfill().fillna(100.0)
    return resources.assign(
        cpu_percent=100 * resources["cpu_percent"] / limits,
        memory_percent=100 * resources["memory_bytes"] / resources["memory_limit_bytes"],
    )


def _end_of_second(times: pd.Series) -> pd.Series:
    return pd.to_datetime(times, utc=True).astype("datetime64[us, UTC]").dt.floor("s") + SECOND
