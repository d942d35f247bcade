"""Customers at a steady rate, and the metrics of a shop: a row a second, from customers, service and kernel.

k6 sends the customers' requests on schedule, whatever the answers do. The shop's balancer, a HAProxy,
passes each to a copy that is ready, or turns it away; it logs a line of JSON for each request, with its time, its
status, how long it took and how it ended (`images/proxy/shop.cfg`). A visit is such a line.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from workshop_kit.display.panels import Panel
from workshop_kit.engine.containers import Running
from workshop_kit.faults.load import send
from workshop_kit.gameday.shop import AWAY, PRODUCTION, Shop
from workshop_kit.observe.watcher import Tables, Watcher, frame, with_shares
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
RESOURCES = ["cpu_percent", "throttled_percent", "memory_percent"]
SERVED = Panel("Customers", "per second", {"came": "came", "served": "served in time"})
LATENCY = Panel("Latency of requests", "ms", {"p50_ms": "p50", "p95_ms": "p95"}, logarithmic=True)
SHARES = Panel(
    "CPU and memory, as a share of their limits",
    "%",
    {"cpu_percent": "CPU", "memory_percent": "memory", "throttled_percent": "periods held back"},
)
PANELS: Sequence[Panel] = (SERVED, LATENCY, SHARES)
"""The panels of a shop's live figure."""


@dataclass(frozen=True)
class Visit:
    """One request, sent at ``time``, with the status that the customer got.

    ``error`` is empty unless it was turned away, or ended early.
    """

    time: datetime
    status: int
    seconds: float
    error: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it was served in time."""
        return 200 <= self.status < 400 and self.seconds <= SLOW_SECONDS


@dataclass
class Customers:
    """Customers, who place and read orders; ``visits`` are their requests."""

    shop: Shop
    visits: list[Visit] = field(default_factory=list, repr=False)

    def since(self, moment: datetime) -> list[Visit]:
        """Return the visits from a time on, in the order they were sent."""
        visits = [visit for visit in self.visits if visit.time >= moment]
        return sorted(visits, key=lambda visit: visit.time)

    def table(self) -> pd.DataFrame:
        """Return the visits as a table: the fields of `Visit`, and ``good``."""
        visits = sorted(self.visits, key=lambda visit: visit.time)
        is_good = [visit.is_good for visit in visits]
        return frame(Visit, visits).assign(good=is_good).astype({"good": "bool", "status": "int"})

    def start(self) -> Running:
        """Start k6, which sends requests to the balancer, and read the balancer's log; return its container."""
        url = f"http://{self.shop.balancer.id[:12]}:8080/orders"
        requests = [{**request, "url": url} for request in REQUESTS]
        threading.Thread(target=self._read_log, daemon=True).start()
        return send(self.shop.stack, requests, RATE_PER_SECOND, MOST_SECONDS)

    def _read_log(self) -> None:
        """Add a visit for each request in the balancer's log, until the balancer is removed."""
        with contextlib.suppress(*AWAY):
            for line in self.shop.balancer.container.logs(stream=True):
                request = fields_of(line)
                if request:  # other lines say that a copy came or went
                    self.visits.append(_visit(request))


def _visit(request: Mapping[str, Any]) -> Visit:
    """Return the visit of a line in a balancer's log."""
    sent = datetime.fromtimestamp(request["ms"] / 1000, UTC)
    seconds = request["took_ms"] / 1000
    error = ERRORS.get(request["ended"], "the connection ended early")
    return Visit(sent, request["status"], seconds, error)


@dataclass(frozen=True)
class ShopWatcher:
    """A watcher whose requests also have columns for customers and shares of the limits."""

    watcher: Watcher
    customers: Customers

    def tables(self) -> Tables:
        """Return the watcher's tables; ``requests`` has a row for each second that is over."""
        tables = self.watcher.tables()
        requests = join_by_second(tables, self.customers.table())
        past_requests = requests[requests["time"] <= pd.Timestamp.now(tz="UTC")]
        return replace(tables, requests=past_requests)


def join_by_second(tables: Tables, visits: pd.DataFrame) -> pd.DataFrame:
    """Return requests, customers and resources in one table; ``time`` is the end of a row's second."""
    requests = _last_of_second(tables.requests)
    resources = _last_of_second(with_shares(tables.resources))[RESOURCES]
    measured = requests.join(resources, how="outer")

    table = _customers_by_second(visits).join(measured, how="outer").sort_index()
    # These are measured once a second, but not at its end: a second without a value has that of the one before.
    filled_columns = table[measured.columns].ffill(limit=1)
    return table.assign(**filled_columns, container=PRODUCTION).reset_index()


def _customers_by_second(visits: pd.DataFrame) -> pd.DataFrame:
    """Return how many customers came and were served in time, by second."""
    arrivals = visits.assign(time=_end_of_second(visits["time"]))
    customers = arrivals.groupby("time")["good"].agg(came="size", served="sum").astype("float64")
    customers["served_percent"] = 100 * customers["served"] / customers["came"]
    return customers


def _last_of_second(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the last row of each second, by the end of the second."""
    times = _end_of_second(measured["time"])
    return measured.drop(columns="container").assign(time=times).groupby("time").last()


def _end_of_second(times: pd.Series) -> pd.Series:
    """Return for each time the end of its second."""
    utc_times = pd.to_datetime(times, utc=True).astype("datetime64[us, UTC]")
    return utc_times.dt.floor("s") + SECOND
