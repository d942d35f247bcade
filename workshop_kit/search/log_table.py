"""A log as the table ``logs`` in DuckDB, for the search language: from frames, or from a bucket."""

from __future__ import annotations

import contextlib
import gzip
import io
import threading
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from workshop_kit.engine.aws import Access, translate_errors
from workshop_kit.errors import did_you_mean
from workshop_kit.files import write_atomically
from workshop_kit.observe.logs import read_json_file
from workshop_kit.reporting import Report, Step, silent
from workshop_kit.search.language import COLUMNS, TIMES, Condition, SearchMistake, is_column, translate, value_of

MAX_ROWS = 1_000_000
PLACE = ("service", "environment", "container")  # from a line's ``attrs``, the caller of ``add``, or the line
_TYPES_BY_COLUMN = {**dict.fromkeys(TIMES, "TIMESTAMPTZ_NS"), **dict.fromkeys(("level", *COLUMNS), "VARCHAR")}
_GAP = "logger = 'collector' AND msg = 'GAP'"


class FrameStore:
    """Frames of the log reader as one table. Safe from any thread.

    Fields without a column of their own are in ``fields``, as texts; nested ones are JSON. ``row`` counts lines from 0
    in order of arrival. Times are UTC. The newest ``max_rows`` lines are kept; ``dropped`` counts the older ones, and
    ``end`` all lines.
    """

    def __init__(self, frame: pd.DataFrame | None = None, *, max_rows: int = MAX_ROWS, **place: str) -> None:
        self.max_rows = max_rows
        self.dropped = 0
        self.end = 0
        self._gaps: list[str] = []
        self._lock = threading.Lock()

        self._connection = duckdb.connect(":memory:")
        columns = ", ".join(f"{name} {sql_type}" for name, sql_type in _TYPES_BY_COLUMN.items())
        statement = f"CREATE TABLE logs ({columns}, fields MAP(VARCHAR, VARCHAR), row BIGINT)"
        self._connection.execute(f"SET TimeZone = 'UTC'; {statement}")

        if frame is not None:
            self.add(frame, **place)

    def __len__(self) -> int:
        return self.end - self.dropped

    def add(self, frame: pd.DataFrame, **place: str) -> None:
        """Add lines; ``place`` is that of lines that do not name theirs: ``add(frame, service="orders")``."""
        frame_without_attrs = frame.copy(deep=False)
        frame_without_attrs.attrs = {}  # Arrow would try to write them as JSON
        table = pa.Table.from_pandas(frame_without_attrs, preserve_index=False)
        values_by_column = _values_in_sql(table.column_names, place)
        selected = ", ".join(f"{value} AS {name}" for name, value in values_by_column.items())

        with self._lock, self._connection.cursor() as cursor:
            numbers = pa.array(np.arange(self.end, self.end + len(frame)))
            cursor.register("incoming", table.append_column("incoming_row", numbers))
            cursor.execute(f"INSERT INTO logs BY NAME SELECT {selected} FROM incoming")  # noqa: S608 - quoted names

            self.end += len(frame)
            if len(self) > self.max_rows:
                self.dropped = self.end - self.max_rows
                cursor.execute("DELETE FROM logs WHERE row < ?", [self.dropped])
            self._gaps += frame.attrs.get("gaps", ())

    def select(self, query: str, parameters: Sequence[object] = ()) -> pd.DataFrame:
        """Return the rows of a query."""
        with self._connection.cursor() as cursor:
            return cursor.execute(query, list(parameters)).df()

    def where(self, text: str) -> Condition:
        """Return a search's condition. Raises SearchMistake, also for a field that no line has."""
        condition = translate(text)
        for name, position in condition.fields.items():
            if len(self) and not is_column(name):
                self._require_field(name, position)
        return condition

    def gaps(self) -> list[str]:
        """Return the reason of each gap: where lines may be missing, according to the collector and the follower."""
        gap_rows = self.select(f"SELECT fields['reason'] AS reason FROM logs WHERE {_GAP} ORDER BY row")  # noqa: S608 - constant
        return [*gap_rows["reason"].fillna("unknown"), *self._gaps]

    def _require_field(self, name: str, position: int) -> None:
        """Raise SearchMistake if no line has a field of this name."""
        parameters: list[object] = []
        value = value_of(name, parameters)
        if not self.select(f"SELECT 1 FROM logs WHERE {value} IS NOT NULL LIMIT 1", parameters).empty:  # noqa: S608 - parameters
            return

        names = self.select("SELECT DISTINCT unnest(map_keys(fields)) AS name FROM logs")["name"]
        suggestion = did_you_mean(name, [*names, *COLUMNS, *TIMES, "level"])
        advice = suggestion or "Put it in quotes to look for it as text."
        raise SearchMistake(position, f"no line has a field {name}", advice)


