"""Load for as long as it is wanted: `disturb.load` ends by itself, so one generator follows another."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from docker.errors import APIError

from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.faults.load import MOST_REQUESTS, RANGES, Load, Plan, load
from workshop_kit.instructor.engine_errors import engine_needed

ORDER: Mapping[str, Any] = {"item": "tea", "quantity": 1}
REQUESTS: Mapping[str, Any] = {"POST /orders": ORDER, "GET /orders": None, "GET /orders/1": None}
"""What customers may ask for, with the body."""
TIMEOUT_SECONDS = 5
AGAIN_SECONDS = 2.0
"""After a generator that failed; the service may be away just now."""


@dataclass(frozen=True)
class Driven:
    """What is being sent."""

    request: str
    rate_per_second: int


class Driving:
    """Sends requests at a constant rate until it is told to stop; from any thread."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._changing = threading.RLock()  # one start or stop at a time, so that no generator gets lost
        self._closed = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.now: Driven | None = None
        self.problem = ""

    def start(self, request: str, rate_per_second: int) -> None:
        """Begin, or go on at another rate. Raises WorkshopError or WrongUsage where that cannot be."""
        plan = _plan(request, rate_per_second)
        with self._changing:
            if self._closed:
                raise WorkshopError("The desk is being closed.", "Open it again.")
            first = self._begin(plan)  # the new one sends before the old one ends
            self.stop()
            self._stop = threading.Event()
            self.now, self.problem = Driven(plan.request, plan.rate_per_second), ""
            self._thread = threading.Thread(
                target=self._follow, args=(plan, first, self._stop), name="desk: load", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """End it; a second call changes nothing."""
        with self._changing:
            self._stop.set()
            if self._thread is not None:
                self._thread.join()
            self._thread, self.now, self.problem = None, None, ""

    def close(self) -> None:
        """Let no more load in, and end what there is."""
        with self._changing:
            self._closed = True
            self.stop()

    def _begin(self, plan: Plan) -> Load:
        with engine_needed():
            return load(
                self._stack,
                request=plan.request,
                json=plan.json,
                rate_per_second=plan.rate_per_second,
                seconds=plan.seconds,
                timeout_seconds=plan.timeout_seconds,
            )

    def _follow(self, plan: Plan, current: Load | None, stop: threading.Event) -> None:
        """Let one generator follow another, until told to stop."""
        while not stop.is_set():
            if current is not None:
                _wait(current, stop)
                _remove(current)
            current = None
            if stop.is_set():
                return
            try:
                current, self.problem = self._begin(plan), ""
            except WorkshopError as error:
                self.problem = str(error)
                stop.wait(AGAIN_SECONDS)
        if current is not None:
            _remove(current)


def _plan(request: str, rate_per_second: int) -> Plan:
    """The longest plan there may be at that rate."""
    rate = rate_per_second if isinstance(rate_per_second, int) and rate_per_second > 0 else 1
    seconds = min(RANGES["seconds"][-1], MOST_REQUESTS // rate)
    return Plan(request, REQUESTS.get(request), rate_per_second, max(seconds, 1), TIMEOUT_SECONDS)


def _wait(current: Load, stop: threading.Event) -> None:
    """Until the generator has ended, however it did, or ``stop`` is set."""
    while not stop.wait(0.5):
        try:
            current.running.container.reload()
        except (APIError, OSError):  # gone, or the engine is away: either way this one is over
            return
        if current.running.container.status not in {"running", "created"}:
            return


def _remove(current: Load) -> None:
    with contextlib.suppress(APIError, OSError):
        current.running.remove()
