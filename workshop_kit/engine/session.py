"""The handle that making and removing things needs: the engine, whose things they are, and where they are listed."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
from docker.errors import APIError, BuildError

from workshop_kit.engine.labels import Identity, Scope
from workshop_kit.engine.ledger import Entry, Kind, Ledger
from workshop_kit.engine.reach import Engine

NONCE = "workshop.nonce"
MAKER = "workshop.maker"


def this_process() -> str:
    """A name for the running process that no later one has: its pid and the time it started."""
    return f"{os.getpid()}@{_started(os.getpid())}"


def is_alive(maker: str) -> bool:
    """Whether the process of that name still runs on this machine; a zombie does not."""
    pid, _, started = maker.partition("@")
    try:
        return _started(int(pid)) == started
    except (ValueError, OSError, psutil.Error):
        return False


def _started(pid: int) -> str:
    """When a process started, in a unit that setting the clock does not change where there is one: ticks since boot.

    Raises OSError or psutil.Error for a process that is gone, and ProcessLookupError for one that only waits to be
    collected by its parent.
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
    """One participant's workspace on one engine; ``maker`` is the process (a kernel, say) that makes things."""

    engine: Engine
    who: Identity
    ledger: Ledger
    maker: str = field(default_factory=this_process)

    @contextlib.contextmanager
    def making(self, kind: Kind, scope: Scope, word: str | None = None) -> Iterator[Making]:
        """Make one thing so that it cannot get lost: it is announced in the ledger before it exists.

        The announcement holds a word (a random one, if none is given) that the new thing carries as a label, and its
        maker; a program that dies between "created" and "written down" leaves the announcement, by which clean-up
        finds the thing.
        """
        announced = announcement(kind, self.maker, scope, word)
        self.ledger.add(announced)
        nonce = announced.id.partition("=")[2]
        making = Making({**self.who.labels(scope), NONCE: nonce, MAKER: self.maker})
        try:
            yield making
        except (APIError, BuildError):  # the engine answered "no": there is nothing to find (any other end may have)
            self.ledger.strike(announced)
            raise
        self.ledger.add(replace(announced, id=making.id, name=making.name))
        self.ledger.strike(announced)


def announcement(kind: Kind, maker: str, scope: Scope, word: str | None = None) -> Entry:
    """The entry of a thing that is about to be made: in place of its id a word (the time and a random one, if none is
    given), of its name the maker's.
    """
    return Entry(kind, f"{NONCE}={word or f'{int(time.time())}-{secrets.token_hex(16)}'}", maker, scope)


def is_announcement(entry: Entry) -> bool:
    """Whether the entry speaks of a thing that was about to be made."""
    return entry.id.startswith(f"{NONCE}=")


def announced_seconds_ago(entry: Entry) -> float:
    """How long ago a thing was announced; very long for an announcement without a time."""
    moment = entry.id.partition("=")[2].partition("-")[0]
    return time.time() - int(moment) if moment.isdecimal() else float("inf")


@dataclass
class Making:
    """What the maker fills in: the labels are given, the engine's id and the name come back."""

    labels: dict[str, str]
    id: str = ""
    name: str = ""
