"""The faults that the desk has injected: each lasts until its time is over, a click reverts it, or the desk closes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.faults import injection
from workshop_kit.faults.injection import InjectedFault, Journal
from workshop_kit.instructor.background import engine_needed
from workshop_kit.screen import visible

LONGEST_SECONDS = 3600.0


class _Held(NamedTuple):
    """The open block of a fault, and the timer that closes it at ``end`` (monotonic)."""

    fault: str
    target: str
    block: AbstractContextManager[InjectedFault]
    end: float | None
    timer: threading.Timer | None


class InjectedFaults:
    """Injects and reverts faults, from any thread; ``problems`` are the sentences of timers that failed."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._held: dict[str, _Held] = {}
        self.problems: list[str] = []

    def inject(self, fault: str, target: str, parameters: Mapping[str, Any], seconds: float | None = None) -> str:
        """Inject a fault for ``seconds``, or until it is reverted; return its id. Raises as `injection.fault` does.

        One call at a time: a second click finds the first one's fault, and is refused.
        """
        if seconds is not None and not 0 < seconds <= LONGEST_SECONDS:
            raise WrongUsage(f"A fault lasts from 1 to {LONGEST_SECONDS:.0f} seconds, and {seconds:g} is not.")
        if any((held.fault, held.target) == (fault, target) for held in [*self._held.values()]):
            raise WrongUsage(f"{fault} of {target} is active already.", "Revert it first to change it.")
        with engine_needed():
            block = injection.fault(fault, self._stack, target, **parameters)
            identifier = block.__enter__().id
            end = timer = None
            if seconds:
                end, timer = time.monotonic() + seconds, threading.Timer(seconds, self._expire, [identifier])
                timer.daemon = True
            self._held[identifier] = _Held(fault, target, block, end, timer)
            if timer is not None:
                timer.start()
            return identifier

    def revert(self, identifier: str) -> bool:
        """Revert a fault of the desk; False if it is over already. Raises WorkshopError if it cannot be reverted."""
        held = self._held.pop(identifier, None)
        if held is None:
            return False
        if held.timer is not None:
            held.timer.cancel()
        with engine_needed():
            held.block.__exit__(None, None, None)
        return True

    def revert_all(self) -> list[str]:
        """Revert the desk's faults, newest first, and those of dead processes; return a sentence for each failure."""
        for identifier in reversed([*self._held]):
            with contextlib.suppress(WorkshopError):  # it stays in the journal and is tried again below
                self.revert(identifier)
        self.problems.clear()
        try:
            with engine_needed():
                return injection.revert_all(self._stack.session).left
        except WorkshopError as error:
            return [str(error)]

    def listed(self) -> list[dict[str, Any]]:
        """Return all active faults of this workspace as JSON takes them, oldest first.

        ``id`` is "" if another process injected it; ``seconds_left`` is None if only a click ends it.
        """
        return [
            {
                "id": active.id if active.id in self._held else "",
                "fault": active.fault,
                "target": visible(active.name),
                "parameters": {name: value for name, value in active.parameters.items() if value is not None},
                "seconds_left": self._seconds_left(active.id),
            }
            for active in Journal(self._stack.session).entries()
        ]

    def _seconds_left(self, identifier: str) -> float | None:
        held = self._held.get(identifier)
        return None if held is None or held.end is None else round(max(held.end - time.monotonic(), 0.0), 1)

    def _expire(self, identifier: str) -> None:
        try:
            self.revert(identifier)
        except WorkshopError as error:
            self.problems.append(str(error))
