"""The ledger: one line for every container, network, volume and image that a workspace made.

Labels can be forged, so a label alone never gets anything removed: clean-up takes what is in the ledger *and* carries
our label. Lines are appended and flushed before anyone relies on them; a torn last line (power cut) is ignored.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Literal

from workshop_kit.engine.labels import Scope
from workshop_kit.errors import WorkshopError

Kind = Literal["container", "network", "volume", "image", "project"]


@dataclass(frozen=True)
class Entry:
    """One thing we made.

    ``id`` is the engine's full id; volumes have none, so theirs is ``NAME@CREATED``, which a volume that someone else
    makes later under the same name does not have. A ``project`` entry says that compose was about to create things
    under that project name: it is struck out once their ids are written down.
    """

    kind: Kind
    id: str
    name: str
    scope: Scope


class Ledger:
    """The entries of one workspace, in a file of JSON lines; safe to use from several processes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def entries(self) -> list[Entry]:
        """Every entry that was added and not struck out, oldest first; no file means no entries."""
        with self._locked("r") as file:
            return _read(file) if file else []

    def add(self, *entries: Entry) -> None:
        """Write entries down; those already there are not written twice. Raises WorkshopError on a full disk."""
        known = set(self.entries())
        fresh = [entry for entry in dict.fromkeys(entries) if entry not in known]
        if fresh:
            with self._locked("a+") as file:
                _end_torn_line(file)
                _write(file, (asdict(entry) for entry in fresh))

    def strike(self, *entries: Entry) -> None:
        """Take entries out again: they are gone from the engine."""
        if not self.path.exists():
            return
        gone = set(entries)
        with self._locked("r+") as file:
            left = [entry for entry in _read(file) if entry not in gone]
            _overwrite(file, "".join(json.dumps(asdict(entry)) + "\n" for entry in left).encode())

    @contextlib.contextmanager
    def _locked(self, mode: str) -> Iterator[IO[str]]:
        try:
            if mode != "r":
                self.path.parent.mkdir(parents=True, exist_ok=True)
            elif not self.path.exists():
                yield None  # type: ignore[misc]
                return
            with self.path.open(mode, encoding="utf-8", errors="replace") as file:
                fcntl.flock(file, fcntl.LOCK_EX if mode != "r" else fcntl.LOCK_SH)
                yield file
        except OSError as error:
            raise WorkshopError(
                f"The list of what the workshop made ({self.path}) cannot be kept: {error.strerror}.",
                "Free some space or mend the folder's permissions, then try again.",
            ) from error


def _read(file: IO[str]) -> list[Entry]:
    found = []
    for line in file:
        with contextlib.suppress(ValueError, TypeError):
            found.append(Entry(**json.loads(line)))
    return found


def _end_torn_line(file: IO[str]) -> None:
    """What a power cut left of the last line must not swallow the next one."""
    end = file.seek(0, os.SEEK_END)
    if end:
        file.seek(end - 1)
        if file.read(1) != "\n":
            file.write("\n")


def _write(file: IO[str], rows: Iterable[dict[str, str]]) -> None:
    file.writelines(json.dumps(row) + "\n" for row in rows)
    file.flush()
    os.fsync(file.fileno())


def _overwrite(file: IO[str], content: bytes) -> None:
    """Write first, shorten then: a process killed in between leaves struck entries, never an empty ledger."""
    os.pwrite(file.fileno(), content, 0)
    os.ftruncate(file.fileno(), len(content))
    os.fsync(file.fileno())
