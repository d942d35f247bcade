"""Parts that have been read once, kept on disk in columns: the second look needs no parsing."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from workshop_kit.observe.log_store.tables import agreed, conformed

VERSION = 2
"""Goes up when what stands in the columns changes: then everything is read anew."""
_PARTS, _DAMAGED = b"workshop.parts", b"workshop.damaged"


@dataclass(frozen=True)
class Segment:
    """The lines of some parts (key → ETag); of the ``damaged`` ones the end is missing. ``path`` is its file."""

    parts: Mapping[str, str]
    damaged: tuple[str, ...]
    table: Any
    path: Path


def write(folder: Path, parts: Mapping[str, str], damaged: tuple[str, ...], table: Any) -> Segment:
    """Keep a table; the file is there whole or not at all."""
    name = hashlib.sha256(json.dumps([VERSION, sorted(parts.items())]).encode()).hexdigest()[:32]
    path = folder / f"{name}.arrow"
    told = {_PARTS: json.dumps(dict(parts)).encode(), _DAMAGED: json.dumps(damaged).encode()}
    table = table.replace_schema_metadata({**told, b"workshop.version": str(VERSION).encode()})
    draft = path.with_name(f"{name}.{os.getpid()}.{secrets.token_hex(4)}.draft")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        options = pa.ipc.IpcWriteOptions(compression="lz4", unify_dictionaries=True)
        with pa.OSFile(str(draft), "wb") as file, pa.ipc.new_file(file, table.schema, options=options) as writer:
            writer.write_table(table)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return Segment(dict(parts), damaged, table, path)


def kept(folder: Path, wanted: Mapping[str, str], have: frozenset[str]) -> Iterator[Segment]:
    """The segments on disk whose parts are all wanted, and are not among those we have already."""
    taken = set(have)
    for path in sorted(folder.glob("*.arrow"), key=_size_bytes, reverse=True):
        segment = _read(path, wanted, taken)
        if segment:
            taken |= set(segment.parts)
            yield segment


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # another process has just joined it with others
        return 0


def _read(path: Path, wanted: Mapping[str, str], taken: set[str]) -> Segment | None:
    try:
        with pa.OSFile(str(path), "rb") as file, pa.ipc.open_file(file) as reader:
            told = reader.schema.metadata or {}
            parts = json.loads(told[_PARTS])
            if told[b"workshop.version"] != str(VERSION).encode():
                raise ValueError("of another version")
            if taken & parts.keys() or any(wanted.get(key) != tag for key, tag in parts.items()):
                return None
            return Segment(parts, tuple(json.loads(told[_DAMAGED])), reader.read_all(), path)
    except FileNotFoundError:  # another process has just joined it with others
        return None
    except (pa.ArrowException, OSError, ValueError, KeyError):
        with contextlib.suppress(OSError):
            path.unlink()
        return None


def joined(folder: Path, segments: list[Segment]) -> Segment:
    """One segment instead of many."""
    tables = [segment.table for segment in segments]
    kinds = agreed(tables)
    table = pa.concat_tables([conformed(one, kinds).replace_schema_metadata() for one in tables])
    parts = {key: tag for segment in segments for key, tag in segment.parts.items()}
    whole = write(folder, parts, tuple(key for one in segments for key in one.damaged), table)
    for segment in segments:
        segment.path.unlink(missing_ok=True)
    return whole
