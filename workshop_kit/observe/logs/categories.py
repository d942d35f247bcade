"""Fields with few values → a column of categories, without making a text of each. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from workshop_kit.observe.logs.lines import Lines
from workshop_kit.observe.logs.matching import Span

_WORD = 8
_MOST_BYTES = 2 * _WORD  # a text up to here is told by its size, its first and its last word
_MOST = 32  # different values
_LEFT = np.array([(1 << (8 * size)) - 1 for size in range(_WORD + 1)], np.uint64)  # by size: the bytes to look at
_SPECIAL = frozenset(b'"\\') | frozenset(range(32))


def category(lines: Lines, span: Span, whole: Any) -> Any:
    """A field as Arrow's dictionary; None where it has many values, long ones, or such with escapes."""
    rows = np.arange(len(whole)) if span.rows is None else span.rows
    good = whole[rows]
    rows, starts, ends = rows[good], span.starts[good], span.ends[good]
    sizes = ends - starts
    if not len(rows) or sizes.max() > _MOST_BYTES or len(lines.data) < starts[-1] + _WORD:
        return None
    words = np.ndarray(len(lines.data) - _WORD + 1, np.dtype("<u8"), lines.data, strides=(1,))
    looked_at = _LEFT[np.minimum(sizes, _WORD)]
    heads, tails = words[starts] & looked_at, words[np.maximum(ends - _WORD, starts)] & looked_at
    codes, other = np.zeros(len(rows), np.int8), np.ones(len(rows), bool)
    names: list[str] = []
    while other.any():
        one = other.argmax()
        name = lines.data[starts[one] : ends[one]]
        if len(names) == _MOST or not _SPECIAL.isdisjoint(name):
            return None
        same = (sizes == sizes[one]) & (heads == heads[one]) & (tails == tails[one])
        codes[same] = len(names)
        names.append(name.decode())
        other &= ~same
    places = np.full(len(whole), -1, np.int8)
    places[rows] = codes
    return pa.DictionaryArray.from_arrays(pa.array(places, mask=places < 0), pa.array(names, pa.string()))
