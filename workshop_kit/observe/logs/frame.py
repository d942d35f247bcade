"""Parsed blocks → one DataFrame, and a row of it → everything its line said."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from workshop_kit.observe.logs.cutting import Block
from workshop_kit.observe.logs.judging import REASONS
from workshop_kit.observe.logs.mending import Parsed, conformed
from workshop_kit.observe.logs.pieces import STREAM, STREAMS
from workshop_kit.observe.logs.schema import ARROW, CATEGORIES, JSON, RESERVED, TEXT, TIME, Seen, Types
from workshop_kit.observe.logs.times import UTC_NS

_COUNTS = ("pieces_joined", "replacements", "crlf", "cut_bytes")
_TEXT = pa.string()
_MAX_DIGITS = 4_000


@dataclass
class _Part:
    """A parsed block with what its source knew of it; ``own_times`` are those the lines themselves name."""

    parsed: Parsed
    received: Any
    stream: Any
    attrs: Any

    def array(self, name: str, kind: Any) -> Any:
        """One of what the source knew, or as many nulls."""
        found = getattr(self, name)
        return pa.nulls(self.parsed.rows, kind) if found is None else found


class Collected:
    """Blocks as they come, then a frame of them all. Keeps the columns, not the text."""

    def __init__(self) -> None:
        self._parts: list[_Part] = []
        self._counts: Counter[str] = Counter()
        self._seen = Seen()
        self.rows = 0

    def add(self, block: Block, parsed: Parsed) -> None:
        """Take a block and what was found in it."""
        self._counts.update(block.counts)
        if not len(block):
            return
        for key in CATEGORIES & set(parsed.columns):
            if parsed.types[key] == TEXT and not pa.types.is_dictionary(parsed.columns[key].type):
                parsed.columns[key] = parsed.columns[key].dictionary_encode()
        self._parts.append(_Part(parsed, block.received, block.stream, block.attrs))
        self.rows += len(block)

    def frame(self, gaps: Sequence[Any] = ()) -> pd.DataFrame:
        """All rows as a DataFrame, in the order in which they came; the collection is empty after.

        Of what was seen it keeps the counts: in a later frame the fields are columns of the same types.
        """
        for part in self._parts:
            self._seen.add_all(part.parsed.seen)
        types, parts = self._seen.types(), self._parts
        for part in parts:
            part.parsed = conformed(part.parsed, types)
        told = {**_told(parts, types), **{name: self._counts[name] for name in _COUNTS}, "gaps": list(gaps)}
        self._parts, self._counts, self.rows = [], Counter(), 0
        frame = pd.DataFrame(_columns(parts, types), copy=False)
        frame.attrs = told
        return frame


def record(frame: pd.DataFrame, row: int) -> dict[str, Any]:
    """Everything the line in a row (counted from 0) said: its fields, those in ``rest`` included; nulls are left out.

    ``{}`` for a line that is no JSON object: its text is in ``raw``. ``ts`` is left out where it is the engine's time.
    """
    line = frame.iloc[row]
    fields = [key for key in frame.columns if key not in RESERVED and pd.notna(line[key])]
    nested = set(frame.attrs["json_columns"])
    found = {key: _value(line[key]) if key in nested else line[key] for key in fields}
    if pd.notna(line["received"]) and line["ts"] == line["received"]:
        del found["ts"]
    return {**found, **(_value(line["rest"]) if pd.notna(line["rest"]) else {})}


def _value(text: str) -> Any:
    """What JSON text says; where Python gives up (a number of 5,000 digits, 1,000 levels), the text itself."""
    try:
        return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < _MAX_DIGITS else digits)
    except RecursionError:
        return text


def _columns(parts: Sequence[_Part], types: Types) -> dict[str, Any]:
    """Name → pandas array: what is always there first, then the fields, then what did not fit."""
    own = [part.parsed.columns.pop("ts") for part in parts]
    received = [part.array("received", UTC_NS) for part in parts]
    columns: dict[str, Any] = {"ts": _times([_first(a, b) for a, b in zip(own, received, strict=True)])}
    columns["received"] = _times(received)
    columns["stream"] = _category([part.array("stream", STREAM) for part in parts], STREAMS)
    if any(part.attrs is not None for part in parts):
        columns["attrs"] = _arrow([part.array("attrs", _TEXT) for part in parts], _TEXT)
    for key, kind in types.items():
        if kind == TIME:
            continue
        arrays = [part.parsed.columns.pop(key) for part in parts]
        columns[key] = _category(arrays) if key in CATEGORIES and kind == TEXT else _arrow(arrays, ARROW[kind])
    columns["rest"] = _arrow([part.parsed.rest for part in parts], _TEXT)
    columns["raw"] = _arrow([part.parsed.raw for part in parts], _TEXT)
    columns["reason"] = _category([part.parsed.reason for part in parts], REASONS)
    return columns


def _told(parts: Sequence[_Part], types: Types) -> dict[str, Any]:
    """What the frame says of itself."""
    reasons: Counter[str] = Counter()
    for part in parts:
        codes = part.parsed.reason.indices.drop_null().to_numpy(zero_copy_only=False)
        reasons.update({REASONS[code]: int(count) for code, count in enumerate(np.bincount(codes)) if count})
    lines = sum(part.parsed.rows for part in parts)
    return {
        "lines": lines,
        "reasons": dict(reasons),
        "malformed": sum(reasons.values()),
        "in_rest": sum(len(part.parsed.rest) - part.parsed.rest.null_count for part in parts),
        "own_times": sum(part.parsed.rows - part.parsed.columns["ts"].null_count for part in parts),
        "skew_seconds": _skew(parts),
        "json_columns": [key for key, kind in types.items() if kind == JSON],
    }


def _skew(parts: Sequence[_Part]) -> tuple[float, float] | None:
    """The least and the most that the engine's clock was ahead of the lines' own times."""
    least, most = [], []
    for part in parts:
        if part.received is None:
            continue
        own = part.parsed.columns["ts"].cast(pa.int64())
        both = (own.is_valid().to_numpy(zero_copy_only=False)) & part.received.is_valid().to_numpy(zero_copy_only=False)
        if both.any():
            apart = (_ints(part.received) - _ints(own))[both]
            least.append(apart.min())
            most.append(apart.max())
    return (float(min(least)) / 1e9, float(max(most)) / 1e9) if least else None


def _ints(times: Any) -> Any:
    return times.cast(pa.int64()).fill_null(_NOT_A_TIME).to_numpy(zero_copy_only=False)


_NOT_A_TIME = -(2**63)


def _first(own: Any, received: Any) -> Any:
    """The lines' own times, and where a line names none, the engine's."""
    ints = _ints(own)
    return np.where(ints == _NOT_A_TIME, _ints(received), ints)


def _times(arrays: Sequence[Any]) -> Any:
    ints = [one if isinstance(one, np.ndarray) else _ints(one) for one in arrays]
    joined = np.concatenate([np.zeros(0, np.int64), *ints])
    return pd.DatetimeIndex(joined.view("M8[ns]")).tz_localize("UTC").array


def _arrow(arrays: Sequence[Any], kind: Any) -> Any:
    return pd.arrays.ArrowExtensionArray(pa.chunked_array(arrays, kind))


def _category(arrays: Sequence[Any], names: Sequence[str] | None = None) -> Any:
    """A pandas Categorical; without names, of all that occur, in alphabetical order."""
    if names is None:
        arrays = [one if pa.types.is_dictionary(one.type) else one.cast(_TEXT).dictionary_encode() for one in arrays]
        names = sorted({name for one in arrays for name in one.dictionary.to_pylist()})
    place = {name: number for number, name in enumerate(names)}
    kind = np.min_scalar_type(-len(place) - 1)
    codes = [np.zeros(0, kind)]
    for one in arrays:
        places = np.array([*(place[name] for name in one.dictionary.to_pylist()), -1], kind)
        codes.append(places[one.indices.fill_null(-1).to_numpy(zero_copy_only=False)])
    return pd.Categorical.from_codes(np.concatenate(codes), categories=pd.Index(list(names), dtype=object))
