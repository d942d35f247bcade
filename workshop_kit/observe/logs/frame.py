"""Lines → one DataFrame, and a row of it → all fields of its line. Pure.

Lines are read in blocks. A block has, for each field and each kind of value, one Arrow array. At the end a column gets
the kind of most values; values of other kinds go to ``rest``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from types import NoneType
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workshop_kit.observe.logs.lines import (
    EXACT_INT,
    Fields,
    Incomplete,
    JsonText,
    Line,
    from_json,
    parse_exactly,
    parse_fields,
    to_json,
)

TEXT = "text"
INT = "int"
FLOAT = "float"
BOOL = "bool"
JSON = "json"
ALWAYS = ("level", "logger", "msg")
RESERVED = frozenset({"ts", "received", "stream", "attrs", "rest", "raw", "reason", "row"})
MAX_FIELDS = 64
_BLOCK_ROWS = 2_000
_BLOCK_FIELDS = 128  # a service may invent a key for every line, and each field costs an array of the block's length
_KINDS = {str: TEXT, int: INT, float: FLOAT, bool: BOOL, dict: JSON, JsonText: JSON}
_TEXT = pa.string()
_UTC = pa.timestamp("ns", "UTC")
_ARROW = {TEXT: _TEXT, INT: pa.int64(), FLOAT: pa.float64(), BOOL: pa.bool_(), JSON: _TEXT}
_NAME = re.compile(r"[^\"'\\]{1,64}")  # of a column
_CATEGORIES = frozenset({"level", "logger", "out"})


def frame_of(lines: Iterable[Line], gaps: Sequence[str] = ()) -> pd.DataFrame:
    """Return the lines as a DataFrame: a row each, in their order."""
    blocks = [_block(block_lines) for block_lines in _batches(lines)] or [_block([])]
    kinds = _kinds(blocks)

    columns: dict[str, Any] = {
        "ts": _native([_take_times(block) for block in blocks]),
        "received": _native([block.received for block in blocks]),
        "stream": _native([block.stream for block in blocks]),
    }
    if any(block.attrs.null_count < len(block.attrs) for block in blocks):
        columns["attrs"] = _arrow([block.attrs.cast(_TEXT) for block in blocks])
    for name, kind in kinds.items():
        arrays = [_take_values(block, name, kind) for block in blocks]
        if name in _CATEGORIES and kind == TEXT:
            columns[name] = _native([array.dictionary_encode() for array in arrays])
        else:
            columns[name] = _arrow(arrays)
    columns["rest"] = _arrow([_rest_column(block) for block in blocks])
    columns["raw"] = _arrow([block.raw for block in blocks])
    columns["reason"] = _native([block.reason for block in blocks])

    frame = pd.DataFrame(columns, copy=False)
    frame.attrs = {
        "json_columns": [name for name, kind in kinds.items() if kind == JSON],
        "gaps": list(gaps),
    }
    return frame


def _batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Yield the lines of each block."""
    iterator = iter(lines)
    while batch := list(islice(iterator, _BLOCK_ROWS)):
        yield batch


def record(frame: pd.DataFrame, row: int) -> dict[str, Any]:
    """Return all fields of the line in a row (counted from 0), those in ``rest`` included, nulls left out.

    ``{}`` for a line that is no JSON object. ``ts`` is left out where it is the engine's time.
    """
    line = frame.iloc[row]
    names = [name for name in frame.columns if name not in RESERVED]
    values = {name: line[name] for name in names if pd.notna(line[name])}
    values |= {name: from_json(values[name]) for name in frame.attrs["json_columns"] if name in values}

    if pd.notna(line["ts"]) and line["ts"] != line["received"]:
        values["ts"] = line["ts"]
    return values | (from_json(line["rest"]) if pd.notna(line["rest"]) else {})


@dataclass(frozen=True)
class _Block:
    """Some lines as columns: by field the values of each kind. ``rare_members`` has the values of rare fields, by row.

    These are members of a JSON object.
    """

    received: Any
    stream: Any
    attrs: Any
    raw: Any
    reason: Any
    fields: dict[str, dict[str, Any]]
    rare_members: dict[int, list[str]]


