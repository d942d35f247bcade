"""A block of lines → typed columns, many lines at a time: DuckDB extracts, and every row is proved complete or redone.

DuckDB alone would lose things silently: it casts "5" to 5 and 1.5 to 2, ignores unknown keys, takes the first of
duplicate keys, and reads NaN and trailing commas as JSON. So a row is taken only if it is proved that nothing was bent
or left out: by the kinds of its values and the number of its keys, which DuckDB tells at the cost of reading the line
again. All others are judged one by one. What is written as planned (planned.py) does not come here.
"""

from __future__ import annotations

import json
import threading
from types import TracebackType
from typing import Any, Self

import duckdb
import numpy as np
import pyarrow as pa

from workshop_kit.observe.logs.lines import Lines, objects
from workshop_kit.observe.logs.planned import Fast
from workshop_kit.observe.logs.schema import BOOL, FLOAT, INT, JSON, TEXT, TIME, Types
from workshop_kit.observe.logs.times import nulls
from workshop_kit.observe.logs.values import typed

_KINDS = {"VARCHAR": TEXT, "UBIGINT": INT, "BIGINT": INT, "DOUBLE": FLOAT, "BOOLEAN": BOOL, "NULL": "", None: None}
_HOLDS = {TIME: (TEXT,), TEXT: (TEXT,), INT: (INT,), FLOAT: (INT, FLOAT), BOOL: (BOOL,), JSON: (JSON,)}
_TRAILING_COMMA = r",\s*\}\s*$"  # DuckDB takes it for JSON, RFC 8259 does not; so does it NaN, which is seen as a value
_LENIENT = r"(?i),\s*[}\]]|[\[:,]\s*-?(nan|inf)"  # the same inside a nested value, which is not looked into
FEW = 150  # rows: these are judged one by one in less time than a query takes

Kinds = tuple[str | None, ...]  # by column: the kind of its value, "" for null, None for no such key


