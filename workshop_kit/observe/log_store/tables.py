"""Frames of the reader → Arrow tables of one schema, so that logs from many places make one table. Pure.

A field's type in the whole is that of most values; a value that does not fit stands in ``rest``, as in the reader.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workshop_kit.observe.logs.schema import (
    ARROW,
    BOOL,
    CATEGORIES,
    EXACT_INT,
    FIXED,
    FLOAT,
    INT,
    JSON,
    RESERVED,
    TEXT,
    TIME,
    Seen,
)

PLACE = ("service", "environment", "container")
"""Where a line comes from: told by its ``attrs``, or by whoever adds it."""
ROW = "row"
_KIND = b"kind"
_LABEL = pa.dictionary(pa.int32(), pa.string())
_HEAD = ("ts", "received", "stream", "attrs", *PLACE, "level", "logger", "msg")
_TAIL = ("rest", "raw", "reason", ROW)
_LABELS = frozenset({"stream", "reason", "attrs", *PLACE, *CATEGORIES})
"""Few different texts: each is kept once."""
_ALWAYS: Mapping[str, Any] = {
    **dict.fromkeys(("ts", "received"), ARROW[TIME]),
    **dict.fromkeys(("msg", "rest", "raw"), pa.string()),
    **dict.fromkeys(_LABELS - {"out"}, _LABEL),
}

Kinds = dict[str, str]  # field → one of the reader's types


def table_of(frame: pd.DataFrame, known: Mapping[str, str]) -> Any:
    """A frame as a table with the columns that are always there, ``row`` excepted; ``known`` is the place, if known."""
    nested = set(frame.attrs.get("json_columns", ()))
    rows = len(frame)
    bare = frame.copy(deep=False)
    bare.attrs = {}  # Arrow would try to write them as JSON
    table = pa.Table.from_pandas(bare, preserve_index=False)
    columns, kinds = {}, {}
    for name in table.column_names:
        column, kind = _plain(table.column(name), name in nested)
        columns[name], kinds[name] = _fixed(column, _type(name, kind)), kind
    for name, kind in _ALWAYS.items():
        columns[name] = _fixed(columns[name], kind) if name in columns else pa.chunked_array([pa.nulls(rows, kind)])
    _place(columns, kinds, known, frame)
    return _ordered(columns, {name: kind for name, kind in kinds.items() if name in columns})


def agreed(tables: Sequence[Any]) -> Kinds:
    """The fields that become columns when these tables become one, and their types; nulls have no say in it."""
    seen = Seen()
    for table in tables:
        for name, kind in kinds_of(table).items():
            seen.setdefault(name, Counter())[kind] += len(table) - table.column(name).null_count
    return {name: kind for name, kind in seen.types().items() if name not in FIXED}


def kinds_of(table: Any) -> Kinds:
    """The types of a table's own fields."""
    return {one.name: one.metadata[_KIND].decode() for one in table.schema if one.metadata and _KIND in one.metadata}


def conformed(table: Any, kinds: Kinds) -> Any:
    """The table with these fields as its columns; what has no column, or fits none, goes to ``rest``."""
    own = kinds_of(table)
    if list(own.items()) == list(kinds.items()):
        return table
    columns = {name: table.column(name) for name in table.column_names}
    for name, kind in own.items():
        if kinds.get(name) == kind:
            continue
        column = columns.pop(name)
        if kind == INT and kinds.get(name) == FLOAT:
            large = pc.greater_equal(pc.abs(column), EXACT_INT)
            columns[name] = pc.if_else(large, None, column).cast(pa.float64(), safe=False)
            column = pc.if_else(large, column, None)
        _to_rest(columns, name, column, kind)
    for name, kind in kinds.items():
        if name not in columns:
            columns[name] = pa.chunked_array([pa.nulls(len(table), _type(name, kind))])
    return _ordered(columns, kinds)


def numbered(table: Any, first: int) -> Any:
    """The table with ``row``, counted from ``first``."""
    return with_rows(table, pa.array(np.arange(first, first + len(table))))


def with_rows(table: Any, rows: Any) -> Any:
    """The table with these as ``row``."""
    columns = {name: table.column(name) for name in table.column_names}
    columns[ROW] = pa.chunked_array([rows])
    return _ordered(columns, kinds_of(table))


