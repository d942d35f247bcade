"""Make one DataFrame of lines, and return all fields of the line in a row of it. Pure.

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
    blocks = [_block(batch) for batch in _batches(lines)]
    kinds = _kinds_by_column(blocks)

    columns: dict[str, Any] = {
        "ts": _native_column([_take_times(block) for block in blocks]),
        "received": _native_column([block.received for block in blocks]),
        "stream": _native_column([block.stream for block in blocks]),
    }
    if any(block.attrs.null_count < len(block.attrs) for block in blocks):
        columns["attrs"] = _arrow_column([block.attrs.cast(_TEXT) for block in blocks])
    for name, kind in kinds.items():
        arrays = [_take_values(block, name, kind) for block in blocks]
        if name in _CATEGORIES and kind == TEXT:
            columns[name] = _native_column([array.dictionary_encode() for array in arrays])
        else:
            columns[name] = _arrow_column(arrays)

    columns["rest"] = _arrow_column([_rest_texts(block) for block in blocks])  # what no column has taken
    columns["raw"] = _arrow_column([block.raw for block in blocks])
    columns["reason"] = _native_column([block.reason for block in blocks])

    frame = pd.DataFrame(columns, copy=False)
    frame.attrs = {
        "json_columns": [name for name, kind in kinds.items() if kind == JSON],
        "gaps": list(gaps),
    }
    return frame


def _batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Yield the lines of each block, `_BLOCK_ROWS` at a time; one empty batch if there are no lines."""
    iterator = iter(lines)
    batch = list(islice(iterator, _BLOCK_ROWS))
    yield batch
    while len(batch) == _BLOCK_ROWS:
        batch = list(islice(iterator, _BLOCK_ROWS))
        if batch:
            yield batch


def fields_of_line(frame: pd.DataFrame, row: int) -> dict[str, Any]:
    """Return all fields of the line in a row (counted from 0), those in ``rest`` included, nulls left out.

    Return ``{}`` for a line that is no JSON object. ``ts`` is left out where it is the engine's time.
    """
    line = frame.iloc[row]
    names = [name for name in frame.columns if name not in RESERVED]
    values = {name: line[name] for name in names if pd.notna(line[name])}
    for name in frame.attrs["json_columns"]:
        if name in values:
            values[name] = from_json(values[name])

    if pd.notna(line["ts"]) and line["ts"] != line["received"]:
        values["ts"] = line["ts"]
    if pd.isna(line["rest"]):
        return values
    rest_values: dict[str, Any] = from_json(line["rest"])
    return values | rest_values


@dataclass(frozen=True)
class _Block:
    """Some lines as columns.

    ``arrays_by_field`` has an array for each kind of a field's values. Fields that are too rare for an array are in
    ``rare_members``, by row: each is a member of a JSON object, as text.
    """

    received: Any
    stream: Any
    attrs: Any
    raw: Any
    reason: Any
    arrays_by_field: dict[str, dict[str, Any]]
    rare_members: dict[int, list[str]]


def _block(lines: list[Line]) -> _Block:
    """Parse the lines, and return their values as the columns of a block."""
    texts = [line.text for line in lines]
    events = [Incomplete(line.reason) if line.reason else parse_fields(line.text) for line in lines]
    reasons = [event.reason if type(event) is Incomplete else None for event in events]
    raw_texts = [text if reason else None for text, reason in zip(texts, reasons, strict=True)]

    names = _frequent_names(events)
    arrays_by_field: dict[str, dict[str, Any]] = {}
    for name in names:
        values = [event.get(name) for event in events]
        arrays_by_field[name] = _arrays_by_kind(name, values, texts)

    return _Block(
        received=_parse_times(pa.array([line.received for line in lines], _TEXT)),
        stream=pa.array([line.stream for line in lines], _TEXT).dictionary_encode(),
        attrs=pa.array([line.attrs for line in lines], _TEXT).dictionary_encode(),
        raw=pa.array(raw_texts, _TEXT),
        reason=pa.array(reasons, _TEXT).dictionary_encode(),
        arrays_by_field=arrays_by_field,
        rare_members=_rare_members(events, texts, names),
    )


