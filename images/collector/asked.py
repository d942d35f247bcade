"""What can be asked inside the running container: flush, and status. The answer is a JSON object on stdout."""

from __future__ import annotations

import json
import secrets
import sys
import time
from pathlib import Path

from . import spool
from .settings import TALK
from .words import find, leave

FOLDER = Path("/var/lib/collector")


def flush(within_seconds: float) -> int:
    """Wait until what was written before now is in the bucket; exit code 1 if that takes longer."""
    deadline, token = time.monotonic() + within_seconds, secrets.token_hex(4)
    leave(TALK / "flush.json", {"token": token})
    generation: int | None = None
    while time.monotonic() < deadline:
        word = find(TALK / "flushed.json")
        if word and word["token"] == token:
            generation = word["generation"]
        if generation is not None and not any(part.generation <= generation for part in spool.waiting(FOLDER)):
            return _answer(collected=True)
        time.sleep(0.02)
    return _answer(collected=False)


def status() -> int:
    """Say what is followed, what waits, and since when the bucket is away."""
    return _answer()


def _answer(collected: bool = True) -> int:
    reader, uploader = find(TALK / "reader.json") or {}, find(TALK / "uploader.json") or {}
    waiting = {"waiting_parts": len(spool.waiting(FOLDER)), "waiting_bytes": spool.size_bytes(FOLDER)}
    sys.stdout.write(json.dumps({"collected": collected, **reader, **uploader, **waiting}) + "\n")
    return 0 if collected else 1
