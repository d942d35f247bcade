"""Load without an end: a load container ends by itself after some minutes, so one follows another."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from docker.errors import APIError

from workshop_kit.engine.containers import Running
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.faults.load import RANGES, load
from workshop_kit.instructor.engine_errors import engine_needed

ORDER: Mapping[str, Any] = {"item": "tea", "quantity": 1}
REQUESTS: Mapping[str, Any] = {"POST /orders": ORDER, "GET /orders": None, "GET /orders/1": None}
"""The requests that can be chosen, each with its body."""
RETRY_SECONDS = 2.0


class LoadGenerator:
    """Sends requests at a constant rate until ``stop``, from any thread.

    ``state`` has the request and its ``rate_per_second``; ``problem`` is why none are sent just now.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._changing = threading.RLock()  # one start or stop at a time, so that no container is left over
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.state: dict[str, Any] | None = None
        self.problem = ""

    def start(self, request: str, rate_per_second: int) -> None:
        """Send, or change what is sent. Raises WorkshopError or WrongUsage if that cannot be."""
        begin = partial(self._begin, request, rate_per_second)
        with self._changing:
            first = begin()  # the new one sends before the old one ends
            self.stop()
            self._stop, self.state = threading.Event(), {"request": request, "rate_per_second": rate_per_second}
            words = (begin, first, self._stop)
            self._thread = threading.Thread(target=self._follow, args=words, name="desk: load", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the load; a second call changes nothing."""
        with self._changing:
            self._stop.set()
            if self._thread is not None:
                self._thread.join()
            self._thread, self.state, self.problem = None, None, ""

    def _begin(self, request: str, rate: int) -> Running:
        """Start a load container for as long as it may run."""
        seconds = RANGES["seconds"][-1]
        with engine_needed():
            return load(self._stack, request=request, json=REQUESTS.get(request), rate_per_second=rate, seconds=seconds)

    def _follow(self, begin: Callable[[], Running], current: Running | None, stop: threading.Event) -> None:
        """Start another container whenever one has ended, until ``stop`` is set."""
        while True:
            if current is not None:
                _wait_and_remove(current, stop)
            if stop.is_set():
                return
            try:
                current, self.problem = begin(), ""
            except WorkshopError as error:
                current, self.problem = None, str(error)
                stop.wait(RETRY_SECONDS)


def _wait_and_remove(current: Running, stop: threading.Event) -> None:
    """Wait until the container has ended or ``stop`` is set, then remove it."""
    with contextlib.suppress(APIError, OSError):  # it was removed, or the engine is away
        while not stop.wait(0.5):
            current.container.reload()
            if current.container.status not in {"running", "created"}:
                break
    with contextlib.suppress(APIError, OSError):
        current.remove()
