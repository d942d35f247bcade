"""The ledger: one JSON line for every container, network, volume and image that a workspace has made.

Clean-up removes what is in the ledger *and* carries the workspace's labels.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from workshop_kit.engine.labels import Scope
from workshop_kit.errors import WorkshopError

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


def volume_id(volume: Any) -> str:
    """The id by which the ledger knows a volume."""
    return f"{volume.name}@{volume.attrs['CreatedAt']}"


_ENTRY = TypeAdapter(Entry)


class Ledger:
    """The entries of one workspace in a file of JSON lines; several processes may use it at once.

    Every method raises WorkshopError where the file cannot be read or written (a full disk, say).
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def entries(self) -> list[Entry]:
        """Every entry, oldest first; without a file there are none, and a line that is no entry is passed over."""
        return list(dict.fromkeys(entry for line in self._lines() if (entry := _parsed(line))))

    def add(self, *entries: Entry) -> None:
        """Write entries, each at most once; they are on the disk when this returns."""
        known = set(self.entries())
        new = [entry for entry in dict.fromkeys(entries) if entry not in known]
        if not new:
            return
        with self._locked(), self.path.open("a+b") as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # a power cut tore the last line: it must not swallow the next one
                    file.write(b"\n")
            file.writelines(json.dumps(asdict(entry)).encode() + b"\n" for entry in new)
            file.flush()
            os.fsync(file.fileno())

    def remove(self, *entries: Entry) -> None:
        """Take entries out: the engine has these things no longer."""
        gone = set(entries)
        if gone and self.path.exists():
            with self._locked():
                self._overwrite([line for line in self._lines() if _parsed(line) not in gone])

    def remove_id(self, identifier: str) -> None:
        """Take out every entry of the thing with this id."""
        self.remove(*(entry for entry in self.entries() if entry.id == identifier))

    def take_unreadable(self) -> list[str]:
        """Take out the lines that are no entries; return a sentence for each."""
        bad = [number for number, line in enumerate(self._lines(), 1) if not _parsed(line)]
        if bad:
            with self._locked():
                self._overwrite([line for line in self._lines() if _parsed(line)])
        return [f"{self.path}, line {number} was passed over: it is no entry." for number in bad]

    def _lines(self) -> list[str]:
        with self._explained():
            try:
                text = self.path.read_text(encoding="utf-8", errors="replace")
            except FileNotFoundError:
                return []
        return [line for line in text.split("\n") if line]

    def _overwrite(self, lines: list[str]) -> None:
        """Write in place, which a full disk allows, and shorten then: a kill in between loses no entry."""
        content = "".join(f"{line}\n" for line in lines).encode()
        with self.path.open("r+b") as file:
            file.write(content)
            file.flush()
            file.truncate()
            os.fsync(file.fileno())

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with self._explained():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.path.with_suffix(".lock"), poll_interval=0.01):
                yield

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise WorkshopError(
                f"The list of what the workshop made ({self.path}) cannot be kept: {error.strerror}.",
                "Free some space or correct the folder's permissions, then try again.",
            ) from error


def _parsed(line: str) -> Entry | None:
    try:
        return _ENTRY.validate_json(line)
    except ValidationError:
        return None
