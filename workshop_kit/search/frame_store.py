"""A log as the table ``logs``, asked in SQL or in the search language."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa

from workshop_kit.observe.logs.frame import MAX_FIELDS
from workshop_kit.search import database
from workshop_kit.search.query import no_such_field, parse, value_of
from workshop_kit.search.query.comparisons import quoted

MAX_ROWS = 1_000_000
PLACE = ("service", "environment", "container")  # told by a line's ``attrs``, by whoever adds it, or by itself
_TEXT, _TIME, _WHOLE, _NUMBER, _JSON = "VARCHAR", "TIMESTAMPTZ_NS", "BIGINT", "DOUBLE", "JSON"
_HEAD = {"ts": _TIME, "received": _TIME, **dict.fromkeys(("stream", "attrs", *PLACE, "level", "logger", "msg"), _TEXT)}
_TAIL = {**dict.fromkeys(("rest", "raw", "reason"), _TEXT), "row": _WHOLE}
_GAP = ["ts", "service", "container", "reason", "from", "to"]
_EXACT = 2**53  # the integers that a DOUBLE holds without a gap
_WITH_FIELD = """CREATE MACRO with_field(rest, name, value) AS CASE WHEN value IS NULL THEN rest
    ELSE json_merge_patch(coalesce(rest, '{}'), json_object(name, value)) END"""


class FrameStore:
    """Frames of the reader as the table ``logs``: their columns, ``service``, ``environment``, ``container`` where
    known, and ``row``, which counts from 0 in order of arrival. All times are UTC. Safe from any thread.
    It keeps ``max_rows`` and drops the oldest; ``dropped`` says how many.
    """

    def __init__(self, frame: pd.DataFrame | None = None, *, max_rows: int = MAX_ROWS, **known: str) -> None:
        self.max_rows, self.dropped = max_rows, 0
        self._end = 0  # the row that the next line gets
        self._fields: dict[str, str] = {}  # name → DuckDB type
        self._gaps: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._connection = database.connect()
        columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in (_HEAD | _TAIL).items())
        self._run(f"CREATE TABLE entries ({columns})", _WITH_FIELD, _view({}))
        if frame is not None:
            self.add(frame, **known)

    def __len__(self) -> int:
        return self._end - self.dropped

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @property
    def columns(self) -> dict[str, str]:
        """The table's columns: name → DuckDB type."""
        return _HEAD | self._fields | _TAIL

    def sql(self, query: str, parameters: Sequence[object] = ()) -> pd.DataFrame:
        """The answer to one SELECT over ``logs``. Raises WorkshopError for anything else, and for a mistake in it."""
        return database.ask(self._connection, query, parameters)

    def search(self, text: str = "", limit: int = 200) -> pd.DataFrame:
        """The newest lines found, in order of arrival. Raises SearchMistake."""
        condition, parameters = self._where(text)
        query = f"SELECT * FROM logs WHERE {condition} ORDER BY row DESC LIMIT ?"  # noqa: S608 — only parameters
        return self.sql(query, [*parameters, limit])[::-1].reset_index(drop=True)

    def count(self, text: str = "") -> int:
        """How many lines a search finds. Raises SearchMistake."""
        condition, parameters = self._where(text)
        return int(self.sql(f"SELECT count(*) AS lines FROM logs WHERE {condition}", parameters)["lines"][0])  # noqa: S608

    def gaps(self) -> pd.DataFrame:
        """Where lines may be missing, as the collector and a follow say."""
        found = self.sql("SELECT * FROM logs WHERE logger = 'collector' AND msg = 'GAP' ORDER BY row")
        rest = [json.loads(text) for text in found["rest"].fillna("{}")]  # a gap's reason, not the reader's
        told = [line | more for line, more in zip(found.to_dict("records"), rest, strict=True)]
        return pd.DataFrame([{name: line.get(name) for name in _GAP} for line in (*told, *self._gaps)], columns=_GAP)

    def add(self, frame: pd.DataFrame, **known: str) -> None:
        """Take more lines; ``known`` is the place of those that do not tell it: ``add(frame, service="orders")``.
        A field keeps the type that its first values had; what does not fit stands in ``rest``.
        """
        bare = frame.copy(deep=False)
        bare.attrs = {}  # Arrow would try to write them as JSON
        table = pa.Table.from_pandas(bare, preserve_index=False)
        with self._lock:
            chosen = self._choose(table.schema, set(frame.attrs.get("json_columns", ())), known)
            listed = ", ".join(f"{value} AS {quoted(name)}" for name, value in chosen.items())
            numbers = pa.array(np.arange(self._end, self._end + len(frame)))
            insert = f"INSERT INTO entries BY NAME SELECT {listed}, incoming_row AS row FROM incoming"  # noqa: S608
            self._run(insert, incoming=table.append_column("incoming_row", numbers))
            self._end += len(frame)
            if len(self) > self.max_rows:
                self.dropped = self._end - self.max_rows
                self._run(f"DELETE FROM entries WHERE row < {self.dropped}")  # noqa: S608 — a number
            for gap in frame.attrs.get("gaps", ()):
                self._gaps.append({"ts": pd.Timestamp(gap.after_ns, unit="ns", tz="UTC"), **known, "reason": gap.why})

    def _run(self, *statements: str, **tables: Any) -> None:
        """Run statements of ours, all at once for a query; they alone see these Arrow tables."""
        with self._connection.cursor() as cursor:
            for name, table in tables.items():
                cursor.register(name, table)
            cursor.begin()
            for statement in statements:
                cursor.execute(statement)
            cursor.commit()

    def _choose(self, schema: Any, nested: set[str], known: dict[str, str]) -> dict[str, str]:
        """Column of ours → its value in SQL over a table of this schema."""
        there = {column.name: _JSON if column.name in nested else _type_of(column.type) for column in schema}
        chosen = {name: quoted(name) for name in (*_HEAD, "raw", "reason") if name in there}
        aside: dict[str, str] = {}  # field → what of it stands in ``rest``
        for name in PLACE:
            label = f"json_extract_string(attrs, '$.{name}')" if "attrs" in there else "NULL"
            said = f"CAST({quoted(name)} AS VARCHAR)" if name in there else "NULL"
            chosen[name] = f"coalesce({label}, {_literal(known.get(name))}, {said})"
            aside |= {name: f"CASE WHEN {said} <> {chosen[name]} THEN {quoted(name)} END"} if name in there else {}
        for name in [one for one in there if one not in _HEAD | _TAIL]:
            kind, value = there[name], f"CAST({quoted(name)} AS {there[name]})"
            own = self._make_room(name, kind)
            if (own, kind) == (_NUMBER, _WHOLE):
                chosen[name] = f"CASE WHEN abs({value}) < {_EXACT} THEN {value} END"
                aside[name] = f"CASE WHEN abs({value}) >= {_EXACT} THEN {value} END"
            else:
                (chosen if own == kind else aside)[name] = value
        rest = "rest" if "rest" in there else "NULL"
        for name, value in aside.items():
            rest = f"with_field({rest}, {_literal(name)}, {value})"
        return {**chosen, "rest": rest}

    def _make_room(self, name: str, kind: str) -> str | None:
        """The type of a field's column, if it gets one; one of whole numbers takes fractions from now on."""
        taken = {one.casefold() for one in self.columns}  # SQL does not tell Level from level
        column, fields = quoted(name), {**self._fields, name: kind}
        if name.casefold() not in taken and len(self._fields) < MAX_FIELDS:
            self._run(f"ALTER TABLE entries ADD COLUMN {column} {kind}", _view(fields))
            self._fields = fields
        if (self._fields.get(name), kind) == (_WHOLE, _NUMBER):
            moved = f"rest = with_field(rest, {_literal(name)}, {column}), {column} = NULL"
            self._run(f"UPDATE entries SET {moved} WHERE abs({column}) >= {_EXACT}")  # noqa: S608 — only names
            self._run(f"ALTER TABLE entries ALTER COLUMN {column} TYPE DOUBLE", _view(fields))
            self._fields = fields
        return self._fields.get(name)

    def _where(self, text: str) -> tuple[str, list[object]]:
        """A search's condition; a field that no line has is a mistake."""
        columns, search = self.columns, parse(text)
        for field in search.unknown(columns) if len(self) else ():
            parameters: list[object] = []
            value = value_of(field, columns, parameters)
            if self.sql(f"SELECT 1 FROM logs WHERE {value} IS NOT NULL LIMIT 1", parameters).empty:  # noqa: S608
                raise no_such_field(field, columns)
        return search.where(columns)


def _view(fields: dict[str, str]) -> str:
    return f"CREATE OR REPLACE VIEW logs AS SELECT {', '.join(map(quoted, _HEAD | fields | _TAIL))} FROM entries"  # noqa: S608


def _type_of(kind: Any) -> str:
    numbers = ((pa.types.is_boolean, "BOOLEAN"), (pa.types.is_integer, _WHOLE), (pa.types.is_floating, _NUMBER))
    return _TIME if pa.types.is_timestamp(kind) else next((name for test, name in numbers if test(kind)), _TEXT)


def _literal(text: str | None) -> str:
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"