def _block(lines: list[Line]) -> _Block:
    texts, received, streams, attrs, _ = zip(*lines, strict=True) if lines else ((), (), (), (), ())
    events = [Incomplete(line.reason) if line.reason else parse_fields(line.text) for line in lines]
    reasons = [event.reason if type(event) is Incomplete else None for event in events]
    names = _frequent_names(events)

    fields: dict[str, dict[str, Any]] = {}
    for name in names:
        values = [event.get(name) for event in events]
        fields[name] = _by_kind(name, values, texts)

    raw_texts = [text if reason else None for text, reason in zip(texts, reasons, strict=True)]
    return _Block(
        received=_instants(pa.array(received, _TEXT)),
        stream=pa.array(streams, _TEXT).dictionary_encode(),
        attrs=pa.array(attrs, _TEXT).dictionary_encode(),
        raw=pa.array(raw_texts, _TEXT),
        reason=pa.array(reasons, _TEXT).dictionary_encode(),
        fields=fields,
        rare_members=_rare_members(events, texts, names),
    )


def _frequent_names(events: Sequence[Fields]) -> dict[str, None]:
    """Return the names of the fields that get arrays in a block, in the order of the lines."""
    counts = Counter(chain.from_iterable(events))
    if len(counts) <= _BLOCK_FIELDS:
        return dict.fromkeys(counts)

    frequent = {name for name, _ in counts.most_common(_BLOCK_FIELDS)}
    frequent.update(("ts", *ALWAYS))
    return dict.fromkeys(name for name in counts if name in frequent)


def _rare_members(events: Sequence[Fields], texts: Sequence[str], names: Container[str]) -> dict[int, list[str]]:
    """Return the values of all other fields, by row, as the members of a JSON object."""
    members: dict[int, list[str]] = {}
    for row, event in enumerate(events):
        for name, value in event.items():
            if name not in names and value is not None:
                member = _member(name, _number(value, name, texts[row]))
                members.setdefault(row, []).append(member)
    return members


def _member(name: str, value: Any) -> str:
    """Return a member of a JSON object."""
    return f"{to_json(name)}:{to_json(value)}"


def _by_kind(name: str, values: list[Any], texts: Sequence[str]) -> dict[str, Any]:
    """Return the values of a field as one array for each kind."""
    types = set(map(type, values)) - {NoneType}
    if _has_numbers_to_check(values, types):
        values = [_number(value, name, text) for value, text in zip(values, texts, strict=True)]
        types = set(map(type, values)) - {NoneType}
    if dict in types:  # an empty one: others are text
        values = [JsonText("{}") if type(value) is dict else value for value in values]

    kinds = sorted({_KINDS[python_type] for python_type in types})
    if len(kinds) == 1:
        return {kinds[0]: pa.array(values, _ARROW[kinds[0]])}

    arrays: dict[str, Any] = {}
    for kind in kinds:
        of_kind = [value if _KINDS.get(type(value)) == kind else None for value in values]
        arrays[kind] = pa.array(of_kind, _ARROW[kind])
    return arrays


def _has_numbers_to_check(values: list[Any], types: set[type[Any]]) -> bool:
    """Return whether numbers may have more digits than they show: one is large, or other values are among them."""
    numbers = types & {int, float}
    if not numbers:
        return False
    if numbers != types:
        return True
    return bool(max(map(abs, filter(None, values)), default=0) >= EXACT_INT)


def _number(value: Any, name: str, text: str) -> Any:
    """Return a value with all its digits: orjson rounds an integer past 64 bits to a float."""
    if type(value) not in (int, float) or -EXACT_INT < value < EXACT_INT:
        return value

    number = parse_exactly(text).get(name, value)
    if type(number) is int and not -(2**63) <= number < 2**63:
        return JsonText(number)
    return number


