"""Customers at a steady rate, and the metrics of a shop: a row a second, from customers, service and kernel.

k6 sends the customers' requests on schedule, whatever the answers do. The balancer of their environment, a HAProxy,
passes each to a copy that is ready, or turns it away; it logs a line of JSON for each request, with its time, its
status, how long it took and how it ended (`images/proxy/shop.cfg`). A visit is such a line.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from workshop_kit.display.timeline import Panel
from workshop_kit.engine.containers import Running
from workshop_kit.faults.load import send
from workshop_kit.gameday.shop import AWAY, Shop
from workshop_kit.observe.watcher import BEGINNING, Tables, Watcher, frame, with_shares
from workshop_kit.trials.trial import fields_of

REQUESTS = ({"method": "GET", "json": None}, {"method": "POST", "json": {"item": "tea", "quantity": 1}})
"""Every second customer places an order, the others list the orders."""
RATE_PER_SECOND = 10
MOST_SECONDS = 24 * 3600
TURNED_AWAY = "turned away: not ready"
ERRORS = {
    "--": "",
    "SC": TURNED_AWAY,
    "PR": "turned away: too many requests at once",
    "sH": "no answer within 3 s",
}
"""How a request ended early, by HAProxy's code (its manual, 8.5)."""
SLOW_SECONDS = 1.0
SECOND = pd.Timedelta(seconds=1)
KEYS = ["container", "time"]
RESOURCES = ["cpu_percent", "throttled_percent", "memory_percent"]
LIMITS = ["cpu_ms", "cpu_limit_ms"]
SERVED = Panel("Customers", "per second", {"came": "came", "served": "served in time"})
LATENCY = Panel("Latency of requests", "ms", {"p50_ms": "p50", "p95_ms": "p95"}, logarithmic=True)
SHARES = Panel(
    "CPU and memory, as a share of their limits",
    "%",
    {"cpu_percent": "CPU", "memory_percent": "memory", "throttled_percent": "periods held back"},
)
PANELS: Sequence[Panel] = (SERVED, LATENCY, SHARES)
"""The panels of a shop's live figure.

Usage is a share of the limit that was in force in that second. It shows that the service is at its limit; which limit,
and who lowered it, is for `compare`: a limit beside the usage would be the answer of a whole day.
"""
CPU = Panel(
    "CPU time in each second, and the limit in force",
    "ms",
    {"cpu_ms": "used", "cpu_limit_ms": "limit in force"},
    logarithmic=True,  # a limit of a twentieth of a core, beside a whole one
)
MEMORY = Panel(
    "Memory, and periods held back",
    "%",
    {"memory_percent": "memory, of its limit", "throttled_percent": "periods held back"},
)


@dataclass(frozen=True)
class Visit:
    """One request to an environment, sent at ``time``, with the status that the customer got.

    ``error`` is empty unless it was turned away, or ended early.
    """

    time: datetime
    environment: str
    status: int
    seconds: float
    error: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it was served in time."""
        return 200 <= self.status < 400 and self.seconds <= SLOW_SECONDS


@dataclass
class Customers:
    """Customers of each environment, who place and read orders; ``visits`` are their requests."""

    shop: Shop
    visits: list[Visit] = field(default_factory=list, repr=False)

    def since(self, moment: datetime, environment: str | None = None) -> list[Visit]:
        """Return the visits from a time on, of one environment or of all, in the order they were sent."""
        visits = [visit for visit in self.visits if visit.time >= moment]
        if environment is not None:
            visits = [visit for visit in visits if visit.environment == environment]
        return sorted(visits, key=lambda visit: visit.time)

    def table(self, since: datetime = BEGINNING) -> pd.DataFrame:
        """Return the visits as a table: the fields of `Visit`, and ``good``."""
        visits = self.since(since)
        is_good = [visit.is_good for visit in visits]
        return frame(Visit, visits).assign(good=is_good).astype({"good": "bool", "status": "int"})

    def start(self) -> Running:
        """Start k6, which sends requests to the balancers, and read the balancers' logs; return its container."""
        requests = []
        for name, balancer in self.shop.balancers.items():
            url = f"http://{balancer.id[:12]}:8080/orders"
            requests += [{**request, "url": url} for request in REQUESTS]
            threading.Thread(target=self._read_log, args=(name,), daemon=True).start()

        rate_per_second = RATE_PER_SECOND * len(self.shop.balancers)
        return send(self.shop.stack, requests, rate_per_second, MOST_SECONDS)

    def _read_log(self, environment: str) -> None:
        """Add a visit for each request in the log of an environment's balancer, until the balancer is removed."""
        with contextlib.suppress(*AWAY):
            for line in self.shop.balancers[environment].container.logs(stream=True):
                request = fields_of(line)
                if request:  # other lines say that a copy came or went
                    self.visits.append(_visit(environment, request))


