"""The journal: one line for every fault in force, written before it strikes and struck out once it is undone.

A kernel that dies leaves its lines behind; whoever comes next (a lesson's start, ``down``, the reaper) undoes them.
What was struck out is kept in a second file, the newest of it: a chart shades what was broken when.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

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


PAST_KEPT = 200


@dataclass(frozen=True)
class Past:
    """A fault that is over: from ``since`` to ``until``, UTC times in ISO 8601."""

    fault: str
    parameters: dict[str, Any]
    name: str
    since: str
    until: str


Line = TypeVar("Line", Open, Past)


class Journal:
    """The faults in force in one workspace, in a file of JSON lines beside its ledger."""

    def __init__(self, session: Session) -> None:
        self.path = session.ledger.path.with_name("faults.jsonl")
        self.past_path = self.path.with_name("faults-past.jsonl")

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
        return self._read(self.path, Open)

    def past(self) -> list[Past]:
        """The newest faults that are over, by their end, oldest first."""
        return self._read(self.past_path, Past)

    def add(self, entry: Open) -> None:
        """Write a fault down: it is on the disk when this returns. Raises WorkshopError on a full disk."""
        self._write([*self.entries(), entry])

    def note_proxy(self, entry: Open, proxy: str) -> None:
        """Write down which container takes the target's place."""
        self._write([replace(one, proxy=proxy) if one.id == entry.id else one for one in self.entries()])

    def strike(self, entry: Open) -> None:
        """Take a fault out: it is undone."""
        over = Past(entry.fault, entry.parameters, entry.name, entry.since, datetime.now(UTC).isoformat())
        self._write_to(self.past_path, [*self.past(), over][-PAST_KEPT:])
        self._write([one for one in self.entries() if one.id != entry.id])

    def _read(self, path: Path, kind: type[Line]) -> list[Line]:
        found = []
        with self._explained():
            lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
        for line in lines:
            with contextlib.suppress(ValueError, TypeError):
                found.append(kind(**json.loads(line)))
        return found

    def _write(self, entries: list[Open]) -> None:
        self._write_to(self.path, entries)

    def _write_to(self, path: Path, entries: Sequence[Open | Past]) -> None:
        with self._explained():
            fresh = path.with_suffix(".new")
            with fresh.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(asdict(entry)) + "\n" for entry in entries)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise WorkshopError(
                f"The list of the faults in force ({self.path}) cannot be kept: {error.strerror}.",
                "Free some space or mend the folder's permissions, then try again.",
            ) from error
