"""The journal: one line for every fault in force, written before it strikes and struck out once it is undone.

A kernel that dies leaves its lines behind; whoever comes next (a lesson's start, ``down``, the reaper) undoes them.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError


@dataclass(frozen=True)
class Open:
    """A fault in force.

    ``container`` is the target's full id, ``name`` its name for people. ``before`` is how the target was before any
    fault of ours: its networks and its limits. ``maker`` is the process that will undo it, if it lives; ``proxy`` the
    id of the container that stands in the target's place, if one does; ``since`` a UTC time in ISO 8601.
    """

    id: str
    fault: str
    parameters: dict[str, Any]
    container: str
    name: str
    before: dict[str, Any]
    maker: str
    since: str
    proxy: str = ""


class Journal:
    """The faults in force in one workspace, in a file of JSON lines beside its ledger."""

    def __init__(self, session: Session) -> None:
        self.path = session.ledger.path.with_name("faults.jsonl")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One process at a time puts faults in force or undoes them; the kernel lets go of the lock of a dead one."""
        with self._explained():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = self.path.with_suffix(".lock").open("w")
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def entries(self) -> list[Open]:
        """Every fault in force, oldest first; a line that cannot be read is none."""
        found = []
        with self._explained():
            lines = self.path.read_text(encoding="utf-8").split("\n") if self.path.exists() else []
        for line in lines:
            with contextlib.suppress(ValueError, TypeError):
                found.append(Open(**json.loads(line)))
        return found

    def add(self, entry: Open) -> None:
        """Write a fault down: it is on the disk when this returns. Raises WorkshopError on a full disk."""
        self._write([*self.entries(), entry])

    def note_proxy(self, entry: Open, proxy: str) -> None:
        """Write down which container takes the target's place."""
        self._write([replace(one, proxy=proxy) if one.id == entry.id else one for one in self.entries()])

    def strike(self, entry: Open) -> None:
        """Take a fault out: it is undone."""
        self._write([one for one in self.entries() if one.id != entry.id])

    def _write(self, entries: list[Open]) -> None:
        with self._explained():
            fresh = self.path.with_suffix(".new")
            with fresh.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(asdict(entry)) + "\n" for entry in entries)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise WorkshopError(
                f"The list of the faults in force ({self.path}) cannot be kept: {error.strerror}.",
                "Free some space or mend the folder's permissions, then try again.",
            ) from error