def _kinds(blocks: Sequence[_Block]) -> dict[str, str]:
    """Return the columns besides the reserved ones, with their kinds, the most frequent fields first."""
    counts_by_name = _counts_by_name(blocks)
    kinds = dict.fromkeys(ALWAYS, TEXT)
    taken_names = {name.casefold() for name in (*ALWAYS, *RESERVED)}  # DuckDB does not tell Level from level

    def rank(name: str) -> tuple[int, str]:
        return -counts_by_name[name].total(), name

    for name in sorted(counts_by_name, key=rank):
        is_valid_name = name.isprintable() and _NAME.fullmatch(name)
        if len(kinds) < MAX_FIELDS + len(ALWAYS) and name.casefold() not in taken_names and is_valid_name:
            taken_names.add(name.casefold())
            kinds[name] = _kind(counts_by_name[name])

    return kinds


def _counts_by_name(blocks: Sequence[_Block]) -> dict[str, Counter[str]]:
    """Return how many values of each kind each field has."""
    counts_by_name: dict[str, Counter[str]] = {}
    for block in blocks:
        for name, arrays in block.fields.items():
            counts = Counter({kind: len(values) - values.null_count for kind, values in arrays.items()})
            counts_by_name.setdefault(name, Counter()).update(counts)
    return counts_by_name


def _kind(counts: Counter[str]) -> str:
    """Return the kind of most values, where integers and fractions count as one."""
    numbers = counts[INT] + counts[FLOAT]
    counts_by_kind = {TEXT: counts[TEXT], FLOAT: numbers, BOOL: counts[BOOL], JSON: counts[JSON]}
    kind = max(counts_by_kind, key=counts_by_kind.__getitem__)
    if kind == FLOAT and counts[INT] and not counts[FLOAT]:
        return INT
    return kind


def _take_values(block: _Block, name: str, kind: str) -> Any:
    """Take a field's values of one kind out of the block; fractions with the integers that a float holds exactly."""
    arrays = block.fields.get(name, {})
    values = arrays.pop(kind, None)
    if kind == FLOAT and INT in arrays:
        integers = arrays[INT]
        is_exact = pc.and_(pc.less(integers, EXACT_INT), pc.greater(integers, -EXACT_INT))
        arrays[INT] = pc.if_else(is_exact, None, integers)
        floats = pc.if_else(is_exact, integers, None).cast(pa.float64())
        values = floats if values is None else pc.coalesce(values, floats)

    if values is None:
        return pa.nulls(len(block.raw), _ARROW[kind])
    return values


def _take_times(block: _Block) -> Any:
    """Take the lines' own times out of the block; the engine's time where a line has none."""
    arrays = block.fields.get("ts", {})
    if TEXT not in arrays:
        return block.received

    times = _instants(arrays[TEXT])
    arrays[TEXT] = pc.if_else(times.is_null(), arrays[TEXT], None)
    return pc.coalesce(times, block.received)


def _rest_column(block: _Block) -> Any:
    """Return the values without a column: by row the text of a JSON object."""
    members_by_row = {row: list(members) for row, members in block.rare_members.items()}
    for name, arrays in block.fields.items():
        for kind, values in arrays.items():
            if values.null_count == len(values):
                continue

            for row, value in enumerate(values.to_pylist()):
                if value is not None:
                    member = _member(name, JsonText(value) if kind == JSON else value)
                    members_by_row.setdefault(row, []).append(member)

    texts: list[str | None] = [None] * len(block.raw)
    for row, members in members_by_row.items():
        texts[row] = f"{{{','.join(members)}}}"
    return pa.array(texts, _TEXT)


def _instants(texts: Any) -> Any:
    """Parse times; null for a text that is no time with a zone, or has more digits than nanoseconds."""
    try:
        return texts.cast(_UTC)
    except pa.ArrowInvalid:
        return pa.array([_instant(text) for text in texts], _UTC)


def _instant(text: Any) -> Any:
    try:
        return text.cast(_UTC)
    except pa.ArrowInvalid:
        return None


def _arrow(arrays: Sequence[Any]) -> Any:
    return pd.arrays.ArrowExtensionArray(pa.chunked_array(arrays))


def _native(arrays: Sequence[Any]) -> Any:
    """Return a native pandas array: times, categories."""
    return pa.chunked_array(arrays).unify_dictionaries().to_pandas().array
