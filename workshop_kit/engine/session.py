"""The session: the engine, the workspace's identity and its ledger, with which things are made and removed.

The ledger has a JSON line for every container, network, volume and image that a workspace has made. Clean-up removes
what is in the ledger *and* carries the workspace's labels.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as validated

from workshop_kit.engine.labels import MAKER, Identity, Scope
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.records import RecordFile

Kind = Literal["container", "network", "volume", "image"]


@validated(frozen=True, config=ConfigDict(strict=True, extra="forbid"))
class Entry:
    """A container, network, volume or image in the engine.

    ``id`` is the engine's full id. A volume has none: its id here is `volume_id`, which a later volume of the same name
    does not have.
    """

    kind: Kind
    id: str
    name: str
    scope: Scope


def volume_id(attributes: Mapping[str, Any]) -> str:
    """Return the ledger's id of a volume, ``NAME@CREATED``, from what ``docker volume inspect`` reports."""
    return f"{attributes['Name']}@{attributes['CreatedAt']}"


class Ledger(RecordFile[Entry]):
    """The entries of one workspace; several processes may use it at once."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, Entry, "entry")

    def entries(self) -> list[Entry]:
        """Return the entries, oldest first; a line that is no entry is left out."""
        return list(dict.fromkeys(self.read()[0]))

    def add(self, *entries: Entry) -> None:
        """Write the entries that the ledger does not have yet."""
        known_entries = set(self.entries())
        new_entries = [entry for entry in dict.fromkeys(entries) if entry not in known_entries]
        if new_entries:
            with self.locked():
                self.append(*new_entries)

    def remove(self, *entries: Entry) -> None:
        """Remove the entries that the ledger has: the engine has these things no longer."""
        present_entries = set(entries) & set(self.entries())
        if present_entries:
            with self.locked():
                self.write(entry for entry in self.entries() if entry not in present_entries)

    def remove_id(self, identifier: str) -> None:
        """Remove every entry with this id."""
        entries = [entry for entry in self.entries() if entry.id == identifier]
        self.remove(*entries)


def this_process() -> str:
    """Return a name for the running process that no later one has: its pid and the time it started."""
    return f"{os.getpid()}@{_start_time(os.getpid())}"


def is_alive(maker: str) -> bool:
    """Return whether the process of that name still runs on this machine; a zombie does not."""
    pid, _, start_time = maker.partition("@")
    try:
        return _start_time(int(pid)) == start_time
    except (ValueError, psutil.Error):
        return False


def _start_time(pid: int) -> str:
    """Return the seconds at which a process started: on Linux since boot, so that setting the clock changes nothing.

    Raises psutil.Error for a process that is gone or a zombie.
    """
    process = psutil.Process(pid)
    if process.status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}:
        raise psutil.NoSuchProcess(pid)

    origin_seconds = psutil.boot_time() if psutil.LINUX else 0.0
    return f"{process.create_time() - origin_seconds:.2f}"


@dataclass(frozen=True)
class Session:
    """One workspace on one engine; ``maker`` names the process (a kernel, say) that makes things.

    A thing gets `labels` when it is created, and is recorded right after that. If the process dies in between, clean-up
    finds the thing by its labels.
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
