"""The engine's stream of a container without a terminal → blocks of lines. Pure."""

from __future__ import annotations

import struct
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workshop_kit.observe.logs.cutting import Block, line_ends
from workshop_kit.observe.logs.lines import Lines, lines_of
from workshop_kit.observe.logs.pieces import MAX_LINE_BYTES, Joiner, stream_array
from workshop_kit.observe.logs.sources import NOTHING, stamps

_LARGE = pa.large_string()
_HEADER = 8
_NEWLINE = 10
_STREAM_OF_CODE = np.array([2, 0, 1, 3], np.int8)  # the engine's numbers → places in STREAMS


class Messages:
    """The engine's stream of a container without a terminal: messages with a header of 8 bytes, with timestamps."""

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._waiting = b""
        self._joiner = Joiner(max_line_bytes)

    def feed(self, data: bytes) -> Block:
        """The next bytes, split anywhere."""
        data = self._waiting + data if self._waiting else data
        starts, ends, streams = framed(data)
        used = int(ends[-1]) if len(ends) else 0
        self._waiting = data[used:]
        return self._block(data[:used], starts, ends, streams)

    @property
    def unfinished(self) -> set[tuple[int, int]]:
        """Time and stream of the lines of which more may come."""
        return self._joiner.unfinished

    def end(self) -> list[Block]:
        """A message that was cut short is given as it is; so is a line whose last piece never came."""
        data, self._waiting = self._waiting, b""
        cut = []
        if len(data) > _HEADER:
            cut.append(self._block(data, np.array([_HEADER]), np.array([len(data)]), np.array([data[0]])))
        return [*cut, self._joiner.end()]

    def _block(self, data: bytes, starts: Any, ends: Any, codes: Any) -> Block:
        if not len(starts):
            return NOTHING
        received, after = stamps(data, starts, ends)
        view = np.frombuffer(data, np.uint8)
        lines, counts = _valid(data, after, ends)
        block = Block(lines, received, stream_array(_STREAM_OF_CODE[np.minimum(codes, 3)]), counts=counts)
        if _has_inner_newlines(view, starts, ends):
            return self._joiner.feed(_one_line_each(block))
        return self._joiner.feed(block, (ends > after) & (view[ends - 1] == _NEWLINE))


def _has_inner_newlines(view: Any, starts: Any, ends: Any) -> bool:
    """The engine makes a message of every line; another one may put several into a message."""
    newlines = line_ends(view.data) - 1
    if not len(newlines):
        return False
    next_ones = newlines[np.minimum(np.searchsorted(newlines, starts), len(newlines) - 1)]
    return bool(np.any((next_ones >= starts) & (next_ones < ends - 1)))


def framed(data: bytes) -> tuple[Any, Any, Any]:
    """Where the texts of the whole messages start and end, and the engine's numbers of their streams."""
    starts, at, size = [], 0, len(data)
    read = struct.Struct(">xxxxI").unpack_from
    while at + _HEADER <= size:
        end = at + _HEADER + read(data, at)[0]
        if end > size:
            break
        starts.append(at + _HEADER)
        at = end
    begins = np.array(starts, np.int64)
    ends = np.append(begins[1:] - _HEADER, at) if starts else begins
    return begins, ends, np.frombuffer(data, np.uint8)[begins - _HEADER]


def _valid(data: bytes, starts: Any, ends: Any) -> tuple[Lines, Counter[str]]:
    """Parts of some bytes as lines, valid UTF-8; the headers between them are not text and do not count."""
    text = Lines(data, starts, ends).strings()
    counts: Counter[str] = Counter()
    try:
        text.validate(full=True)
        replaced = b"\xef" in data
    except pa.ArrowInvalid:
        text = pa.array([data[a:b].decode("utf-8", "replace") for a, b in zip(starts, ends, strict=True)], _LARGE)
        replaced = True
    if replaced:
        counts["replacements"] = pc.sum(pc.count_substring(text, "\ufffd")).as_py() or 0
    if b"\r" in data:
        counts["crlf"] = pc.sum(pc.ends_with(text, "\r\n")).as_py() or 0
    return lines_of(text), +counts


def _one_line_each(block: Block) -> Block:
    """Messages of several lines taken apart."""
    parts = [text.split("\n") for text in block.lines.strings().to_pylist()]
    lines = [[f"{one}\n" for one in part[:-1]] + ([part[-1]] if part[-1] else []) for part in parts]
    rows = pa.array(np.repeat(np.arange(len(lines)), [len(one) for one in lines]))
    text = pa.array([line for one in lines for line in one], _LARGE)
    return Block(lines_of(text), block.received.take(rows), block.stream.take(rows), counts=block.counts)
