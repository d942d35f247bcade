"""The session: the engine, the workspace's identity and its ledger, with which things are made and removed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from workshop_kit.engine.labels import MAKER, Identity, Scope
from workshop_kit.engine.ledger import Entry, Kind, Ledger
from workshop_kit.engine.reach import Engine


def this_process() -> str:
    """Return a name for the running process that no later one has: its pid and the time it started."""
    return f"{os.getpid()}@{_started(os.getpid())}"


def is_alive(maker: str) -> bool:
    """Return whether the process of that name still runs on this machine; a zombie does not."""
    pid, _, started = maker.partition("@")
    try:
        return _started(int(pid)) == started
    except (ValueError, OSError, psutil.Error):
        return False


def _started(pid: int) -> str:
    """Return when a process started; on Linux in ticks since boot, which setting the clock does not change.

    Raises OSError or psutil.Error for a process that is gone or a zombie.
    """
    status = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        # The name in parentheses may hold anything, spaces and parentheses included.
        state, *rest = status.read_text(errors="replace").rpartition(")")[2].split()
        if state in {"Z", "X"}:
            raise ProcessLookupError(pid)
        return rest[18]
    process = psutil.Process(pid)
    if process.status() == psutil.STATUS_ZOMBIE:
        raise ProcessLookupError(pid)
    return f"{process.create_time():.2f}"


@dataclass(frozen=True)
class Session:
    """One participant's workspace on one engine; ``maker`` is the process (a kernel, say) that makes things.

    A thing gets `labels` when it is created and is recorded right after. Should the process die in between, clean-up
    finds the thing by these labels.
    """

    engine: Engine
    identity: Identity
    ledger: Ledger
    maker: str = field(default_factory=this_process)

    def labels(self, scope: Scope) -> dict[str, str]:
        """Return the labels for one new thing."""
        return {**self.identity.labels(scope), MAKER: self.maker}

    def record(self, kind: Kind, identifier: str, name: str, scope: Scope) -> None:
        """Write a thing that was just created into the ledger."""
        self.ledger.add(Entry(kind, identifier, name, scope))
