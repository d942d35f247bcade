"""Where the parts of an engine's record stand, told from its shape: most records need no JSON parser. Pure.

The engine writes ``{"log":"…","stream":"stdout","time":"…Z"}``. If a line has this beginning and this end, and what
stands between is one JSON string (which is for the caller to check), nothing else can be in it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from workshop_kit.observe.logs.times import UTC_NS

_SHORTEST_STAMP, _LONGEST_STAMP = 20, 30  # the engine leaves out zeros at the end of a fraction
_HEAD = 7  # up to the quote that opens the text
_TAIL = 19  # ,"stream":"stdout", up to the time
_LEAST = _HEAD + 2 + _TAIL + 8 + _SHORTEST_STAMP + 2


class Shapes(NamedTuple):
    """By line: where the quoted text starts and ends, the stream's code, the time; only ``usual`` ones have them."""

    starts: Any
    ends: Any
    codes: Any
    ns: Any
    usual: Any


def shapes(data: bytes, starts: Any, ends: Any) -> Shapes:
    """Look at each line (``ends`` is after its newline)."""
    view = np.frombuffer(data, np.uint8)
    words = np.ndarray(max(0, len(data) - 7), np.dtype("<u8"), data, strides=(1,))
    size = len(starts)
    found = Shapes(
        starts + _HEAD, starts.copy(), np.full(size, -1, np.int8), np.zeros(size, np.int64), np.zeros(size, bool)
    )
    last = ends - (view[ends - 1] == ord("\n")) if size else ends
    open_ones = np.flatnonzero(last - starts >= _LEAST)
    open_ones = open_ones[words[starts[open_ones]] == _word('{"log":"')]
    for length in range(_LONGEST_STAMP, _SHORTEST_STAMP - 1, -1):
        at = last[open_ones] - 2 - length - 8  # where "time":" should stand
        fits = (words[at] == _word('"time":"')) & (at - _TAIL - 1 > starts[open_ones] + _HEAD)
        rows, at = open_ones[fits], at[fits]
        open_ones = open_ones[~fits]
        _fill(found, view, words, rows, at, length, last)
    return found


def _fill(found: Shapes, view: Any, words: Any, rows: Any, at: Any, length: int, last: Any) -> None:
    """Take those rows whose stream, time and end are as usual."""
    if not len(rows):
        return
    names = words[at - 8]
    good = (words[at - 16] == _word('tream":"')) & ((names == _word('stdout",')) | (names == _word('stderr",')))
    for back, mark in ((20, '"'), (19, ","), (18, '"'), (17, "s")):
        good &= view[at - back] == ord(mark)
    for back, mark in ((3, "Z"), (2, '"'), (1, "}")):
        good &= view[last[rows] - back] == ord(mark)
    rows, at, names = rows[good], at[good], names[good]
    texts = np.ascontiguousarray(view[(at + 8)[:, None] + np.arange(length)])
    offsets = pa.py_buffer((np.arange(len(rows) + 1) * length).astype(np.int32))
    try:
        times = pa.StringArray.from_buffers(len(rows), offsets, pa.py_buffer(texts)).cast(UTC_NS).cast(pa.int64())
    except pa.ArrowInvalid:  # one of them only looks like a time
        return
    found.ns[rows] = times.to_numpy(zero_copy_only=False)
    found.ends[rows] = at - _TAIL
    found.codes[rows] = names == _word('stderr",')
    found.usual[rows] = True


def _word(text: str) -> int:
    return int.from_bytes(text.encode(), "little")