def _visit(environment: str, request: Mapping[str, Any]) -> Visit:
    """Return the visit of a line in a balancer's log."""
    sent = datetime.fromtimestamp(request["ms"] / 1000, UTC)
    seconds = request["took_ms"] / 1000
    error = ERRORS.get(request["ended"], "the connection ended early")
    return Visit(sent, environment, request["status"], seconds, error)


@dataclass(frozen=True)
class ShopWatcher:
    """A watcher whose requests also have columns for customers and shares of the limits.

    The CPU limit itself is left out: it belongs to the configuration. `with_limits` has it, for the card of an incident
    that is over.
    """

    watcher: Watcher
    customers: Customers

    @property
    def names(self) -> tuple[str, ...]:
        """The environments."""
        return self.watcher.names

    def tables(self, container: str | None = None, *, seconds: float | None = None) -> Tables:
        """Return the watcher's tables; ``requests`` has a row for each second that is over."""
        tables = self.with_limits(container, seconds=seconds)
        requests = tables.requests.drop(columns=LIMITS)
        resources = with_shares(tables.resources).assign(cpu_limit_percent=math.nan)
        return replace(tables, requests=requests, resources=resources)

    def with_limits(self, container: str | None = None, *, seconds: float | None = None) -> Tables:
        """Return the same tables, with milliseconds of CPU in each second, used and allowed."""
        tables = self.watcher.tables(container, seconds=seconds)
        since = BEGINNING if seconds is None else datetime.now(UTC) - timedelta(seconds=seconds)
        visits = self.customers.table(since)
        if container:
            visits = visits[visits["environment"] == container]

        requests = join_by_second(tables, visits)
        past_requests = requests[requests["time"] <= pd.Timestamp.now(tz="UTC")]
        return replace(tables, requests=past_requests)


def join_by_second(tables: Tables, visits: pd.DataFrame) -> pd.DataFrame:
    """Return requests, customers and resources in one table; ``time`` is the end of a row's second."""
    customers = _customers_by_second(visits)
    resources = _resources_by_second(tables.resources)
    request_times = _end_of_second(tables.requests["time"])
    requests = tables.requests.assign(time=request_times).groupby(KEYS).last()

    table = customers.join([requests, resources], how="outer").reset_index()
    table = table.sort_values("time", ignore_index=True)

    # These are measured once a second, but not at its end: a second without a value has that of the one before.
    measured_columns = [*requests.columns, *resources.columns]
    filled_columns = table.groupby("container")[measured_columns].ffill(limit=1)
    return table.assign(**filled_columns)


def _customers_by_second(visits: pd.DataFrame) -> pd.DataFrame:
    """Return how many customers came and were served in time, by container and second."""
    arrivals = visits.rename(columns={"environment": "container"})
    arrivals = arrivals.assign(time=_end_of_second(visits["time"]))
    customers = arrivals.groupby(KEYS)["good"].agg(came="size", served="sum").astype("float64")
    customers["served_percent"] = 100 * customers["served"] / customers["came"]
    return customers


def _resources_by_second(resources: pd.DataFrame) -> pd.DataFrame:
    """Return usage as shares of the limits, and milliseconds of CPU used and allowed, by container and second."""
    table = with_shares(resources).assign(
        time=_end_of_second(resources["time"]),
        cpu_ms=10 * resources["cpu_percent"],
        cpu_limit_ms=10 * resources["cpu_limit_percent"],
    )
    return table.groupby(KEYS)[[*RESOURCES, *LIMITS]].last()


def _end_of_second(times: pd.Series) -> pd.Series:
    """Return for each time the end of its second."""
    utc_times = pd.to_datetime(times, utc=True).astype("datetime64[us, UTC]")
    return utc_times.dt.floor("s") + SECOND
