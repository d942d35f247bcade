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
    other = whole.copy() if span.rows is None else whole[span.rows]
    sizes = np.where(other, span.ends - span.starts, -1)
    longest, most = sizes.max(initial=-1), len(lines.data) - _WORD
    if not 0 <= longest <= _MOST_BYTES or span.starts.max() > most:
        return None
    words = np.ndarray(most + 1, np.dtype("<u8"), lines.data, strides=(1,))
    looked_at = _LEFT[np.minimum(sizes, _WORD)]
    heads = tails = words[span.starts] & looked_at
    if longest > _WORD:
        tails = words[np.maximum(span.ends - _WORD, span.starts)] & looked_at
    codes = np.full(len(sizes), -1, np.int8)
    names: list[str] = []
    while other.any():
        one = other.argmax()
        name = lines.data[span.starts[one] : span.ends[one]]
        if len(names) == _MOST or not _SPECIAL.isdisjoint(name):
            return None
        same = (sizes == sizes[one]) & (heads == heads[one])
        if longest > _WORD:
            same &= tails == tails[one]
        codes[same] = len(names)
        names.append(name.decode())
        other &= ~same
    places = codes
    if span.rows is not None:
        places = np.full(len(whole), -1, np.int8)
        places[span.rows] = codes
    return pa.DictionaryArray.from_arrays(pa.array(places, mask=places < 0), pa.array(names, pa.string()))


def same(span: Span, whole: Any, as_category: bool) -> Any:
    """A field that says the same in all rows that have it, as Arrow's dictionary or as strings."""
    none = ~whole
    if span.rows is not None:
        none[:] = True
        none[span.rows] = ~whole[span.rows]
    places = pa.array(np.zeros(len(whole), np.int8), mask=none)
    names = pa.array([span.same], pa.string())
    return pa.DictionaryArray.from_arrays(places, names) if as_category else names.take(places)
