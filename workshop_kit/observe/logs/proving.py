"""Which rows are proved to be extracted whole, told from how long they are; and text of numbers → numbers. Pure.

DuckDB gives each value as text. A line is at least as long as what was found in it, written as shortly as JSON allows:
the keys, quotes, colons and commas, and the values. If it is exactly as long, there is no room for anything else: no
other key, no key twice, no number where text was expected, not even a space. Most programs write lines like that. Where
the least length of a value is not sure (text that could be a number, a number with an exponent) nothing is proved.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workshop_kit.observe.logs.schema import BOOL, FLOAT, INT, JSON, TEXT, TIME, Types
from workshop_kit.observe.logs.times import nulls

_BARE = r"(?is)^(-?\d+(\.\d+)?(e[+-]?\d+)?|true|false|null|-?nan|-?inf(inity)?|[{\[].*)$"
_NUMBER = r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$"
_INTEGER = r"^-?\d{1,19}$"
_ESCAPED, _SIX_BYTES = r'["\\\x00-\x1f]', r"[\x00-\x07\x0b\x0e-\x1f]"  # \" has one byte more, \u001b four again
_ANY = 0xFFFFFFFF
_SMALL, _LARGE = 0.01, 1e15  # between them a fraction's text is as short as can be, if it ends with no zero


class Text(NamedTuple):
    """Arrow strings taken apart: the bytes, and where each text starts and ends in them."""

    data: Any
    starts: Any
    ends: Any


def text_of(strings: Any) -> Text:
    """Take strings (with 32 or 64 bits an offset) apart without copying them."""
    _, offsets, data = strings.buffers()
    kind = np.int64 if pa.types.is_large_string(strings.type) else np.int32
    places = np.frombuffer(offsets, kind)[strings.offset : strings.offset + len(strings) + 1]
    return Text(np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8), places[:-1], places[1:])


def objects(strings: Any) -> tuple[Any, Any]:
    """Which texts begin and end like a JSON object, and their lengths without a line end (spaces count)."""
    data, starts, ends = text_of(strings)
    if not len(data):
        return np.zeros(len(strings), bool), np.zeros(len(strings), np.int64)
    ends = ends - ((ends > starts) & (data[ends - 1] == ord("\n")))
    lengths = ends - starts
    last = ends - 1
    for _ in range(3):
        last = last - ((last > starts) & _SPACE[data[last]])
    fits = (last > starts) & (data[np.minimum(starts, len(data) - 1)] == ord("{")) & (data[last] == ord("}"))
    return fits, lengths


def least_lengths(columns: dict[str, Any], types: Types) -> tuple[Any, Any, dict[str, Any]]:
    """How long each line must be for what was found in it, where that is sure, and the columns with their own types."""
    size = len(next(iter(columns.values())))
    total, sure, typed = np.ones(size, np.int64), np.ones(size, bool), {}
    for key, kind in types.items():
        text = columns[key]
        typed[key], unsure = _typed(text, kind)
        sure &= ~unsure
        there = ~nulls(text) if text.null_count else True
        _, starts, ends = text_of(text)
        around = len(key.encode()) + (6 if kind in (TEXT, TIME) else 4)  # quotes, colon, comma
        total += (ends - starts + around) * there
    return np.maximum(total, 2), sure, typed  # one comma too many, two braces


def escaped_bytes(lines: Any, texts: list[Any], rows: Any) -> Any:
    """By row: how much longer the texts must be written, for quotes, backslashes and control characters; else 0."""
    extra = np.zeros(len(rows), np.int64)
    found = lines.take(pa.array(rows))
    some = np.flatnonzero(pc.match_substring(found, "\\").to_numpy(zero_copy_only=False))
    if not len(some):
        return extra
    places = pa.array(rows[some])
    patterns = [(_ESCAPED, 1)]
    if pc.any(pc.match_substring(found, "\\u")).as_py():
        patterns.append((_SIX_BYTES, 4))
    for text in texts:
        part = text.take(places)
        for pattern, more in patterns if part.null_count < len(part) else ():
            extra[some] += more * pc.fill_null(pc.count_substring_regex(part, pattern), 0).to_numpy(
                zero_copy_only=False
            )
    return extra


def _typed(text: Any, kind: str) -> tuple[Any, Any]:
    """The column with its type, and where the text may have been written in another way."""
    if kind == TEXT:
        return text, _could_be_bare(text)
    if kind == INT:
        return _integers(text)
    if kind == FLOAT:
        return _fractions(text)
    if kind == BOOL:
        values = pc.if_else(pc.equal(text, "true"), True, pc.if_else(pc.equal(text, "false"), False, None))
        return values, ~nulls(text) & nulls(values)
    return text, ~nulls(text) if kind == JSON else np.zeros(len(text), bool)


def _integers(text: Any) -> tuple[Any, Any]:
    try:
        return text.cast(pa.int64()), np.zeros(len(text), bool)
    except pa.ArrowInvalid:
        good = pc.fill_null(pc.match_substring_regex(text, _INTEGER), False)
    found = [int(one) for one in text.filter(good).to_pylist()]
    whole = [one if -(2**63) <= one < 2**63 else None for one in found]
    mask = good.to_numpy(zero_copy_only=False)
    values = pc.replace_with_mask(pa.nulls(len(text), pa.int64()), good, pa.array(whole, pa.int64()))
    return values, ~mask & ~nulls(text)


def _fractions(text: Any) -> tuple[Any, Any]:
    try:
        values = text.cast(pa.float64())
    except pa.ArrowInvalid:
        values = pc.if_else(pc.match_substring_regex(text, _NUMBER), text, None).cast(pa.float64())
    numbers = np.abs(values.to_numpy(zero_copy_only=False))
    with np.errstate(invalid="ignore"):
        sure = (numbers == 0) | ((numbers >= _SMALL) & (numbers < _LARGE) & (numbers % 10 != 0))
    return values, ~sure & ~nulls(text)


def _could_be_bare(text: Any) -> Any:
    """Where a text looks like what is no text in JSON."""
    data, starts, ends = text_of(text)
    found = np.zeros(len(text), bool)
    if not len(data):
        return found
    lengths = ends - starts
    first = data[np.minimum(starts, len(data) - 1)]
    rows = np.flatnonzero((_LENGTHS[first] >> np.minimum(lengths, 31).astype(np.uint32)) & 1)
    if len(rows):
        last = data[ends[rows] - 1]
        rows = rows[~_DIGIT[first[rows]] | _DIGIT[last]]
    if len(rows):
        hits = pc.match_substring_regex(text.take(pa.array(rows)), _BARE)
        found[rows] = pc.fill_null(hits, False).to_numpy(zero_copy_only=False)
    return found


def _table(lengths: dict[str, int]) -> Any:
    """By first byte: which lengths (bits) a text may have that is no JSON string."""
    table = np.zeros(256, np.uint32)
    for characters, bits in lengths.items():
        table[[ord(one) for one in characters]] = bits
    return table


_LENGTHS = _table({"0123456789-{[": _ANY - 1, "tT": 1 << 4, "fF": 1 << 5, "nN": 1 << 3 | 1 << 4, "iI": 1 << 3 | 1 << 8})
_DIGIT = np.zeros(256, bool)
_DIGIT[ord("0") : ord("9") + 1] = True
_SPACE = np.zeros(256, bool)
_SPACE[[ord(one) for one in " \t\r\n"]] = True