def _ordered(columns: Mapping[str, Any], kinds: Kinds) -> Any:
    """A table with what is always there in its place."""
    fields = [name for name in kinds if name not in _HEAD and name not in _TAIL and name in columns]
    names = [name for name in (*_HEAD, *fields, *_TAIL) if name in columns]
    marks = {name: {_KIND: kinds[name]} for name in fields}
    schema = pa.schema([pa.field(name, columns[name].type, metadata=marks.get(name)) for name in names])
    return pa.table([columns[name] for name in names], schema=schema)


def _plain(column: Any, nested: bool) -> tuple[Any, str]:
    """A column in one of the reader's types, and which."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return column.cast(pa.string()), JSON if nested else TEXT
    if pa.types.is_timestamp(kind):
        return column.cast(ARROW[TIME] if kind.tz else pa.timestamp("ns")).cast(ARROW[TIME]), TIME
    for test, name in ((pa.types.is_boolean, BOOL), (pa.types.is_integer, INT), (pa.types.is_floating, FLOAT)):
        if test(kind):
            return column.cast(ARROW[name]), name
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
        return column.cast(pa.string()), JSON if nested else TEXT
    texts = [None if value is None else json.dumps(value, default=str) for value in column.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.string())]), JSON


def _type(name: str, kind: str) -> Any:
    """How a field of one of the reader's types is kept."""
    return _LABEL if name in _LABELS and kind == TEXT else ARROW[kind]


def _fixed(column: Any, kind: Any) -> Any:
    """A column of a type."""
    if column.type == kind:
        return column
    return column.cast(pa.string()).dictionary_encode().cast(kind) if kind == _LABEL else column.cast(kind)


def _place(columns: dict[str, Any], kinds: Kinds, known: Mapping[str, str], frame: pd.DataFrame) -> None:
    """Fill in where the lines come from; what a line itself says under such a name stays, in ``rest`` if it differs."""
    attrs = columns["attrs"].combine_chunks()
    attrs = attrs.chunk(0) if isinstance(attrs, pa.ChunkedArray) and attrs.num_chunks else attrs
    told = [_labels(text) for text in attrs.dictionary.to_pylist()] if len(frame) else []
    for name in PLACE:
        own = columns[name] if name in frame.columns else None
        names = pa.array([one.get(name) for one in told], pa.string())
        ours = pc.take(names, attrs.indices) if told else pa.nulls(len(frame), pa.string())
        ours = pc.fill_null(ours, known[name]) if name in known else ours
        if own is not None:
            own = pc.cast(own, pa.string())
            differs = pc.and_(pc.is_valid(own), pc.invert(pc.fill_null(pc.equal(own, ours), False)))
            misfit = pc.if_else(pc.and_(differs, pc.is_valid(ours)), own, None)
            _to_rest(columns, name, misfit, kinds.get(name, TEXT))
            ours = pc.coalesce(ours, own)
        kinds.pop(name, None)
        columns[name] = _labelled(ours)
    for name in (*FIXED, *RESERVED):
        kinds.pop(name, None)
    for name in [one for one in kinds if one.casefold() in {*PLACE, ROW}]:  # SQL does not tell Row from row
        _to_rest(columns, name, columns.pop(name), kinds.pop(name))


def _labelled(texts: Any) -> Any:
    texts = texts if isinstance(texts, pa.ChunkedArray) else pa.chunked_array([texts])
    return texts.dictionary_encode().cast(_LABEL)


def _labels(text: str | None) -> dict[str, str]:
    """What the engine or the collector says of a line."""
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


def _to_rest(columns: dict[str, Any], name: str, column: Any, kind: str) -> None:
    """Put a column's values into ``rest``; digits, and JSON's text, stay as they are."""
    present = [number for number, one in enumerate(pc.is_valid(column).to_pylist()) if one]
    if not present:
        return
    values = column.take(pa.array(present)).to_pylist()
    rest = columns["rest"].to_pylist()
    for number, value in zip(present, values, strict=True):
        text = value if kind == JSON else json.dumps(value, ensure_ascii=False, default=str)
        before = rest[number] or "{}"
        after = "}" if before == "{}" else "," + before[1:]
        rest[number] = f"{{{json.dumps(name, ensure_ascii=False)}:{text}{after}"
    columns["rest"] = pa.chunked_array([pa.array(rest, pa.string())])