class BucketStore(FrameStore):
    """The lines in a bucket's parts, by the engine's time; see FrameStore. Parts are kept in the ``cache`` folder.

    A part is an object ``PREFIX/ENVIRONMENT/SERVICE/YYYY/MM/DD/HH/*.jsonl.gz``; it never changes, and is fetched once.
    Raises WorkshopError if the bucket does not answer.
    """

    def __init__(
        self, access: Access, bucket: str, cache: Path, prefix: str = "logs/", report: Report = silent
    ) -> None:
        super().__init__()
        self._access = access
        self._client = access.client("s3")
        self._bucket = bucket
        self._prefix = prefix
        self._folder = cache / bucket

        frame = read_json_file(self._lines(self._part_keys(), report))
        self.add(frame.sort_values("received", kind="stable", ignore_index=True))
        report(Step("Reading logs", 1.0, done=True))

    def _part_keys(self) -> list[str]:
        """Return the keys of all parts in the bucket, sorted. Raises WorkshopError if the bucket does not answer."""
        with translate_errors(self._access, f"list the logs in {self._bucket}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return sorted(key for key in keys if key.endswith(".jsonl.gz"))

    def _lines(self, keys: list[str], report: Report) -> Iterator[bytes]:
        """Yield the records of some parts in order; four parts are fetched at a time. A damaged part is a gap."""
        with ThreadPoolExecutor(4, "logs: fetch") as pool:
            packed_parts = pool.map(self._read_part, keys)
            for number, (key, packed) in enumerate(zip(keys, packed_parts, strict=True)):
                report(Step("Reading logs", number / len(keys), key.removeprefix(self._prefix)))
                try:
                    yield from io.BytesIO(gzip.decompress(packed))
                except (EOFError, OSError, zlib.error):
                    self._gaps.append(f"{key} is damaged")

    def _read_part(self, key: str) -> bytes:
        """Return a part from the cache, or else from the bucket, and then keep it in the cache."""
        path = self._folder / key
        with contextlib.suppress(OSError):
            return path.read_bytes()
        with translate_errors(self._access, f"read {key}"):
            data = bytes(self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read())
        write_atomically(path, data)
        return data


def _values_in_sql(incoming_names: Collection[str], place: Mapping[str, str]) -> dict[str, str]:
    """Return for each column of ``logs`` the SQL that makes its value of an incoming line.

    ``incoming_names`` are the columns of the incoming lines. A line belongs to the place that its labels name, else to
    ``place``, else to the one that it names itself.
    """
    columns = {}
    for name, sql_type in _TYPES_BY_COLUMN.items():
        if name in incoming_names:
            columns[name] = f"TRY_CAST({_quoted(name)} AS {sql_type})"

    fields = {}
    for name in incoming_names:
        if name not in {*_TYPES_BY_COLUMN, "attrs", "rest"}:
            fields[name] = f"CAST({_quoted(name)} AS VARCHAR)"

    for name in PLACE:
        label_value = f"json_extract_string(attrs, '$.{name}')" if "attrs" in incoming_names else "NULL"
        given_value = _literal(place.get(name))
        line_value = columns.get(name, "NULL")
        columns[name] = f"coalesce({label_value}, {given_value}, {line_value})"
        if name in incoming_names:  # what the line says instead, if that is not the place
            fields[name] = f"nullif({line_value}, {columns[name]})"

    fields_map = _fields_map(fields)
    if "rest" in incoming_names:
        rest_map = "coalesce(CAST(CAST(rest AS JSON) AS MAP(VARCHAR, VARCHAR)), MAP {})"
        fields_map = f"map_concat({fields_map}, {rest_map})"
    return {**columns, "fields": fields_map, "row": "incoming_row"}


def _fields_map(values_by_field: Mapping[str, str]) -> str:
    """Return SQL for a map with the fields that a line has, each with its value in SQL."""
    entries = []
    for name, value in values_by_field.items():
        entries.append(f"{{'key': {_literal(name)}, 'value': {value}}}")

    pairs = f"CAST([{', '.join(entries)}] AS STRUCT(key VARCHAR, value VARCHAR)[])"
    return f"map_from_entries(list_filter({pairs}, lambda entry: entry.value IS NOT NULL))"


def _quoted(name: str) -> str:
    """Return a name as an identifier in SQL."""
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str | None) -> str:
    """Return a text as a literal in SQL; NULL for None."""
    if text is None:
        return "NULL"
    return "'" + text.replace("'", "''") + "'"
