"""Customers at a steady rate, and the metrics of a shop: a row a second, from customers, service and kernel.

A load balancer turns customers away from a service that is not ready. Both are threads of this process, because the
address of an environment changes with every release.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Self

import pandas as pd

from workshop_kit.display.dashboard.view import Panel, shares
from workshop_kit.observe import http
from workshop_kit.observe.watch import Tables, Watcher, frame

Address = Callable[[], str | None]
"""Returns where a service is now, as ``http://127.0.0.1:PORT``; None while it does not run."""

PROBE_SECONDS = 0.4
READY_SECONDS = 1.5
TIMEOUT_SECONDS = 3.0
AT_ONCE = 4
"""Requests that the balancer sends to an environment at the same time."""
TURNED_AWAY, NO_INSTANCE, TOO_MANY = "turned away: not ready", "no instance", "turned away: too many requests at once"
SLOW_SECONDS = 1.0
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
class Visit:
    """One request to an environment, due at ``time``; without an answer ``status`` is None."""

    time: datetime
    environment: str
    status: int | None
    seconds: float
    error: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it was served in time."""
        return self.status is not None and self.status < 400 and self.seconds <= SLOW_SECONDS


@dataclass
class Customers:
    """Customers of each environment until `stop`, who place and read orders; ``visits`` are their requests."""

    addresses: Mapping[str, Address]
    rate_per_second: float = 10.0
    visits: list[Visit] = field(default_factory=list, repr=False)
    _open: dict[str, str | None] = field(default_factory=dict, repr=False)
    _ended: threading.Event = field(default_factory=threading.Event, repr=False)
    _threads: list[threading.Thread] = field(default_factory=list, repr=False)

    def since(self, moment: datetime, environment: str | None = None) -> list[Visit]:
        """Return the visits from a time on, of one environment or of all, in the order they were due."""
        found = [one for one in self.visits if one.time >= moment and environment in (None, one.environment)]
        return sorted(found, key=lambda one: one.time)

    def table(self, since: datetime | None = None) -> pd.DataFrame:
        """Return the visits as a table: the fields of `Visit`, and ``good``."""
        visits = self.since(since or datetime.min.replace(tzinfo=UTC))
        return frame(Visit, visits).assign(good=[one.is_good for one in visits]).astype({"good": "bool"})

    def start(self) -> Self:
        """Start the balancers and the customers."""
        targets = [(run, name) for run in (self._balance, self._send_requests) for name in self.addresses]
        self._threads = [threading.Thread(target=run, args=(name,), daemon=True) for run, name in targets]
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """End them, and wait for the requests under way."""
        self._ended.set()
        while self._threads:
            self._threads.pop().join()

    def _balance(self, name: str) -> None:
        """Probe ``/readyz`` and keep the last answer until the next."""
        while not self._ended.is_set():
            url = self.addresses[name]()
            is_ready = url is not None and http.get(f"{url}/readyz", timeout_seconds=READY_SECONDS).status == 200
            self._open[name] = url if is_ready else None
            self._ended.wait(PROBE_SECONDS)

    def _send_requests(self, name: str) -> None:
        number, started, places = 0, time.monotonic(), threading.Semaphore(AT_ONCE)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while not self._ended.wait(max(0.0, started + number / self.rate_per_second - time.monotonic())):
                if places.acquire(blocking=False):
                    pool.submit(self._visit, name, number).add_done_callback(lambda _: places.release())
                else:
                    self.visits.append(Visit(datetime.now(UTC), name, None, 0.0, TOO_MANY))
                number += 1

    def _visit(self, name: str, number: int) -> None:
        """Send one request: every second one places an order, the others list the orders."""
        now, url = datetime.now(UTC), self._open.get(name)
        if url is None:
            if name in self._open:  # not before the first probe
                self.visits.append(Visit(now, name, None, 0.0, TURNED_AWAY if self.addresses[name]() else NO_INSTANCE))
            return
        method, order = ("POST", {"item": "tea", "quantity": 1}) if number % 2 else ("GET", None)
        answer = http.request(method, f"{url}/orders", json_body=order, timeout_seconds=TIMEOUT_SECONDS)
        self.visits.append(Visit(now, name, answer.status, answer.seconds, answer.error))


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


def _end_of_second(times: pd.Series) -> pd.Series:
    return pd.to_datetime(times, utc=True).astype("datetime64[us, UTC]").dt.floor("s") + SECOND
