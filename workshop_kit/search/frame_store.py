"""A log as the table ``logs`` in DuckDB, for SQL and the search language."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import Any, Self

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.observe.logs.frame import MAX_FIELDS
from workshop_kit.screen import in_lines
from workshop_kit.search.query import no_such_field, parse, value_of
from workshop_kit.search.query.comparisons import quoted

MAX_ROWS = 1_000_000
MAX_BYTES = 512 * 1024 * 1024
_SAFE: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",  # or a query could read the notebook's variables
    "temp_directory": "",
    "errors_as_json": "true",
}
PLACE = ("service", "environment", "container")  # from a line's ``attrs``, the caller of ``add``, or the line
_TEXT, _TIME, _WHOLE, _NUMBER, _JSON = "VARCHAR", "TIMESTAMPTZ_NS", "BIGINT", "DOUBLE", "JSON"
_HEAD = {"ts": _TIME, "received": _TIME, **dict.fromkeys(("stream", "attrs", *PLACE, "level", "logger", "msg"), _TEXT)}
_TAIL = {**dict.fromkeys(("rest", "raw", "reason"), _TEXT), "row": _WHOLE}
_GAP = ["ts", "service", "container", "reason", "from", "to"]
_EXACT = 2**53  # the integers that a DOUBLE holds without a gap
_WITH_FIELD = """CREATE MACRO with_field(rest, name, value) AS CASE WHEN value IS NULL THEN rest
    ELSE json_merge_patch(coalesce(rest, '{}'), json_object(name, value)) END"""


class FrameStore:
    """Frames of the log reader as the table ``logs``. Safe from any thread.

    Columns: those of the frames, ``service``, ``environment``, ``container`` where known, and ``row``, which counts
    from 0 in order of arrival. Times are UTC. It keeps ``max_rows``; ``dropped`` counts dropped rows.
    """

    def __init__(self, frame: pd.DataFrame | None = None, *, max_rows: int = MAX_ROWS, **known: str) -> None:
        self.max_rows, self.dropped = max_rows, 0
        self._end = 0  # the row that the next line gets
        self._fields: dict[str, str] = {}  # name → DuckDB type
        self._gaps: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._connection = _connect()
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
        """Return the rows of one SELECT. Raises WorkshopError for other statements and for mistakes."""
        return select(self._connection, query, parameters)

    def search(self, text: str = "", limit: int = 200) -> pd.DataFrame:
        """Return the newest matching lines, in order of arrival. Raises SearchMistake."""
        condition, parameters = self._where(text)
        query = f"SELECT * FROM logs WHERE {condition} ORDER BY row DESC LIMIT ?"  # noqa: S608 — only parameters
        return self.sql(query, [*parameters, limit])[::-1].reset_index(drop=True)

    def count(self, text: str = "") -> int:
        """Count the matching lines. Raises SearchMistake."""
        condition, parameters = self._where(text)
        return int(self.sql(f"SELECT count(*) AS lines FROM logs WHERE {condition}", parameters)["lines"][0])  # noqa: S608

    def gaps(self) -> pd.DataFrame:
        """Return where lines may be missing, according to the collector and the follower."""
        found = self.sql("SELECT * FROM logs WHERE logger = 'collector' AND msg = 'GAP' ORDER BY row")
        rest = [json.loads(text) for text in found["rest"].fillna("{}")]  # a gap's reason, not the reader's
        told = [line | more for line, more in zip(found.to_dict("records"), rest, strict=True)]
        return pd.DataFrame([{name: line.get(name) for name in _GAP} for line in (*told, *self._gaps)], columns=_GAP)

    def add(self, frame: pd.DataFrame, **known: str) -> None:
        """Add lines; ``known`` is the place of lines that do not name it: ``add(frame, service="orders")``.

        A field keeps the type of its first values; other values go to ``rest``.
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
        """Run trusted statements in one transaction that sees these Arrow tables."""
        with self._connection.cursor() as cursor:
            for name, table in tables.items():
                cursor.register(name, table)
            cursor.begin()
            for statement in statements:
                cursor.execute(statement)
            cursor.commit()

    def _choose(self, schema: Any, nested: set[str], known: dict[str, str]) -> dict[str, str]:
        """Return, by column of ``entries``, its value in SQL over a table of this schema."""
        there = {column.name: _JSON if column.name in nested else _type_of(column.type) for column in schema}
        chosen = {name: quoted(name) for name in (*_HEAD, "raw", "reason") if name in there}
        aside: dict[str, str] = {}  # field → its value for ``rest``
        for name in PLACE:
            label = f"json_extract_string(attrs, '$.{name}')" if "attrs" in there else "NULL"
            said = f"CAST({quoted(name)} AS VARCHAR)" if name in there else "NULL"
            chosen[name] = f"coalesce({label}, {_literal(known.get(name))}, {said})"
            aside |= {name: f"CASE WHEN {said} <> {chosen[name]} THEN {quoted(name)} END"} if name in there else {}
        for name in [one for one in there if one not in _HEAD | _TAIL]:
            kind, value = there[name], f"CAST({quoted(name)} AS {there[name]})"
            own = self._column_type(name, kind)
            if (own, kind) == (_NUMBER, _WHOLE):
                chosen[name] = f"CASE WHEN abs({value}) < {_EXACT} THEN {value} END"
                aside[name] = f"CASE WHEN abs({value}) >= {_EXACT} THEN {value} END"
            else:
                (chosen if own == kind else aside)[name] = value
        rest = "rest" if "rest" in there else "NULL"
        for name, value in aside.items():
            rest = f"with_field({rest}, {_literal(name)}, {value})"
        return {**chosen, "rest": rest}

    def _column_type(self, name: str, kind: str) -> str | None:
        """Return the type of a field's column, which is added if there is room; an integer column takes fractions."""
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
        """Return a search's condition. Raises SearchMistake for a field that no line has."""
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


