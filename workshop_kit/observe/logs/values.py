"""Texts of values → columns of their types, and the rows whose value is not what it looked like. Pure.

What comes here was cut out at quotes and commas; only here it is made sure that it is JSON: no control character in a
text, no escape but those of RFC 8259, numbers as they are written there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workshop_kit.observe.logs import times
from workshop_kit.observe.logs.lines import all_unquoted
from workshop_kit.observe.logs.mending import put
from workshop_kit.observe.logs.schema import BOOL, EXACT_INT, FLOAT, INT, TIME

_NUMBER = r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$"
_INTEGER = r"^-?(0|[1-9]\d{0,18})$"
_SPACE, _QUOTE, _BACKSLASH, _MINUS, _ZERO, _POINT = 32, ord('"'), ord("\\"), ord("-"), ord("0"), ord(".")
_DIGIT = np.isin(np.arange(256), list(b"0123456789"))
_STRIDE = 1 << 18  # fits into the processor's cache
NO_ROWS = np.zeros(0, np.int64)


def typed(texts: Any, kind: str) -> tuple[Any, Any]:
    """Texts as values of a column's type, and the rows whose text is no such value."""
    if kind == INT:
        return _integers(texts)
    if kind == FLOAT:
        return _fractions(texts)
    if kind == BOOL:
        values = pc.if_else(pc.equal(texts, "true"), True, pc.if_else(pc.equal(texts, "false"), False, None))
        return values, _lost(texts, values)
    if kind == TIME:
        values, unfit = times.column(texts)
        return values, np.flatnonzero(unfit)
    return texts, NO_ROWS


def meant(texts: Any, quoted: bool) -> tuple[Any, Any]:
    """What strings of JSON mean, and the rows where one is none; what comes is what stands between the quotes.

    ``quoted`` ones stand in a JSON string themselves.
    """
    view, starts, ends = _content(texts)
    special = _special(view[: ends[-1]] if len(ends) else view)
    if not len(special):
        return texts, NO_ROWS
    rows = np.unique(np.searchsorted(ends, special, "right"))
    inner = [view[start:end].tobytes() for start, end in zip(starts[rows], ends[rows], strict=True)]
    found = _meanings(inner, quoted)
    return put(texts, rows, found), rows[[one is None for one in found]]


def _content(texts: Any) -> tuple[Any, Any, Any]:
    """The bytes of Arrow strings (with 32 bits an offset), and where each one starts and ends."""
    _, offsets, data = texts.buffers()
    places = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8), places[:-1], places[1:]


def _special(view: Any) -> Any:
    """Where a byte stands that means something else in JSON, or nothing."""
    found = [NO_ROWS]
    for at in range(0, len(view), _STRIDE):
        part = view[at : at + _STRIDE]
        found.append(np.flatnonzero((part < _SPACE) | (part == _QUOTE) | (part == _BACKSLASH)) + at)
    return np.concatenate(found)


def _meanings(contents: list[bytes], quoted: bool) -> list[str | None]:
    if not quoted:
        return all_unquoted(contents)
    inner = all_unquoted(contents)
    found = iter(all_unquoted([one.encode() for one in inner if one is not None]))
    return [None if one is None else next(found) for one in inner]


def _integers(texts: Any) -> tuple[Any, Any]:
    try:
        values = texts.cast(pa.int64())
    except pa.ArrowInvalid:
        good = pc.match_substring_regex(texts, _INTEGER)
        found = [None if one is None else int(one) for one in pc.if_else(good, texts, None).to_pylist()]
        values = pa.array([one if one is not None and -(2**63) <= one < 2**63 else None for one in found], pa.int64())
        return values, _lost(texts, values)
    view, starts, ends = _content(texts)
    if not len(view):
        return values, NO_ROWS
    starts = starts + (view[np.minimum(starts, len(view) - 1)] == _MINUS)
    return values, np.flatnonzero((ends - starts > 1) & (view[np.minimum(starts, len(view) - 1)] == _ZERO))  # 007, 0x7


def _fractions(texts: Any) -> tuple[Any, Any]:
    odd = NO_ROWS
    try:
        values = texts.cast(pa.float64()) if _are_usual(texts) else None
    except pa.ArrowInvalid:
        values = None
    if values is None:
        values = pc.if_else(pc.match_substring_regex(texts, _NUMBER), texts, None).cast(pa.float64())
        odd = _lost(texts, values)
    with np.errstate(invalid="ignore"):
        large = np.abs(values.to_numpy(zero_copy_only=False)) >= EXACT_INT  # there the last digit may be lost
    return values, np.union1d(odd, np.flatnonzero(large)) if large.any() else odd


def _are_usual(texts: Any) -> bool:
    """Whether all that Arrow takes for a number is one of JSON: it lets 1. and 01 and 1.e5 and Infinity pass, too."""
    view, starts, ends = _content(texts)
    there = ends > starts
    view, starts, ends = view[: ends[-1]] if len(ends) else view, starts[there], ends[there]
    if not len(starts) or ((view == ord("e")) | (view == ord("E"))).any():
        return False
    starts = starts + (view[starts] == _MINUS)
    first, second = view[np.minimum(starts, len(view) - 1)], view[np.minimum(starts + 1, len(view) - 1)]
    good = _DIGIT[first] & _DIGIT[view[ends - 1]] & ((first != _ZERO) | (second == _POINT) | (ends - starts == 1))
    return bool(good.all())


def _lost(texts: Any, values: Any) -> Any:
    """Where there was a text and is no value."""
    return np.flatnonzero((pc.is_valid(texts).to_numpy(zero_copy_only=False)) & times.nulls(values))
