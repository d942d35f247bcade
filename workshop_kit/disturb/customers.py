"""Customers at the doors of several copies, and the load balancer that says which door: who loses when one leaves?

A balancer in a nutshell: it asks ``/readyz`` of every copy again and again, believes the last answer until the next,
and sends customers in turn to those that said 200. Everything runs in threads of this process.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import pandas as pd

from workshop_kit.engine.containers import answers
from workshop_kit.errors import WorkshopError

COLUMNS = ["time", "url", "status", "seconds", "error"]
SHOPPING_PAUSE_SECONDS = 0.02
GOOD = range(200, 500)  # a 404 is an answer: somebody listened, and knew


@dataclass
class Customers:
    """Customers who come while the block runs: ``with Customers(urls) as sent:``; all their requests as data after it.

    ``at_once`` customers ask ``path`` one time after the other. ``look_seconds`` is how often the balancer asks
    ``/readyz``, and so how long it may be wrong. While no copy is ready, customers wait.
    """

    urls: Sequence[str]
    path: str = "/orders"
    at_once: int = 4
    look_seconds: float = 0.3
    timeout_seconds: float = 5.0
    _rows: list[tuple[object, ...]] = field(default_factory=list, repr=False)
    _looks: int = field(default=0, repr=False)
    _ready: list[str] = field(default_factory=list, repr=False)
    _ended: threading.Event = field(default_factory=threading.Event, repr=False)
    _threads: list[threading.Thread] = field(default_factory=list, repr=False)

    @property
    def requests(self) -> pd.DataFrame:
        """A row for each request: ``time`` (UTC), ``url``, ``status`` (missing: no answer), ``seconds``, ``error``."""
        frame = pd.DataFrame(sorted(self._rows, key=lambda row: str(row[0])), columns=COLUMNS)
        return frame.astype({"status": "Int64", "seconds": "float64"})

    @property
    def lost(self) -> pd.DataFrame:
        """The requests of customers who got no answer, or a 5xx."""
        requests = self.requests  # a frame made anew each time, of what has happened by then
        return requests[~requests["status"].isin(list(GOOD)).fillna(False)]

    def __enter__(self) -> Self:
        self._look()
        self._threads = [threading.Thread(target=self._balance, daemon=True)]
        self._threads += [
            threading.Thread(target=self._shop, args=(number,), daemon=True) for number in range(self.at_once)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def wait_for_look(self, url: str, within_seconds: float = 30) -> None:
        """Wait until the balancer has just heard from a copy that it is ready: it believes that for ``look_seconds``.

        Raises WorkshopError if the copy does not say so in time.
        """
        before, deadline = self._looks, time.monotonic() + within_seconds
        while self._looks == before or url not in self._ready:
            if time.monotonic() > deadline:
                raise WorkshopError(f"{url} has not been ready for {within_seconds:g} s.", "Look at its log.")
            time.sleep(0.005)

    def _balance(self) -> None:
        while not self._ended.wait(self.look_seconds):
            self._look()

    def _look(self) -> None:
        self._ready = [url for url in self.urls if answers(f"{url}/readyz")]
        self._looks += 1

    def _shop(self, turn: int) -> None:
        while not self._ended.wait(SHOPPING_PAUSE_SECONDS):
            ready = self._ready
            if ready:
                turn += 1
                self._rows.append(self._ask(ready[turn % len(ready)]))

    def _ask(self, url: str) -> tuple[object, ...]:
        """One request on a connection of its own, as a new customer would make."""
        parts, began, now = urlsplit(url), time.monotonic(), datetime.now(UTC)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=self.timeout_seconds)
        try:
            connection.request("GET", self.path)
            response = connection.getresponse()
            response.read()
            return now, url, response.status, time.monotonic() - began, ""
        except (OSError, http.client.HTTPException) as error:
            return now, url, None, time.monotonic() - began, type(error).__name__
        finally:
            connection.close()
