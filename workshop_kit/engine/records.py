"""A small file of validated records, a line of JSON each: incidents, and the games of game day."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from workshop_kit.files import read_small, write_atomically

Record = TypeVar("Record")
MAX_BYTES = 10_000_000


def read(path: Path, kind: type[Record]) -> list[Record]:
    """Return the records of a file, none without it. A line that is no record is left out.

    Raises WorkshopError if the file cannot be read.
    """
    try:
        content = read_small(path, max_bytes=MAX_BYTES)
    except FileNotFoundError:
        return []

    adapter: TypeAdapter[Record] = TypeAdapter(kind)
    records = []
    for line in content.split(b"\n"):
        try:
            records.append(adapter.validate_json(line))
        except ValidationError:
            continue
    return records


def write(path: Path, records: Sequence[object]) -> None:
    """Replace the records of a file. Raises WorkshopError if it cannot be written (a full disk, say)."""
    lines = [to_json(record) + b"\n" for record in records]
    write_atomically(path, b"".join(lines))
