"""Customers at a steady rate, behind a load balancer that turns them away from a service that is not ready.

They are threads of this process, because the address of an environment changes with every release.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

import pandas as pd

from workshop_kit.observe import http

Address = Callable[[], str | None]
"""Returns where a service is now, as ``http://127.0.0.1:PORT``; None while it does not run."""

PROBE_SECONDS = 0.4
READY_SECONDS = 1.5
TIMEOUT_SECONDS = 3.0
AT_ONCE = 4
"""Requests that the balancer sends to an environment at the same time."""
TURNED_AWAY, NO_INSTANCE, TOO_MANY = "turned away: not ready", "no instance", "turned away: too many requests at once"
SLOW_SECONDS = 1.0
COLUMNS = ["time", "environment", "status", "seconds", "error", "good"]


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
        rows = [(*vars(one).values(), one.is_good) for one in visits]
        types = {"time": "datetime64[us, UTC]", "status": "Int64", "seconds": "float64", "good": "bool"}
        return pd.DataFrame(rows, columns=COLUMNS).astype(types)

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