def _frequent_names(events: Sequence[Fields]) -> dict[str, None]:
    """Return the names of the fields that get arrays in a block, as keys in the order of the lines."""
    counts = Counter(chain.from_iterable(events))
    if len(counts) <= _BLOCK_FIELDS:
        return dict.fromkeys(counts)

    frequent = {name for name, _ in counts.most_common(_BLOCK_FIELDS)}
    frequent.update(("ts", *ALWAYS))
    return dict.fromkeys(name for name in counts if name in frequent)


def _rare_members(events: Sequence[Fields], texts: Sequence[str], names: Container[str]) -> dict[int, list[str]]:
    """Return the values of the fields that are not in ``names``, by row, as the members of a JSON object."""
    members_by_row: dict[int, list[str]] = {}
    for row, event in enumerate(events):
        for name, value in event.items():
            if name not in names and value is not None:
                exact_value = _with_all_digits(value, name, texts[row])
                members_by_row.setdefault(row, []).append(_json_member(name, exact_value))
    return members_by_row


def _json_member(name: str, value: Any) -> str:
    """Return a member of a JSON object as text."""
    return f"{to_json(name)}:{to_json(value)}"


def _arrays_by_kind(name: str, values: list[Any], texts: Sequence[str]) -> dict[str, Any]:
    """Return the values of a field as one array for each kind, with nulls where a value is of another kind."""
    types = set(map(type, values)) - {NoneType}
    if _has_numbers_to_check(values, types):
        values = [_with_all_digits(value, name, text) for value, text in zip(values, texts, strict=True)]
        types = set(map(type, values)) - {NoneType}
    if dict in types:  # an empty one: the parser makes a text of any other
        values = [JsonText("{}") if type(value) is dict else value for value in values]

    kinds = sorted({_KINDS[python_type] for python_type in types})
    if len(kinds) == 1:
        return {kinds[0]: pa.array(values, _ARROW[kinds[0]])}

    arrays: dict[str, Any] = {}
    for kind in kinds:
        values_of_kind = [value if _KINDS.get(type(value)) == kind else None for value in values]
        arrays[kind] = pa.array(values_of_kind, _ARROW[kind])
    return arrays


def _has_numbers_to_check(values: list[Any], types: set[type[Any]]) -> bool:
    """Return whether numbers may have lost digits: one is large, or the field also has values of other types."""
    number_types = types & {int, float}
    if not number_types:
        return False
    if number_types != types:
        return True

    numbers = filter(None, values)  # neither nulls nor zeros
    largest = max(map(abs, numbers), default=0)
    return bool(largest >= EXACT_INT)


def _with_all_digits(value: Any, name: str, text: str) -> Any:
    """Return a value with all its digits: orjson rounds an integer past 64 bits to a float.

    ``text`` is the line of the value, ``name`` its field. A number that fits no column becomes `JsonText`.
    """
    if type(value) not in (int, float) or -EXACT_INT < value < EXACT_INT:
        return value

    number = parse_exactly(text).get(name, value)
    if type(number) is int and not -(2**63) <= number < 2**63:
        return JsonText(number)
    return number


def _kinds_by_column(blocks: Sequence[_Block]) -> dict[str, str]:
    """Return the columns besides the reserved ones, with their kinds, the most frequent fields first."""
    counts_by_name = _counts_by_name(blocks)
    kinds = dict.fromkeys(ALWAYS, TEXT)
    taken_names = {name.casefold() for name in (*ALWAYS, *RESERVED)}  # DuckDB does not tell Level from level

    def rank(name: str) -> tuple[int, str]:
        return -counts_by_name[name].total(), name

    for name in sorted(counts_by_name, key=rank):
        if len(kinds) == MAX_FIELDS + len(ALWAYS):
            break
        if _is_column_name(name) and name.casefold() not in taken_names:
            taken_names.add(name.casefold())
            kinds[name] = _most_frequent_kind(counts_by_name[name])

    return kinds


def _is_column_name(name: str) -> bool:
    """Return whether a field of this name may get a column."""
    return name.isprintable() and _NAME.fullmatch(name) is not None


