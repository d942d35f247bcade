"""The ledger: one JSON line for every container, network, volume and image that a workspace has made.

Clean-up removes what is in the ledger *and* carries the workspace's labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from workshop_kit.engine.labels import Scope
from workshop_kit.engine.records import RecordFile

Kind = Literal["container", "network", "volume", "image"]


@dataclass(frozen=True, config=ConfigDict(strict=True, extra="forbid"))
class Entry:
    """One thing in the engine.

    ``id`` is the engine's full id. A volume has none: its id is ``NAME@CREATED``, which a later volume of the same
    name does not have.
    """

    kind: Kind
    id: str
    name: str
    scope: Scope


def volume_id(attributes: Mapping[str, Any]) -> str:
    """Return the id by which the ledger knows a volume, from what ``docker volume inspect`` reports."""
    return f"{attributes['Name']}@{attributes['CreatedAt']}"


class Ledger(RecordFile[Entry]):
    """The entries of one workspace; several processes may use it at once."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, Entry, "entry")

    def entries(self) -> list[Entry]:
        """Return the entries, oldest first; a line that is no entry is left out."""
        return list(dict.fromkeys(self.read()[0]))

    def add(self, *entries: Entry) -> None:
        """Write entries, each at most once."""
        known = set(self.entries())
        if new := [entry for entry in dict.fromkeys(entries) if entry not in known]:
            with self.locked():
                self.append(*new)

    def remove(self, *entries: Entry) -> None:
        """Take entries out: the engine has these things no longer."""
        if gone := set(entries) & set(self.entries()):
            with self.locked():
                self.write(entry for entry in self.entries() if entry not in gone)

    def remove_id(self, identifier: str) -> None:
        """Take out every entry of the thing with this id."""
        self.remove(*(entry for entry in self.entries() if entry.id == identifier))
