"""What the collector says of itself on stdout: a JSON object a line, like the service's own."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def say(level: str, msg: str, **more: Any) -> None:
    """Write one line to stdout."""
    line = {"ts": now(), "level": level, "logger": "collector", "msg": msg, **more}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def now() -> str:
    """The time as the service writes it: UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def leave(path: Path, value: Any) -> None:
    """Leave word for another process: a JSON file that is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(value))
    temporary.replace(path)


def find(path: Path) -> Any:
    """What another process left there, or None."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None