def _counts_by_name(blocks: Sequence[_Block]) -> dict[str, Counter[str]]:
    """Return how many values of each kind each field has."""
    counts_by_name: dict[str, Counter[str]] = {}
    for block in blocks:
        for name, arrays in block.arrays_by_field.items():
            counts = Counter({kind: len(values) - values.null_count for kind, values in arrays.items()})
            counts_by_name.setdefault(name, Counter()).update(counts)
    return counts_by_name


def _most_frequent_kind(counts: Counter[str]) -> str:
    """Return the kind of most values, where integers and fractions count as one."""
    number_count = counts[INT] + counts[FLOAT]
    counts_by_kind = {TEXT: counts[TEXT], FLOAT: number_count, BOOL: counts[BOOL], JSON: counts[JSON]}
    kind = max(counts_by_kind, key=counts_by_kind.__getitem__)
    if kind == FLOAT and counts[INT] and not counts[FLOAT]:
        return INT
    return kind


def _take_values(block: _Block, name: str, kind: str) -> Any:
    """Take a field's values of one kind out of the block; floats include the integers that a float holds exactly."""
    arrays = block.arrays_by_field.get(name, {})
    values = arrays.pop(kind, None)
    if kind == FLOAT and INT in arrays:
        floats, arrays[INT] = _split_integers(arrays[INT])
        values = floats if values is None else pc.coalesce(values, floats)

    if values is None:
        return pa.nulls(len(block.raw), _ARROW[kind])
    return values


def _split_integers(integers: Any) -> tuple[Any, Any]:
    """Return the integers that a float holds exactly, as floats, and the other integers.

    Both arrays are as long as ``integers``, with nulls in place of the values that are in the other one.
    """
    is_exact = pc.and_(pc.less(integers, EXACT_INT), pc.greater(integers, -EXACT_INT))
    floats = pc.if_else(is_exact, integers, None).cast(pa.float64())
    other_integers = pc.if_else(is_exact, None, integers)
    return floats, other_integers


def _take_times(block: _Block) -> Any:
    """Take the lines' own times out of the block, and return them, with the engine's time where a line has none."""
    arrays = block.arrays_by_field.get("ts", {})
    if TEXT not in arrays:
        return block.received

    times = _parse_times(arrays[TEXT])
    arrays[TEXT] = pc.if_else(times.is_null(), arrays[TEXT], None)
    return pc.coalesce(times, block.received)


def _rest_texts(block: _Block) -> Any:
    """Return the values that are left in the block as an array: for each line the text of a JSON object, or null."""
    members_by_row = {row: list(members) for row, members in block.rare_members.items()}
    for name, arrays in block.arrays_by_field.items():
        for kind, values in arrays.items():
            for row, value in _numbered_values(values):
                json_value = JsonText(value) if kind == JSON else value
                members_by_row.setdefault(row, []).append(_json_member(name, json_value))

    texts: list[str | None] = [None] * len(block.raw)
    for row, members in members_by_row.items():
        texts[row] = "{" + ",".join(members) + "}"
    return pa.array(texts, _TEXT)


def _numbered_values(array: Any) -> Iterator[tuple[int, Any]]:
    """Yield the values of an Arrow array that are not null, each with its row."""
    if array.null_count == len(array):
        return
    for row, value in enumerate(array.to_pylist()):
        if value is not None:
            yield row, value


def _parse_times(texts: Any) -> Any:
    """Parse an array of times; null for a text that is no time with a zone, or has more digits than nanoseconds."""
    try:
        return texts.cast(_UTC)
    except pa.ArrowInvalid:
        return pa.array([_parse_time(text) for text in texts], _UTC)


def _parse_time(text: Any) -> Any:
    """Parse one time; return None for another text."""
    try:
        return text.cast(_UTC)
    except pa.ArrowInvalid:
        return None


def _arrow_column(arrays: Sequence[Any]) -> Any:
    """Return the arrays of all blocks as one pandas array that Arrow holds."""
    return pd.arrays.ArrowExtensionArray(pa.chunked_array(arrays))


def _native_column(arrays: Sequence[Any]) -> Any:
    """Return the arrays of all blocks as one native pandas array: of times, or of categories."""
    return pa.chunked_array(arrays).unify_dictionaries().to_pandas().array
