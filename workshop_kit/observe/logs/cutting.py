"""Bytes → blocks of lines, without a loop over the lines. Pure.

A line ends at a newline and nowhere else (a lone carriage return, U+2028, a form feed are text); what has no newline at
the end of the data is a line, too. Bytes that are not UTF-8 become U+FFFD.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from workshop_kit.observe.logs.lines import Lines

BLOCK_BYTES = 10 * 1024 * 1024
_STRIDE = 1 << 18  # newlines are looked for in pieces that fit into the processor's cache
_AHEAD_BYTES = 1 << 16
REPLACEMENT = "\N{REPLACEMENT CHARACTER}".encode()


@dataclass(frozen=True)
class Block:
    """Some lines, each with its line end if it has one, and as many values of Arrow's of what is known about them.

    ``received`` (times), ``stream`` and ``attrs`` (strings) are None where the source does not tell. ``foreign`` are
    rows that stand for a record which could not be read as one. ``counts`` goes into the frame's attrs.
    """

    lines: Lines
    received: Any = None
    stream: Any = None
    attrs: Any = None
    foreign: frozenset[int] = frozenset()
    counts: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.lines)


def plain(data: bytes) -> Block:
    """The lines of some text."""
    data, counts = clean(data)
    return Block(cut(data), counts=counts)


def cut(data: bytes) -> Lines:
    """The lines of some valid UTF-8."""
    ends = line_ends(data)
    return Lines(data, np.concatenate([np.zeros(1, np.int64), ends])[:-1], ends)


def clean(data: bytes) -> tuple[bytes, Counter[str]]:
    """The same as valid UTF-8, and what was counted: ``replacements`` (any U+FFFD in it) and ``crlf``."""
    offsets = np.array([0, len(data)], np.int64)
    try:
        pa.LargeStringArray.from_buffers(1, pa.py_buffer(offsets), pa.py_buffer(data)).validate(full=True)
    except pa.ArrowInvalid:
        data = data.decode("utf-8", "replace").encode()
    counts = Counter(replacements=_count(data, REPLACEMENT), crlf=_count(data, b"\r\n"))
    return data, +counts


def _count(data: bytes, what: bytes) -> int:
    """Counting two bytes costs a pass over everything, looking for one next to nothing."""
    first = data.find(what[:1])
    return data.count(what, first) if first >= 0 else 0


def line_ends(data: bytes | memoryview) -> Any:
    """Where each line ends: after its newline, or at the end of the data."""
    view = np.frombuffer(data, np.uint8)
    found = [np.flatnonzero(view[at : at + _STRIDE] == 10) + (at + 1) for at in range(0, len(view), _STRIDE)]
    if len(view) and view[-1] != 10:
        found.append(np.array([len(data)]))
    return np.concatenate(found).astype(np.int64) if found else np.zeros(0, np.int64)


class Readable(Protocol):
    """Anything to read bytes from."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, empty at the end."""


def blocks(file: Readable, block_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """A file in pieces of whole lines; a line longer than a block is a longer piece."""
    waiting: list[bytes] = []
    while data := file.read(_whole_lines(file, block_bytes)):
        end = data.rfind(b"\n") + 1
        if end == len(data) and not waiting:
            yield data
        elif end:
            yield b"".join([*waiting, data[:end]])
            waiting = [data[end:]] if end < len(data) else []
        else:
            waiting.append(data)
    if waiting:
        yield b"".join(waiting)


def _whole_lines(file: Any, most: int) -> int:
    """How much to read so that a line ends there, which saves a copy; of what cannot be looked ahead in, ``most``."""
    if not getattr(file, "seekable", bool)():
        return most
    start = file.tell()
    file.seek(start + max(0, most - _AHEAD_BYTES))
    end = file.read(min(most, _AHEAD_BYTES)).rfind(b"\n") + 1
    file.seek(start)
    return most - _AHEAD_BYTES + end if end and most > _AHEAD_BYTES else most
