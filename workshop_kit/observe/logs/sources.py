"""The forms in which logs come → blocks of lines with what is known about them. Pure.

Each source takes bytes as they come (``feed``: whole lines or messages, but for the engine's stream, which may be split
anywhere) and gives blocks; ``end`` gives what was unfinished.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.lib.stride_tricks import sliding_window_view

from workshop_kit.observe.joining import SPLIT_BYTES
from workshop_kit.observe.logs.cutting import Block, clean, cut, plain
from workshop_kit.observe.logs.lines import NO_LINES, Lines, lines_of
from workshop_kit.observe.logs.mending import put
from workshop_kit.observe.logs.pieces import MAX_LINE_BYTES
from workshop_kit.observe.logs.times import UTC_NS, instant

_STAMP = 30  # "2026-11-24T16:06:14.797497811Z"
_MARKS = {4: "-", 10: "T", 19: ".", 29: "Z", 30: " "}


class Source(Protocol):
    """Bytes in, blocks out."""

    def feed(self, data: bytes) -> Block:
        """The next bytes."""

    def end(self) -> list[Block]:
        """There are no more."""


NOTHING = Block(NO_LINES)


class Plain:
    """Lines as a program wrote them, or as ``docker logs`` shows them."""

    def feed(self, data: bytes) -> Block:
        """Whole lines; only the last ones may lack an end."""
        return plain(data)

    def end(self) -> list[Block]:
        """Nothing is ever unfinished."""
        return []


class Stamped:
    """Lines as ``docker logs --timestamps`` shows them: each with the engine's time before it."""

    def feed(self, data: bytes) -> Block:
        """Whole lines; only the last one may lack an end. A line without a timestamp is kept as it is."""
        data, counts = clean(data)
        whole = cut(data)
        received, after = stamps(data, whole.starts, whole.ends)
        lines = Lines(data, after, whole.ends)
        long = np.flatnonzero(whole.sizes > SPLIT_BYTES)
        if len(long):
            stamped = [data[whole.starts[row] : whole.ends[row]] for row in long]
            sizes = after[long] - whole.starts[long]
            joined = [_without_inner_stamps(*one) for one in zip(stamped, sizes, strict=True)]
            counts["pieces_joined"] += sum(pieces for _, pieces in joined)
            lines = lines_of(put(lines.strings(), long, [line.decode() for line, _ in joined]))
        return Block(lines, received, counts=counts)

    def end(self) -> list[Block]:
        """Nothing is ever unfinished."""
        return []


class Anywhere:
    """Makes of a source of whole lines one whose bytes may be split anywhere, in bounded memory."""

    def __init__(self, source: Source, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._source = source
        self._cap = max_line_bytes
        self._waiting: list[bytes] = []
        self._size = 0
        self._cut = 0

    def feed(self, data: bytes) -> Block:
        """The next bytes. Of a line longer than the cap the rest is left out, and counted in ``cut_bytes``."""
        end = data.rfind(b"\n") + 1
        if not end:
            self._wait(data)
            return NOTHING
        first = data.find(b"\n")
        self._wait(data[:first])
        block = self._source.feed(b"".join([*self._waiting, data[first:end]]))
        block.counts.update({"cut_bytes": self._cut} if self._cut else {})
        self._waiting, self._size, self._cut = [], 0, 0
        self._wait(data[end:])
        return block

    def end(self) -> list[Block]:
        """A last line without an end is a line."""
        block = self._source.feed(b"".join(self._waiting))
        block.counts.update({"cut_bytes": self._cut} if self._cut else {})
        self._waiting, self._size, self._cut = [], 0, 0
        return [block, *self._source.end()]

    def _wait(self, data: bytes) -> None:
        kept = data[: self._cap - self._size]
        if kept:
            self._waiting.append(kept)
        self._size += len(kept)
        self._cut += len(data) - len(kept)


def stamps(data: bytes, starts: Any, ends: Any) -> tuple[Any, Any]:
    """The times before some texts, and where the texts begin after them; null where there is no timestamp."""
    view = np.frombuffer(data, np.uint8)
    usual = ends - starts > _STAMP
    for place, mark in _MARKS.items():
        usual &= view[np.minimum(starts + place, len(view) - 1)] == ord(mark)
    rows = np.flatnonzero(usual)
    texts = sliding_window_view(view, _STAMP)[starts[rows]] if len(rows) else np.zeros((0, _STAMP), np.uint8)
    offsets = pa.py_buffer((np.arange(len(rows) + 1) * _STAMP).astype(np.int32))
    try:
        strings = pa.StringArray.from_buffers(len(rows), offsets, pa.py_buffer(np.ascontiguousarray(texts)))
        found = strings.cast(UTC_NS).cast(pa.int64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:  # text that only looks like it
        rows, found = np.zeros(0, np.int64), np.zeros(0, np.int64)
    times, after = np.full(len(starts), _NEVER), starts.copy()
    times[rows] = found
    after[rows] += _STAMP + 1
    for row in np.flatnonzero(times == _NEVER):
        stamp, _, _ = data[starts[row] : min(ends[row], starts[row] + _LONGEST_STAMP)].partition(b" ")
        one = instant(stamp.decode("ascii", "replace"))
        if one and starts[row] + len(stamp) < ends[row]:
            times[row] = one.ns
            after[row] += len(stamp) + 1
    return pa.array(times, pa.int64(), mask=times == _NEVER).cast(UTC_NS), after


_NEVER = -(2**63)
_LONGEST_STAMP = 40


def _without_inner_stamps(line: bytes, after: int) -> tuple[bytes, int]:
    """The text of a long line, before each piece of which stands the same timestamp; and how many more pieces."""
    stamp, parts, start = line[:after], [], after
    while stamp and (again := line.find(stamp, start + SPLIT_BYTES)) >= 0:
        parts.append(line[start:again])
        start = again + len(stamp)
    return b"".join([*parts, line[start:]]), len(parts)
