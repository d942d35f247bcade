"""The faults and the load that the desk has in force, each with its end; and engine errors as one sentence."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

from docker.errors import APIError, DockerException
from requests.exceptions import RequestException

from workshop_kit.engine.containers import Running
from workshop_kit.engine.reach import engine_reason
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.faults import injection
from workshop_kit.faults.active_fault import ActiveFault
from workshop_kit.faults.injection import InjectedFault, Journal
from workshop_kit.faults.load import RANGES, load
from workshop_kit.observe.engine_api import EngineUnavailable
from workshop_kit.untrusted_text import visible

LONGEST_SECONDS = 3600.0
ORDER: Mapping[str, Any] = {"item": "tea", "quantity": 1}
REQUESTS: Mapping[str, Any] = {"POST /orders": ORDER, "GET /orders": None, "GET /orders/1": None}
"""The requests that can be chosen as load, each with its body."""


@contextlib.contextmanager
def engine_errors_as_sentences() -> Iterator[None]:
    """Raise a WorkshopError for each error of the Docker SDK: what the engine refuses, or that it does not answer."""
    try:
        yield
    except APIError as error:
        raise WorkshopError(
            f"The Docker engine refused: {engine_reason(error)}.", "Click again in a moment."
        ) from error
    except (DockerException, RequestException, ConnectionError, TimeoutError) as error:
        raise EngineUnavailable from error


class DeskFaults:
    """The faults that the desk has injected: each lasts until its time is over, a click, or the end of the desk.

    ``problems`` has a sentence for each fault whose time is over and that could not be reverted.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._blocks: dict[str, AbstractContextManager[InjectedFault]] = {}
        self._ends: dict[str, float] = {}  # monotonic, of those with a duration
        self.problems: list[str] = []

    def inject(self, fault: str, target: str, parameters: Mapping[str, Any], seconds: float | None = None) -> None:
        """Inject a fault for ``seconds``, or until it is reverted.

        One call at a time: a second click finds the first one's fault. Raises as `injection.fault` does, and
        WrongUsage if the desk has it in force already.
        """
        if seconds is not None and not 0 < seconds <= LONGEST_SECONDS:
            raise WrongUsage(f"A fault lasts from 1 to {LONGEST_SECONDS:.0f} seconds, and {seconds:g} is not.")
        if self._is_active(fault, target):
            raise WrongUsage(f"{fault} of {target} is active already.", "Revert it first to change it.")

        block = injection.fault(fault, self._stack, target, **parameters)
        injected_fault = block.__enter__()
        identifier = injected_fault.id
        self._blocks[identifier] = block
        if seconds is not None:
            self._ends[identifier] = time.monotonic() + seconds
            timer = threading.Timer(seconds, self._revert_expired, [identifier])
            timer.daemon = True
            timer.start()

    def _is_active(self, fault: str, target: str) -> bool:
        """Return whether the desk has injected a fault in a target that is still active."""
        own_faults = [(row["fault"], row["target"]) for row in self.active_rows() if row["id"]]
        return (fault, target) in own_faults

    def revert(self, identifier: str) -> None:
        """Revert a fault of the desk, unless it is over. Raises WorkshopError if it cannot be reverted."""
        block = self._blocks.pop(identifier, None)
        if block is not None:
            block.__exit__(None, None, None)

    def revert_all(self) -> None:
        """Revert the desk's faults, newest first, and those of dead processes. Raises WorkshopError for those left."""
        self.problems.clear()
        with engine_errors_as_sentences():
            problems = injection.revert_all(self._stack.session)
        self._blocks.clear()  # the end of a block whose fault is reverted changes nothing
        if problems:
            raise WorkshopError(" ".join(problems), "Run ./workshop down and start again.")

    def active_rows(self) -> list[dict[str, Any]]:
        """Return all active faults of this workspace as plain data for JSON, oldest first.

        ``id`` is "" if another process injected it; ``seconds_left`` is None if only a click ends it.
        """
        now = time.monotonic()
        return [self._fault_data(active_fault, now) for active_fault in Journal(self._stack.session).entries()]

    def _fault_data(self, active_fault: ActiveFault, now: float) -> dict[str, Any]:
        """Return one fault of `active_rows`; ``now`` is in monotonic seconds."""
        is_own = active_fault.id in self._blocks
        seconds_left = None
        end = self._ends.get(active_fault.id)
        if end:
            seconds_left = round(max(end - now, 0.0), 1)

        return {
            "id": active_fault.id if is_own else "",
            "fault": active_fault.fault,
            "target": visible(active_fault.name),
            "parameters": {name: value for name, value in active_fault.parameters.items() if value is not None},
            "seconds_left": seconds_left,
        }

    def _revert_expired(self, identifier: str) -> None:
        """Revert a fault whose time is over, unless a click has done that; note the problem if it cannot be."""
        try:
            with engine_errors_as_sentences():
                self.revert(identifier)
        except WorkshopError as error:
            self.problems.append(str(error))


class LoadGenerator:
    """Sends requests at a constant rate until ``stop``, for two hours at most."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._lock = threading.RLock()  # one start or stop at a time, so that no container is left over
        self._generator: Running | None = None
        self._parameters: dict[str, Any] = {}

    def start(self, request: str, rate_per_second: int) -> None:
        """Start to send a request at a rate, in place of the load before. Raises as `load` does."""
        with self._lock:
            parameters: dict[str, Any] = {"request": request, "rate_per_second": rate_per_second}
            generator = load(self._stack, json=REQUESTS.get(request), seconds=RANGES["seconds"][-1], **parameters)
            self.stop()  # the new one sends before the old one ends
            self._generator = generator
            self._parameters = parameters

    def stop(self) -> None:
        """End the load; a second call changes nothing."""
        with self._lock:
            if self._generator is not None:
                with contextlib.suppress(APIError, OSError):  # it was removed, or the engine is away
                    self._generator.remove()
            self._generator = None

    def state(self) -> dict[str, Any] | None:
        """Return the request and its ``rate_per_second``; None while nothing is sent."""
        generator = self._generator
        if generator is None:
            return None

        try:
            generator.container.reload()
        except APIError:  # the container is gone
            return None
        if generator.container.status not in {"running", "created"}:
            return None
        return self._parameters
