"""A block of lines → typed columns, many lines at a time: DuckDB extracts, and every row is proved complete or redone.

DuckDB alone would lose things silently: it casts "5" to 5 and 1.5 to 2, ignores unknown keys, takes the first of
duplicate keys, and reads NaN and trailing commas as JSON. So each row also gives the kinds of its values and the number
of its keys. A row is taken only if these say that nothing was bent or left out; all others are judged one by one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import duckdb
import numpy as np
import pyarrow as pa

from workshop_kit.observe.logs.cutting import Block
from workshop_kit.observe.logs.schema import (
    BOOL,
    EXACT_INT,
    FLOAT,
    INT,
    JSON,
    TEXT,
    TIME,
    Seen,
    Types,
)
from workshop_kit.observe.logs.times import column as time_column
from workshop_kit.observe.logs.times import nulls

_SQL = {TIME: "VARCHAR", TEXT: "VARCHAR", INT: "BIGINT", FLOAT: "DOUBLE", BOOL: "BOOLEAN", JSON: "JSON"}
_KINDS = {"VARCHAR": TEXT, "UBIGINT": INT, "BIGINT": INT, "DOUBLE": FLOAT, "BOOLEAN": BOOL, "NULL": "", None: None}
_HOLDS = {TIME: {TEXT}, TEXT: {TEXT}, INT: {INT}, FLOAT: {INT, FLOAT}, BOOL: {BOOL}, JSON: {JSON}}
_TRAILING_COMMA = r",\s*\}\s*$"  # DuckDB takes it for JSON, RFC 8259 does not; so does it NaN, which is seen as a value
_LENIENT = r"(?i),\s*[}\]]|[\[:,]\s*-?(nan|inf)"  # the same inside a nested value, which is not looked into
_ROWS_A_BATCH = 8_192  # DuckDB gives each of its threads a batch

Kinds = tuple[str | None, ...]  # by column: the kind of its value, "" for null, None for no such key


@dataclass
class Fast:
    """What DuckDB found, and the rows for which it is not to be trusted."""

    columns: dict[str, Any]
    odd: Any
    seen: Seen = field(default_factory=Seen)


class Extractor:
    """Blocks of JSON lines to columns of given types, many at a time. For one thread at a time."""

    def __init__(self, beside: Extractor | None = None) -> None:
        """A new database, or one more connection to that of another extractor, which may then work at the same time."""
        self._connection: duckdb.DuckDBPyConnection = beside._connection.cursor() if beside else _database()

    def close(self) -> None:
        """Free DuckDB's memory."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        self.close()

    def extract(self, block: Block, types: Types) -> Fast:
        """All rows; those marked odd have to be judged one by one."""
        found = self._query(block, types)
        fields = found.column("f").combine_chunks()
        shape = found.column("h").combine_chunks()
        fast = Fast(dict(zip(types, fields.flatten(), strict=True)), nulls(shape))
        codes = shape.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
        numbers, first = np.unique(codes, return_index=True)
        kinds = self._kinds(block, types, first[numbers >= 0])
        _distrust(fast, types, codes, kinds)
        fast.odd |= found.column("lenient").combine_chunks().fill_null(False).to_numpy(zero_copy_only=False)
        counts = np.bincount(codes[~fast.odd], minlength=len(kinds))
        for row, count in zip(kinds, counts, strict=True):
            for key, kind in zip(types, row or (), strict=False):
                if count and kind is not None:
                    fast.seen.add(key, kind, int(count))
        return fast

    def strings(self, block: Block) -> Any:
        """The texts of JSON strings, null for what is none (begins with a quote, but goes on otherwise)."""
        lines = pa.table({"l": block.batches(_ROWS_A_BATCH)})  # noqa: F841
        query = "SELECT CASE WHEN json_valid(l) THEN l->>'$' END FROM lines"
        return self._connection.sql(query).to_arrow_table().column(0).combine_chunks()

    def _query(self, block: Block, types: Types) -> Any:
        wanted = json.dumps({key: _SQL[kind] for key, kind in types.items()}, ensure_ascii=False)
        nested = " OR ".join(f"f.{_name(key)} IS NOT NULL" for key, kind in types.items() if kind == JSON)
        lenient = f"CASE WHEN {nested} THEN regexp_matches(j, {_text(_LENIENT)}) END" if nested else "false"
        shape = f"CASE WHEN j IS NOT NULL THEN hash({_kind_list(types, 'j')}, len(json_keys(j))) END"
        valid = f"starts_with(l, '{{') AND json_valid(l) AND NOT regexp_matches(l, {_text(_TRAILING_COMMA)})"
        lines = pa.table({"l": block.batches(_ROWS_A_BATCH)})  # noqa: F841 — DuckDB finds it by its name
        return self._connection.sql(
            f"SELECT f, {shape} h, {lenient} lenient FROM"  # noqa: S608 — keys are quoted, the rest is ours
            f" (SELECT j, json_transform(j, {_text(wanted)}) f FROM"
            f" (SELECT CASE WHEN {valid} THEN l END j FROM lines))"
        ).to_arrow_table()

    def _kinds(self, block: Block, types: Types, rows: Any) -> list[Kinds | None]:
        """The kinds of the values in these rows; None for a row that has keys or kinds the schema does not hold."""
        lines = pa.table({"l": pa.array(block.texts(rows), pa.string())})  # noqa: F841
        found = self._connection.sql(f"SELECT {_kind_list(types, 'l')}, len(json_keys(l)) FROM lines").fetchall()  # noqa: S608
        kinds = [(tuple(_KINDS.get(kind, JSON) for kind in row), keys) for row, keys in found]
        return [row if _holds(types, row, keys) else None for row, keys in kinds]


def _database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"})


def _holds(types: Types, row: Kinds, keys: int) -> bool:
    """No unknown and no duplicate keys, and each value of its column's type."""
    complete = len(row) - row.count(None) == keys
    return complete and all(not kind or kind in _HOLDS[own] for own, kind in zip(types.values(), row, strict=True))


def _distrust(fast: Fast, types: Types, codes: Any, kinds: list[Kinds | None]) -> None:
    """Mark the rows that DuckDB may have bent, and turn texts to times."""
    unknown = np.array([row is None for row in kinds] + [False])  # the last one is for the code -1
    fast.odd |= unknown[codes]
    for number, (key, kind) in enumerate(types.items()):
        values = fast.columns[key]
        if kind == INT:  # more than 64 bits
            present = np.array([bool(row and row[number]) for row in kinds] + [False])
            fast.odd |= present[codes] & nulls(values)
        elif kind == FLOAT:  # a huge integer, 1e400, NaN
            with np.errstate(invalid="ignore"):
                small = np.abs(values.to_numpy(zero_copy_only=False)) < EXACT_INT
            fast.odd |= ~small & ~nulls(values)
        elif kind == TIME:
            fast.columns[key], unfit = time_column(values)
            fast.odd |= unfit


def _kind_list(types: Types, line: str) -> str:
    pointers = ",".join(_text("/" + key.replace("~", "~0").replace("/", "~1")) for key in types)
    return f"json_type({line}, [{pointers}])"


def _name(name: str) -> str:
    return f'"{name}"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
