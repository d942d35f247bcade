# Made by `./workshop build` from the lessons and the solutions of their exercises: edit those.
"""What survives the collector's death: the parts, and the checkpoint, which says how far the logs are read.

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

PARTS = "parts"
CHECKPOINT = "checkpoint.json"

Position = dict[str, Any]


class Checkpoint:
    """Lines that were read, and the positions behind them, on their way to the disk."""

    def __init__(self, folder: Path, start: Mapping[str, Any]) -> None:
        self.folder = folder
        self.spool: str = start["spool"]
        self.generation: int = start["generation"]
        self.positions: dict[str, Position] = dict(start["positions"])
        self.lines: dict[str, list[bytes]] = {}

    def take(self, container: str, position: Position, lines: Mapping[str, list[bytes]]) -> None:
        """Take new lines, by the part they belong to, and the position in the container's log behind them."""
        for part, some in lines.items():
            self.lines.setdefault(part, []).extend(some)
        self.positions[container] = position

    def commit(self) -> None:
        """Write what was taken since the last commit to the disk: from here on it survives."""
        generation = self.generation + 1
        for part, lines in self.lines.items():
            write_safely(self.folder / PARTS / f"{generation:012d}~{self.spool}~{part}", lines)
        sync_folder(self.folder / PARTS)
        self.generation = generation
        save(self)
        self.lines = {}


def save(checkpoint: Checkpoint) -> None:
    """Replace the checkpoint by one rename: a reader finds the old one or the new one, and never half of it."""
    state = {"spool": checkpoint.spool, "generation": checkpoint.generation, "positions": checkpoint.positions}
    temporary = checkpoint.folder / f"{CHECKPOINT}.new"
    write_safely(temporary, [json.dumps(state).encode()])
    temporary.replace(checkpoint.folder / CHECKPOINT)
    sync_folder(checkpoint.folder)


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
