"""What can be asked of a log, wherever it is kept."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, Self

import pandas as pd
import pyarrow.compute as pc

from workshop_kit.observe.log_store.database import Database, frame_of, types_of
from workshop_kit.observe.logs.search import Field, no_such_field, parse, value_of

SHOWN = 200
MAX_OF_A_REQUEST = 1_000
BUCKETS = 60
_STEPS_SECONDS = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000, 31536000),
)
_GAP = ("ts", "service", "container", "reason", "from", "to")

Between = tuple[datetime | str, datetime | str]


class LogStore(Protocol):
    """A log as the table ``logs``: the reader's columns, ``service``, ``environment``, ``container`` where known, and
    ``row``, which counts from 0 in order of arrival. All times are UTC. Safe from any thread.
    """

    @property
    def columns(self) -> dict[str, str]:
        """The table's columns: name → DuckDB type."""

    def sql(self, query: str, parameters: Sequence[object] = ()) -> pd.DataFrame:
        """The answer to one SELECT over ``logs``. Raises WorkshopError for anything else, and for a mistake in it."""

    def search(
        self, text: str = "", limit: int = SHOWN, *, between: Between | None = None, before: int | None = None
    ) -> pd.DataFrame:
        """The newest lines found, in order of arrival; ``before`` a row, to page. Raises SearchMistake."""

    def count(self, text: str = "", *, between: Between | None = None) -> int:
        """How many lines a search finds. Raises SearchMistake."""

    def histogram(self, text: str = "", buckets: int = BUCKETS, *, between: Between | None = None) -> pd.DataFrame:
        """How many lines a search finds by time and level: ``start`` (UTC), ``level`` ("" for none), ``lines``.

        ``attrs``: ``bucket_seconds``, and ``start`` and ``end`` of what is shown: the whole log, or ``between``.
        """

    def around(self, request_id: str) -> pd.DataFrame:
        """All lines of a request (1,000 at most), of whatever service, by time."""

    def gaps(self) -> pd.DataFrame:
        """Where lines may be missing: ts, service, container, reason, from, to, and what else is said of it."""