def _connect() -> duckdb.DuckDBPyConnection:
    """Open a database in memory without access to files, network, settings and variables."""
    connection = duckdb.connect(":memory:", config=_SAFE)
    return connection.execute("SET TimeZone = 'UTC'").execute("SET lock_configuration = true")


def select(connection: Any, query: str, parameters: Sequence[object] = (), seconds: float = 30.0) -> pd.DataFrame:
    """Return the rows of one SELECT. Raises WorkshopError for a mistake, with its place, and after ``seconds``."""
    with connection.cursor() as cursor:
        timer = threading.Timer(seconds, cursor.interrupt)
        timer.daemon = True
        timer.start()
        try:
            kinds = [statement.type.name for statement in cursor.extract_statements(query)]
            if kinds != ["SELECT"]:
                what = f"this has {len(kinds)} statements" if len(kinds) != 1 else f"this is {kinds[0]}"
                raise WrongUsage(f"A log is asked with one SELECT: {what}.", "Write one query that only reads.")
            return _frame_of(cursor.sql(query, params=list(parameters)).to_arrow_reader())
        except (duckdb.Error, OSError) as error:  # OSError: while the answer is on its way
            if not timer.is_alive():
                raise WorkshopError(f"The query took more than {seconds:g} s.", "Ask for less.") from None
            raise _mistake(_located(cursor, error, query, parameters), query) from None
        finally:
            timer.cancel()


def _frame_of(reader: Any) -> pd.DataFrame:
    """Return the whole answer. Raises WorkshopError beyond MAX_BYTES (``FROM logs a, logs b`` by mistake)."""
    batches, size_bytes = [], 0
    for batch in reader:
        batches.append(batch)
        size_bytes += batch.nbytes
        if size_bytes > MAX_BYTES:
            what = f"The query was stopped: its answer has more than {MAX_BYTES // 2**20} MB."
            raise WorkshopError(what, "Count or group, or end it with LIMIT 1000.")
    table = pa.Table.from_batches(batches, reader.schema)
    frame = pd.DataFrame(dict(enumerate(map(_series, table.columns))))
    return frame.set_axis(pd.Index(table.column_names, dtype=object), axis=1)


def _series(column: Any) -> Any:
    """Return a column with times in UTC; integers stay integers where some are missing."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("ns")).to_pandas().dt.tz_localize("UTC")
    if column.null_count and (pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        return pd.Series(pd.arrays.ArrowExtensionArray(column))
    return (column.cast(pa.float64()) if pa.types.is_decimal(kind) else column).to_pandas()  # a sum is a decimal


def _located(cursor: Any, error: Exception, query: str, parameters: Sequence[object]) -> Exception:
    """Return the error with its place in the query, which DuckDB omits when it only prepares."""
    try:
        cursor.execute(query, list(parameters))
    except duckdb.Error as again:
        return again
    return error


def _mistake(error: Exception, query: str) -> WorkshopError:
    """Return DuckDB's message as one sentence with the line and the character (counted from 1)."""
    text = str(error)
    told = json.loads(text[text.find("{") :]) if "{" in text else {"exception_message": text}
    said, *more = in_lines(told["exception_message"]).split("\n")  # it may quote what stands in a line
    where = ""
    if "position" in told:
        before = query.encode()[: int(told["position"])].decode("utf-8", "replace")
        where = f" (line {before.count(chr(10)) + 1}, character {len(before) - before.rfind(chr(10))})"
    hint = next((line for line in more if line.startswith("Candidate")), "Correct the query")
    hint = "Ask the table logs" if said.startswith("Table with name") else hint
    return WrongUsage(f"The query cannot be answered: {said.rstrip('.!')}{where}.", f"{hint.rstrip('.')}.")
