"""Parts on the disk that wait for the upload, and the state that a start finds.

A part has lines of one service and hour; its name is GENERATION~SPOOL~ENVIRONMENT~SERVICE~HOUR.
"""

import json
import secrets
from pathlib import Path
from typing import Any

from .checkpoint import CHECKPOINT, PARTS


def waiting_parts(folder: Path) -> list[Path]:
    """Return every part on the disk, the oldest first."""
    return sorted(path for path in (folder / PARTS).iterdir() if path.name.count("~") == 4)


def object_key(part: Path) -> str:
    """Return a part's object key; the same part always has the same key."""
    generation, spool, environment, service, hour = part.name.split("~")
    folder = f"logs/{environment}/{service}/{hour.replace('-', '/').replace('T', '/')}"
    return f"{folder}/{spool}-{generation}.jsonl.gz"


def is_committed(part: Path, checkpoint: dict[str, Any]) -> bool:
    """Return whether the checkpoint includes a part. The lines of other parts are read again."""
    generation, spool = part.name.split("~")[:2]
    return bool(spool != checkpoint["spool"] or int(generation) <= checkpoint["generation"])


def read_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Read the checkpoint; None if it is missing or incomplete."""
    try:
        found = json.loads((folder / CHECKPOINT).read_bytes())
        return found if {"spool", "generation", "positions"} <= found.keys() else None
    except (OSError, ValueError, AttributeError):
        return None


def restore(folder: Path) -> tuple[dict[str, Any], bool]:
    """Return the checkpoint to start from and whether one was lost; remove uncommitted parts."""
    (folder / PARTS).mkdir(parents=True, exist_ok=True)
    found = read_checkpoint(folder)
    if found is None:
        lost = (folder / CHECKPOINT).exists() or bool(waiting_parts(folder))
        return {"spool": secrets.token_hex(4), "generation": 0, "positions": {}}, lost
    for part in waiting_parts(folder):
        if not is_committed(part, found):
            part.unlink()
    return found, False
