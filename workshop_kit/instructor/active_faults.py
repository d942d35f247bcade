"""The faults that the desk holds in force: each until its time is over, somebody undoes it, or the desk closes."""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.faults import injection
from workshop_kit.faults.injection import InjectedFault
from workshop_kit.faults.journal import Journal
from workshop_kit.instructor.engine_errors import engine_needed

LONGEST_SECONDS = 3600.0


@dataclass(frozen=True)
class InForce:
    """A fault in force. ``id`` is "" where it is not the desk's own: then only `undo_all` may help.

    ``since`` is UTC; ``seconds_left`` None where nothing but a click ends it.
    """

    id: str
    fault: str
    target: str
    parameters: Mapping[str, Any]
    since: datetime
    seconds_left: float | None = None


@dataclass(frozen=True)
class _Held:
    """The open block of a fault, and the alarm that closes it."""

    block: AbstractContextManager[InjectedFault]
    injected: InjectedFault
    until: float | None  # on the monotonic clock
    alarm: threading.Timer | None


class Force:
    """Puts faults in force and undoes them, from any thread. What an alarm could not undo is in ``problems``."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._held: dict[str, _Held] = {}
        self._lock = threading.Lock()
        self._striking = threading.Lock()  # held while a fault is put in force: closing waits for it
        self._closed = False
        self.problems: list[str] = []

    def strike(self, fault: str, target: str, parameters: Mapping[str, Any], seconds: float | None = None) -> str:
        """Inject a fault for ``seconds``, or until it is reverted; return its id. Raises as `injection.fault` does."""
        if seconds is not None and not 0 < seconds <= LONGEST_SECONDS:
            raise WrongUsage(f"A fault lasts from 1 to {LONGEST_SECONDS:.0f} seconds, and {seconds:g} is not.")
        with self._striking, engine_needed():
            if self._closed:
                raise WorkshopError("The desk is being closed.", "Open it again.")
            return self._hold(injection.fault(fault, self._stack, target, **parameters), seconds)

    def _hold(self, block: AbstractContextManager[InjectedFault], seconds: float | None) -> str:
        injected, identifier = block.__enter__(), secrets.token_hex(4)
        alarm = threading.Timer(seconds, self._expire, [identifier]) if seconds else None
        until = time.monotonic() + seconds if seconds else None
        with self._lock:
            self._held[identifier] = _Held(block, injected, until, alarm)
        if alarm is not None:
            alarm.daemon = True
            alarm.start()
        return identifier

    def undo(self, identifier: str) -> bool:
        """Undo one of the desk's own; False where it is over already. Raises WorkshopError if it cannot be undone."""
        with self._lock:
            held = self._held.pop(identifier, None)
        if held is None:
            return False
        if held.alarm is not None:
            held.alarm.cancel()
        with engine_needed():
            held.block.__exit__(None, None, None)
        return True

    def undo_all(self) -> list[str]:
        """Undo the desk's faults, newest first, and those of processes that died; return what could not be undone."""
        with self._lock:
            mine = list(reversed(self._held))
        for identifier in mine:
            with contextlib.suppress(WorkshopError):  # what stays in the journal is tried once more below
                self.undo(identifier)
        self.problems.clear()
        try:
            with engine_needed():
                return injection.undo_all(self._stack.session).left
        except WorkshopError as error:
            return [str(error)]

    def close(self) -> list[str]:
        """Let no more fault in, and undo all there are."""
        with self._striking:
            self._closed = True
        return self.undo_all()

    def in_force(self) -> list[InForce]:
        """All faults in force in this workspace, oldest first, also those of notebooks and those that would not go."""
        now = time.monotonic()
        with self._lock:
            held = list(self._held.items())
        mine = [
            InForce(
                name,
                one.injected.fault,
                one.injected.target,
                one.injected.parameters,
                one.injected.started,
                max(one.until - now, 0.0) if one.until is not None else None,
            )
            for name, one in held
        ]
        return sorted([*mine, *self._others(mine)], key=lambda one: one.since)

    def _others(self, mine: list[InForce]) -> list[InForce]:
        """What stands in the journal beside the desk's own."""
        own = Counter(_key(one.fault, one.target, one.parameters) for one in mine)
        found = []
        for entry in Journal(self._stack.session).entries():
            key = _key(entry.fault, entry.name, entry.parameters)
            if own[key] > 0 and entry.maker == self._stack.session.maker:
                own[key] -= 1
            else:
                since = entry.since
                found.append(InForce("", entry.fault, entry.name, entry.parameters, since))
        return found

    def _expire(self, identifier: str) -> None:
        try:
            self.undo(identifier)
        except WorkshopError as error:
            self.problems.append(str(error))


def _key(fault: str, target: str, parameters: Mapping[str, Any]) -> str:
    return json.dumps([fault, target, parameters], sort_keys=True)