class Asked(ABC):
    """What every store answers alike, over the table that ``_table`` gives."""

    def __init__(self) -> None:
        self._database = Database()

    @abstractmethod
    def _table(self) -> Any:
        """The lines as they are now, in columns."""

    def close(self) -> None:
        """Free its memory."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        self.close()

    @property
    def columns(self) -> dict[str, str]:
        """The table's columns: name → DuckDB type."""
        return self._columns(self._table())

    def sql(self, query: str, parameters: Sequence[object] = ()) -> pd.DataFrame:
        """The answer to one SELECT over the table ``logs``."""
        return frame_of(self._database.ask(query, parameters, logs=self._table()))

    def search(
        self, text: str = "", limit: int = SHOWN, *, between: Between | None = None, before: int | None = None
    ) -> pd.DataFrame:
        """The newest lines that a search finds, in order of arrival."""
        table = self._table()
        condition, parameters = self._where(text, table, between)
        if before is not None:
            condition, parameters = f"{condition} AND row < ?", [*parameters, before]
        newest = f"SELECT * FROM logs WHERE {condition} ORDER BY row DESC LIMIT ?"  # noqa: S608 — only parameters
        return frame_of(self._database.ask(newest, [*parameters, limit], logs=table))[::-1].reset_index(drop=True)

    def count(self, text: str = "", *, between: Between | None = None) -> int:
        """How many lines a search finds."""
        table = self._table()
        condition, parameters = self._where(text, table, between)
        query = f"SELECT count(*) FROM logs WHERE {condition}"  # noqa: S608
        return int(self._database.ask(query, parameters, logs=table).column(0)[0].as_py())

    def histogram(self, text: str = "", buckets: int = BUCKETS, *, between: Between | None = None) -> pd.DataFrame:
        """How many lines a search finds by time and level."""
        table = self._table()
        condition, parameters = self._where(text, table, between)
        start, end = self._span(table, between)
        step = next((one for one in _STEPS_SECONDS if (end - start) / 1e9 / one < buckets - 1), _STEPS_SECONDS[-1])
        nanoseconds = round(step * 1e9)
        found = self._database.ask(
            "SELECT make_timestamp_ns(epoch_ns(ts) // ? * ?) AS start, coalesce(level, '') AS level,"  # noqa: S608
            f" count(*) AS lines FROM logs WHERE {condition} AND ts IS NOT NULL GROUP BY ALL ORDER BY ALL",
            [nanoseconds, nanoseconds, *parameters],
            logs=table,
        )
        frame = frame_of(found)
        frame.attrs = {"bucket_seconds": step, "start": _utc(start), "end": _utc(end)}
        return frame

    def around(self, request_id: str) -> pd.DataFrame:
        """All lines of a request, of whatever service, by time."""
        table = self._table()
        columns = self._columns(table)
        parameters: list[object] = []
        field = Field("request_id", "=", (request_id,), 0, 0)
        value = value_of(field, columns, parameters)
        query = f"SELECT * FROM logs WHERE {value} = ? ORDER BY ts, row LIMIT {MAX_OF_A_REQUEST}"  # noqa: S608
        return frame_of(self._database.ask(query, [*parameters, request_id], logs=table))

    def gaps(self) -> pd.DataFrame:
        """Where lines may be missing, as the collector says."""
        table = self._table()
        places = pc.indices_nonzero(pc.equal(table.column("msg"), "GAP"))  # a question to DuckDB takes 20 times as long
        told = table.take(places) if len(places) else table.slice(0, 0)
        found = frame_of(self._database.ask("SELECT * FROM logs WHERE logger = 'collector' ORDER BY row", logs=told))
        rows = [_said(line) for line in found.to_dict("records")]
        return pd.DataFrame(rows, columns=list(dict.fromkeys([*_GAP, *(key for row in rows for key in row)])))

    def _columns(self, table: Any) -> dict[str, str]:
        return dict(types_of(self._database.ask("DESCRIBE logs", logs=table.slice(0, 0))))

    def _where(self, text: str, table: Any, between: Between | None) -> tuple[str, list[object]]:
        """A search's condition; a field that no line has is a mistake."""
        columns = self._columns(table)
        search = parse(text)
        condition, parameters = search.where(columns)
        for field in search.unknown(columns) if len(table) else ():
            own: list[object] = []
            value = value_of(field, columns, own)
            query = f"SELECT 1 FROM logs WHERE {value} IS NOT NULL LIMIT 1"  # noqa: S608
            if not len(self._database.ask(query, own, logs=table)):
                raise no_such_field(field, columns)
        if between is not None:
            start, end = (str(pd.Timestamp(one)) for one in between)
            times = "ts >= CAST(? AS TIMESTAMPTZ_NS) AND ts < CAST(? AS TIMESTAMPTZ_NS)"
            return f"{condition} AND {times}", [*parameters, start, end]
        return condition, parameters

    def _span(self, table: Any, between: Between | None) -> tuple[int, int]:
        """From when to when, in nanoseconds since 1970."""
        if between is not None:
            start, end = (_ns(pd.Timestamp(one)) for one in between)
            return start, end
        found = self._database.ask("SELECT epoch_ns(min(ts)), epoch_ns(max(ts)) FROM logs", logs=table).to_pydict()
        first, last = (values[0] or 0 for values in found.values())
        return first, last


def _ns(moment: pd.Timestamp) -> int:
    moment = moment.tz_localize("UTC") if moment.tzinfo is None else moment
    return int(moment.as_unit("ns").value)


def _utc(nanoseconds: int) -> pd.Timestamp:
    return pd.Timestamp(nanoseconds, unit="ns", tz="UTC")


def _said(line: dict[str, Any]) -> dict[str, Any]:
    """What a line said, with what stands in ``rest``; the reader's ``reason`` is another than the gap's."""
    hidden = {"row", "raw", "reason", "rest", "attrs", "stream", "received", "level", "logger", "msg"}
    found = {key: value for key, value in line.items() if key not in hidden and pd.notna(value)}
    return {**found, **(json.loads(line["rest"]) if pd.notna(line["rest"]) else {})}
