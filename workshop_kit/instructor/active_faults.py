"""The faults that the desk has injected: each lasts until its time is over, a click reverts it, or the desk closes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.faults import injection
from workshop_kit.faults.journal import InjectedFault, Journal
from workshop_kit.instructor.background import engine_needed

LONGEST_SECONDS = 3600.0


@dataclass(frozen=True)
class ListedFault:
    """An active fault; ``id`` is "" if another process injected it: then only `undo_all` may end it.

    ``since`` is UTC; ``seconds_left`` is None if only a click ends it.
    """

    id: str
    fault: str
    target: str
    parameters: Mapping[str, Any]
    since: datetime
    seconds_left: float | None = None


@dataclass(frozen=True)
class _Held:
    """The open block of a fault, and the timer that closes it at ``end`` (monotonic)."""

    block: AbstractContextManager[InjectedFault]
    end: float | None
    timer: threading.Timer | None


class ActiveFaults:
    """Injects and reverts faults, from any thread; ``problems`` are the sentences of timers that failed."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._held: dict[str, _Held] = {}
        self._lock = threading.Lock()
        self._injecting = threading.Lock()  # held during an injection: closing waits for it
        self._closed = False
        self.problems: list[str] = []

    def inject(self, fault: str, target: str, parameters: Mapping[str, Any], seconds: float | None = None) -> str:
        """Inject a fault for ``seconds``, or until it is reverted; return its id. Raises as `injection.fault` does."""
        if seconds is not None and not 0 < seconds <= LONGEST_SECONDS:
            raise WrongUsage(f"A fault lasts from 1 to {LONGEST_SECONDS:.0f} seconds, and {seconds:g} is not.")
        with self._injecting, engine_needed():
            if self._closed:
                raise WorkshopError("The desk is being closed.", "Open it again.")
            return self._hold(injection.fault(fault, self._stack, target, **parameters), seconds)

    def _hold(self, block: AbstractContextManager[InjectedFault], seconds: float | None) -> str:
        identifier = block.__enter__().id
        timer = threading.Timer(seconds, self._expire, [identifier]) if seconds else None
        end = time.monotonic() + seconds if seconds else None
        with self._lock:
            self._held[identifier] = _Held(block, end, timer)
        if timer is not None:
            timer.daemon = True
            timer.start()
        return identifier

    def revert(self, identifier: str) -> bool:
        """Revert a fault of the desk; False if it is over already. Raises WorkshopError if it cannot be reverted."""
        with self._lock:
            held = self._held.pop(identifier, None)
        if held is None:
            return False
        if held.timer is not None:
            held.timer.cancel()
        with engine_needed():
            held.block.__exit__(None, None, None)
        return True

    def undo_all(self) -> list[str]:
        """Revert the desk's faults, newest first, and those of dead processes; return a sentence for each failure."""
        with self._lock:
            own = list(reversed(self._held))
        for identifier in own:
            with contextlib.suppress(WorkshopError):  # it stays in the journal and is tried again below
                self.revert(identifier)
        self.problems.clear()
        try:
            with engine_needed():
                return injection.undo_all(self._stack.session).left
        except WorkshopError as error:
            return [str(error)]

    def close(self) -> list[str]:
        """Refuse further faults and undo all."""
        with self._injecting:
            self._closed = True
        return self.undo_all()

    def listed(self) -> list[ListedFault]:
        """Return all active faults of this workspace, oldest first, those of other processes included."""
        now = time.monotonic()
        with self._lock:
            held = dict(self._held)
        found = []
        for active in Journal(self._stack.session).entries():
            own = held.get(active.id)
            left = max(own.end - now, 0.0) if own is not None and own.end is not None else None
            identifier = active.id if own is not None else ""
            found.append(ListedFault(identifier, active.fault, active.name, active.parameters, active.since, left))
        return found

    def _expire(self, identifier: str) -> None:
        try:
            self.revert(identifier)
        except WorkshopError as error:
            self.problems.append(str(error))
