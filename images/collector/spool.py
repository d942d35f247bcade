"""The folder between reader and uploader: how it is found at a start, what waits in it, and how full it is."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .settings import CHECKPOINT, PARTS


@dataclass(frozen=True)
class Start:
    """What a start found: the checkpoint, or a new one; ``lost`` if there must have been one and it cannot be read."""

    checkpoint: dict[str, Any]
    lost: bool


def opened(folder: Path) -> Start:
    """Return the checkpoint, and remove what came after it: those lines will be read again."""
    (folder / PARTS).mkdir(parents=True, exist_ok=True)
    found = committed(folder)
    if found is None:
        lost = (folder / CHECKPOINT).exists() or bool(waiting(folder))
        return Start({"spool": secrets.token_hex(4), "generation": 0, "positions": {}}, lost)
    for part in waiting(folder):
        if part.spool == found["spool"] and part.generation > found["generation"]:
            part.path.unlink()
    return Start(found, lost=False)


def committed(folder: Path) -> dict[str, Any] | None:
    """The checkpoint as it is on the disk; None if there is none, or not a whole one."""
    try:
        found = json.loads((folder / CHECKPOINT).read_bytes())
        return found if {"spool", "generation", "positions"} <= found.keys() else None
    except (OSError, ValueError, AttributeError):
        return None


@dataclass(frozen=True, order=True)
class Part:
    """A part on the disk; the name says all."""

    spool: str
    generation: int
    environment: str
    service: str
    hour: str
    path: Path

    @property
    def key(self) -> str:
        """Where it goes in the bucket: the same part always to the same place."""
        day, _, hour = self.hour.partition("T")
        place = f"logs/{self.environment}/{self.service}/{day.replace('-', '/')}/{hour}"
        return f"{place}/{self.spool}-{self.generation:012d}.jsonl.gz"


def waiting(folder: Path) -> list[Part]:
    """Every part on the disk, those first that were written first."""
    parts = []
    for path in (folder / PARTS).iterdir():
        words = path.name.split("~")
        if len(words) == 5:
            generation, spool, environment, service, hour = words
            parts.append(Part(spool, int(generation), environment, service, hour, path))
    return sorted(parts, key=lambda part: (part.generation, part.key))


def size_bytes(folder: Path) -> int:
    """How much of the disk the parts take."""
    total = 0
    for path in (folder / PARTS).iterdir():
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # the uploader has just been there
            continue
    return total
