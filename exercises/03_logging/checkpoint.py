"""What survives the collector's death: the parts, and the checkpoint that says how far reading has come.

A generation is what one commit adds. Its parts come to the disk first; then the checkpoint, by one rename, makes them
count: it holds the generation and, for every container, the position behind the last line in those parts. The
uploader takes no part of a later generation than the checkpoint's, and the next start removes such parts, since their
lines will be read again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

PARTS, CHECKPOINT = "parts", "checkpoint.json"

Position = dict[str, Any]


class Keeper:
    """Lines that were read, and how far that is, on their way to the disk."""

    def __init__(self, folder: Path, start: Mapping[str, Any]) -> None:
        self.folder = folder
        self.spool: str = start["spool"]
        self.generation: int = start["generation"]
        self.positions: dict[str, Position] = dict(start["positions"])
        self.lines: dict[str, list[bytes]] = {}

    # region logging.collector
    def take(self, container: str, position: Position, lines: Mapping[str, list[bytes]]) -> None:
        """Hear of new lines, by the part they belong to, and of the position in the container's log behind them."""
        for part, some in lines.items():
            self.lines.setdefault(part, []).extend(some)
        self.positions[container] = position
        save(self)  # at once, so that no line is read twice

    def commit(self) -> None:
        """Make safe what was taken since the last time: from here on it survives."""
        self.generation += 1
        save(self)
        for part, lines in self.lines.items():
            path = self.folder / PARTS / f"{self.generation:012d}~{self.spool}~{part}"
            path.write_bytes(b"".join(lines))
        self.lines = {}

    # endregion logging.collector


def save(keeper: Keeper) -> None:
    """Replace the checkpoint by one rename: whoever reads it finds the old one or the new one, and never half of it."""
    state = {"spool": keeper.spool, "generation": keeper.generation, "positions": keeper.positions}
    temporary = keeper.folder / f"{CHECKPOINT}.new"
    write_safely(temporary, [json.dumps(state).encode()])
    temporary.replace(keeper.folder / CHECKPOINT)
    sync_folder(keeper.folder)


def write_safely(path: Path, content: Iterable[bytes]) -> None:
    """Write a file, and return when the disk has it."""
    with path.open("wb") as file:
        file.writelines(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Return when the disk has the names in a folder, too: without that a new file may be gone after a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
