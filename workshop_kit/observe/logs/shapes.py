"""Where the parts of an engine's record stand, told from its shape: most records need no JSON parser. Pure.

The engine writes ``{"log":"…","stream":"stdout","time":"…Z"}``, with labels ``"attrs":{…},`` before the time; the
collector writes them after it. If a line has this beginning and this end, and what stands between is one JSON string
(which is for the caller to check), nothing else can be in it. Labels are the same on many lines: each text is judged
once, then looked for byte by byte.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.lib.stride_tricks import sliding_window_view

from workshop_kit.observe.logs.judging import judge
from workshop_kit.observe.logs.times import UTC_NS

_SHORTEST_STAMP, _LONGEST_STAMP = 20, 30  # the engine leaves out zeros at the end of a fraction
OPENING = b'{"log":"'
_HEAD = len(OPENING) - 1  # up to the quote that opens the text
_TAIL = 19  # ,"stream":"stdout", up to the time
_LEAST = _HEAD + 2 + _TAIL + 8 + _SHORTEST_STAMP + 2
_LABELS = rb',"attrs":(\{[^{}\\]*\})'
_ENDS = re.compile(_LABELS + rb"\}$")
_BEFORE_TIME = re.compile(_LABELS + rb"$")
_TRIES = 16  # lines of a block that are looked at for labels that are new


class Shapes(NamedTuple):
    """By line: where the quoted text starts and ends, the stream's code, the time; only ``usual`` ones have them.

    ``labels`` are codes: places in ``texts``, -1 where there are none.
    """

    starts: Any
    ends: Any
    codes: Any
    ns: Any
    usual: Any
    labels: Any
    texts: list[str]


def shapes(data: bytes, starts: Any, ends: Any) -> Shapes:
    """Look at each line (``ends`` is after its newline)."""
    view = np.frombuffer(data, np.uint8)
    words = np.ndarray(max(0, len(data) - 7), np.dtype("<u8"), data, strides=(1,))
    size = len(starts)
    found = Shapes(
        starts + _HEAD,
        starts.copy(),
        np.full(size, -1, np.int8),
        np.zeros(size, np.int64),
        np.zeros(size, bool),
        np.full(size, -1, np.int32),
        [],
    )
    last = ends - (view[ends - 1] == ord("\n")) if size else ends
    open_ones = np.flatnonzero(last - starts >= _LEAST)
    open_ones = open_ones[words[starts[open_ones]] == _word(OPENING.decode())]
    open_ones = open_ones[view[last[open_ones] - 1] == ord("}")]
    after = last - 1 - _labels(found, data, open_ones, last, _ENDS, 1)  # the time's closing quote stands before
    for length in range(_LONGEST_STAMP, _SHORTEST_STAMP - 1, -1):
        if not len(open_ones):
            break
        at = after[open_ones] - 1 - length - 8  # where "time":" should stand
        fits = at - _TAIL - 1 > starts[open_ones] + _HEAD
        fits &= words[np.maximum(at, 0)] == _word('"time":"')
        rows, at, open_ones = (
            (open_ones, at, open_ones[:0]) if fits.all() else (open_ones[fits], at[fits], open_ones[~fits])
        )
        if len(rows):
            _fill(found, data, view, words, rows, at, length)
    return found


def _fill(found: Shapes, data: bytes, view: Any, words: Any, rows: Any, at: Any, length: int) -> None:
    """Take those rows whose stream, time and end are as usual."""
    place = np.zeros(len(found.usual), np.int64)
    place[rows] = at - 1  # the comma before the time: labels may end there
    stream = at - _labels(found, data, rows, place, _BEFORE_TIME, 0)[rows]
    fits = stream - _TAIL - 1 > found.starts[rows]
    if not fits.all():
        rows, at, stream = rows[fits], at[fits], stream[fits]
    names = words[stream - 8]
    good = (words[stream - 16] == _word('tream":"')) & ((names == _word('stdout",')) | (names == _word('stderr",')))
    good &= words[stream - 24] >> np.uint64(32) == _word('","s')
    good &= (view[at + 8 + length - 1] == ord("Z")) & (view[at + 8 + length] == ord('"')) & (view[at - 1] == ord(","))
    if not good.all():
        rows, at, stream, names = rows[good], at[good], stream[good], names[good]
    times = _times(view, at + 8, length)
    if times is None:  # one of them only looks like a time
        return
    found.ns[rows] = times
    found.ends[rows] = stream - _TAIL
    found.codes[rows] = names == _word('stderr",')
    found.usual[rows] = True


def _times(view: Any, starts: Any, length: int) -> Any:
    if not len(starts):
        return np.zeros(0, np.int64)
    texts = sliding_window_view(view, length)[starts]
    offsets = pa.py_buffer((np.arange(len(starts) + 1) * length).astype(np.int32))
    try:
        strings = pa.StringArray.from_buffers(len(starts), offsets, pa.py_buffer(texts))
        return strings.cast(UTC_NS).cast(pa.int64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None


def _labels(found: Shapes, data: bytes, rows: Any, ends: Any, shape: re.Pattern[bytes], more: int) -> Any:
    """How long the labels are that end (``more`` bytes before) where ``ends`` says, by line; 0 where there are none."""
    sizes = np.zeros(len(ends), np.int64)
    view = np.frombuffer(data, np.uint8)
    rows = rows[(found.labels[rows] < 0) & (view[ends[rows] - 1 - more] == ord("}"))]
    for _ in range(_TRIES):
        if not len(rows):
            break
        row = rows[len(rows) // 2]
        line = data[found.starts[row] : ends[row]]
        match = shape.search(line, max(0, line.rfind(b',"attrs":')))
        if match is None or judge(match[1].decode()).reason:
            rows = rows[rows != row]
            continue
        label, text = match[0][: len(match[0]) - more], match[1].decode()
        if text not in found.texts:
            found.texts.append(text)
        rows = rows[ends[rows] - more - len(label) > found.starts[rows]]
        windows = sliding_window_view(view, len(label))[ends[rows] - more - len(label)]
        same = (windows == np.frombuffer(label, np.uint8)).all(axis=1)
        sizes[rows[same]] = len(label)
        found.labels[rows[same]] = found.texts.index(text)
        rows = rows[~same]
    return sizes


def _word(text: str) -> int:
    return int.from_bytes(text.encode(), "little")