class Extractor:
    """Blocks of JSON lines to columns of given types, many at a time. For one thread at a time."""

    def __init__(self, beside: Extractor | None = None) -> None:
        """A new database, or one more connection to that of another extractor, which may then work at the same time.

        It is there when it is first asked: most logs are written as planned, and opening one takes longer than a block.
        """
        self._beside = beside
        self._opened: duckdb.DuckDBPyConnection | None = None
        self._opening: threading.RLock = beside._opening if beside else threading.RLock()
        self._known: dict[int, Kinds | None] = {}  # shapes of lines by their hash, for these types
        self._known_types: Types = {}
        self._careful = False  # whether to ask if a line is JSON before looking into it

    def close(self) -> None:
        """Free DuckDB's memory."""
        if self._opened:
            self._opened.close()

    @property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        with self._opening:
            if not self._opened:
                self._opened = self._beside._connection.cursor() if self._beside else _database()
            return self._opened

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        self.close()

    def extract(self, lines: Lines, types: Types) -> Fast:
        """All rows; those marked odd have to be judged one by one."""
        strings = lines.strings()
        likely = objects(lines)
        texts = self._values(strings, likely, types)
        fast = Fast({}, ~likely)
        for key, kind in types.items():
            fast.columns[key], unfit = typed(texts[key], kind)
            fast.odd[unfit] = True
        self._prove(strings, types, np.flatnonzero(~fast.odd), fast)
        return fast

    def _values(self, lines: Any, likely: Any, types: Types) -> dict[str, Any]:
        """What DuckDB finds, as text; null in the other rows."""
        wanted = json.dumps(
            {key: "JSON" if kind == JSON else "VARCHAR" for key, kind in types.items()}, ensure_ascii=False
        )
        table = pa.table({"l": lines, "p": pa.array(likely)})
        found = self._where_valid(f"json_transform(l, {_text(wanted)})", table)
        return dict(zip(types, found.flatten(), strict=True))

    def _where_valid(self, expression: str, table: Any) -> Any:
        """The value of an expression for the likely lines (``p``) that are JSON."""
        if not self._careful:
            try:
                found = self._run(f"SELECT CASE WHEN p THEN {expression} END FROM lines", table)  # noqa: S608 — it is ours
                return _whole(found.column(0))
            except (
                duckdb.InvalidInputException,
                UnicodeDecodeError,
            ):  # some are no JSON: from now on ask first
                self._careful = True
        query = f"SELECT CASE WHEN p AND json_valid(l) THEN {expression} END FROM lines"  # noqa: S608 — it is ours
        return _whole(self._run(query, table).column(0))

    def _run(self, query: str, table: Any) -> Any:
        """Ask DuckDB about ``lines``."""
        lines = table  # noqa: F841 — DuckDB finds it by its name
        return self._connection.sql(query).to_arrow_table()

    def _prove(self, lines: Any, types: Types, rows: Any, fast: Fast) -> None:
        """Look into rows of which too little is known: their keys, and the kinds of their values."""
        if len(rows) < FEW:
            fast.odd[rows] = True
            return
        nested = np.zeros(len(rows), bool)
        for key in (key for key, kind in types.items() if kind == JSON):
            nested |= ~nulls(fast.columns[key])[rows]
        shapes, lenient = self._shapes(lines.take(pa.array(rows)), nested, types)
        encoded = shapes.dictionary_encode()
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        kinds = self._kinds_of(encoded.dictionary.to_pylist(), codes, lines, types, rows)
        unknown = np.array([row is None for row in kinds] + [True])  # the last one is for the code -1
        odd = unknown[codes] | lenient
        for number, (key, kind) in enumerate(types.items()):
            present = np.array([bool(row and row[number]) for row in kinds] + [False])
            if kind in (INT, FLOAT, BOOL):  # more than 64 bits, NaN
                odd |= present[codes] & nulls(fast.columns[key])[rows]
        fast.odd[rows] = odd
        counts = np.bincount(codes[~odd], minlength=len(kinds))
        for row, count in zip(kinds, counts, strict=True):
            for key, one in zip(types, row or (), strict=False):
                if count and one is not None:
                    fast.seen.add(key, one, int(count))

    def _shapes(self, lines: Any, nested: Any, types: Types) -> tuple[Any, Any]:
        """By row: a number that tells its keys and kinds (null where it is no JSON), and whether DuckDB was lenient."""
        valid = f"json_valid(l) AND NOT regexp_matches(l, {_text(_TRAILING_COMMA)})"
        shape = f"CASE WHEN {valid} THEN hash({_kind_list(types, 'l')}, len(json_keys(l))) END"
        query = f"SELECT {shape} h, n AND regexp_matches(l, {_text(_LENIENT)}) e FROM lines"  # noqa: S608 — all quoted
        found = self._run(query, pa.table({"l": lines, "n": pa.array(nested)}))
        return _whole(found.column("h")), _whole(found.column("e")).to_numpy(zero_copy_only=False)

    def _kinds_of(self, hashes: list[int], codes: Any, lines: Any, types: Types, rows: Any) -> list[Kinds | None]:
        """By shape the kinds; those of a shape that was met before are known."""
        if self._known_types != types:
            self._known_types, self._known = dict(types), {}
        new = [number for number, one in enumerate(hashes) if one not in self._known]
        if new:
            numbers, first = np.unique(codes, return_index=True)
            place = dict(zip(numbers.tolist(), first.tolist(), strict=True))
            found = self._kinds(lines, types, rows[[place[number] for number in new]])
            self._known.update(zip((hashes[number] for number in new), found, strict=True))
        return [self._known[one] for one in hashes]

    def _kinds(self, lines: Any, types: Types, rows: Any) -> list[Kinds | None]:
        """The kinds of the values in these rows; None for a row that has keys or kinds the schema does not hold."""
        found = self._run(
            f"SELECT {_kind_list(types, 'l')}, len(json_keys(l)) FROM lines",  # noqa: S608 — keys are quoted
            pa.table({"l": lines.take(pa.array(rows))}),
        )
        pairs = zip(*(column.to_pylist() for column in found.columns), strict=True)
        kinds = [(tuple(_KINDS.get(kind, JSON) for kind in row), keys) for row, keys in pairs]
        return [row if _holds(types, row, keys) else None for row, keys in kinds]


def _whole(column: Any) -> Any:
    """A column in one piece; a copy only where it is in several."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _database() -> duckdb.DuckDBPyConnection:
    """One thread a connection: they work side by side, and none has to put together what several have found."""
    return duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false", "threads": 1})


def _holds(types: Types, row: Kinds, keys: int) -> bool:
    """No unknown and no duplicate keys, and each value of its column's type."""
    complete = len(row) - row.count(None) == keys
    return complete and all(not kind or kind in _HOLDS[own] for own, kind in zip(types.values(), row, strict=True))


def _kind_list(types: Types, line: str) -> str:
    pointers = ",".join(_text("/" + key.replace("~", "~0").replace("/", "~1")) for key in types)
    return f"json_type({line}, [{pointers}])"


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
