"""The newest of something, kept as JSON lines in a file of the workspace: any process may read what another wrote."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from workshop_kit.workspace.files import explain, write_atomically


def read(path: Path) -> list[dict[str, Any]]:
    """The records, oldest first; a line that cannot be read is none, and so is a file that is not there."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError:
        return []
    found = []
    for line in lines:
        with contextlib.suppress(ValueError):
            record = json.loads(line)
            if isinstance(record, dict):
                found.append(record)
    return found


def keep(path: Path, records: Iterable[Mapping[str, Any]], *, most: int) -> None:
    """Write the last ``most`` of the records in place of what was there. Raises WorkshopError for a full disk."""
    lines = [json.dumps(record, default=str) for record in [*records][-most:]]
    try:
        write_atomically(path, "".join(f"{line}\n" for line in lines).encode())
    except OSError as error:
        raise explain(error, path) from error
