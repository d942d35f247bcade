"""The matching lines as three numbers each (row, time, level), so that a page or a span needs no second search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workshop_kit.observe.logs.lines import LEVELS as LEVEL_GROUPS
from workshop_kit.search import FrameStore

LEVELS = ("error", "warning", "info", "debug", "other")
"""The levels of the bars: critical and fatal count as error, trace as debug, unknown names as other."""
NO_TIME = np.iinfo(np.int64).min
"""The time of a line without one; such lines come first."""
STEPS_US = (
    *(n * 10**power for power in range(6) for n in (1, 2, 5)),
    *(n * 1_000_000 for n in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)),
    *(n * 3_600_000_000 for n in (1, 2, 3, 6, 12, 24, 48, 168)),
)
"""The lengths of a bar, in microseconds; longer ones than a week double the last."""

_INDEX_BY_GROUP = {"trace": 3, "debug": 3, "info": 2, "warning": 1, "error": 0, "critical": 0}


@dataclass(frozen=True)
class Hits:
    """The lines that match among those numbered ``first`` to ``end`` (excluded) of a store, oldest first.

    ``row`` numbers them in the store, ``at`` is microseconds since 1970 in UTC or `NO_TIME`, ``level`` an index in
    `LEVELS`; equal times stand as they arrived. ``condition`` and ``parameters`` are what they match.
    """

    condition: str
    parameters: Sequence[Any]
    row: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    at: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    level: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))
    first: int = 0
    end: int = 0

    def __len__(self) -> int:
        return len(self.row)

    def subset(self, which: slice | NDArray[Any]) -> Hits:
        """Return those of a slice, a mask, or an order."""
        return replace(self, row=self.row[which], at=self.at[which], level=self.level[which])

    def within(self, span: tuple[int, int] | None) -> Hits:
        """Return those in a time span (microseconds, end excluded); for None all, those without a time, too."""
        return self if span is None else self.subset(slice(*np.searchsorted(self.at, span)))


@dataclass(frozen=True)
class Histogram:
    """The number of lines by time and level: bar n begins at ``first_us + n * step_us`` and lasts ``step_us``.

    ``counts`` has a list for each of `LEVELS`, all of one length; empty where nothing has a time.
    """

    first_us: int
    step_us: int
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class StoreState:
    """The state of a store: the number of its first line, the number after its last, and its columns.

    ``span`` is the time of the oldest and the newest line, in microseconds; None where no line has a time.
    """

    first: int
    end: int
    columns: Mapping[str, str]
    span: tuple[int, int] | None


def state_of(store: FrameStore) -> StoreState:
    """Return the state of a store."""
    columns = dict(store.columns)
    times = f"{_us('min(ts)')}, {_us('max(ts)')}" if "ts" in columns else "NULL, NULL"
    found = store.sql(f"SELECT coalesce(min(row), 0), coalesce(max(row) + 1, 0), {times} FROM logs").iloc[0]  # noqa: S608 - our own names
    first, end, oldest, newest = found
    span = None if pd.isna(oldest) or pd.isna(newest) else (int(oldest), int(newest))
    return StoreState(int(first), int(end), columns, span)


def extend_hits(hits: Hits, store: FrameStore, there: StoreState) -> Hits:
    """Return the hits for a new state of the store: with new lines, without dropped ones."""
    if there.first > hits.first:
        hits = replace(hits.subset(hits.row >= there.first), first=there.first)
    if there.end <= hits.end:
        return hits
    time, level = time_sql(there.columns), level_sql(there.columns)
    found = store.sql(
        f"SELECT row, {time} AS at, {level} AS level FROM logs "  # noqa: S608 - our own names
        f"WHERE row >= {max(there.first, hits.end)} AND row < {there.end} AND ({hits.condition})",
        hits.parameters,
    )
    came = Hits("", (), *(found[name].to_numpy() for name in ("row", "at", "level")))
    if not _ascends(came.row):
        came = came.subset(np.argsort(came.row))
    hits = replace(
        hits,
        row=np.concatenate([hits.row, came.row]),
        at=np.concatenate([hits.at, came.at]),
        level=np.concatenate([hits.level, came.level.astype(np.int8)]),
        end=there.end,
    )
    # What came has higher numbers than what was there: a stable sort by time leaves equal times in order of arrival.
    return hits if _ascends(hits.at) else hits.subset(np.argsort(hits.at, kind="stable"))


def groups(hits: Hits, store: FrameStore, columns: Mapping[str, str], span: tuple[int, int] | None) -> pd.DataFrame:
    """The hits within a span by service, level and message: ``row`` of the newest of each, and how many ``lines``."""
    keys = [name for name in ("service", "level", "msg", "raw") if name in columns]
    time = time_sql(columns)
    inside = f" AND {time} >= {span[0]} AND {time} < {span[1]}" if span else ""
    return store.sql(
        f"SELECT max(row) AS row, count(*) AS lines FROM logs WHERE row >= {hits.first} AND row < {hits.end} "  # noqa: S608 - our own names
        f"AND ({hits.condition}){inside} GROUP BY {', '.join(keys)} ORDER BY row DESC",
        hits.parameters,
    )


def histogram(hits: Hits, span: tuple[int, int] | None, bars: int = 60) -> Histogram:
    """Count the hits by time and level over a span (its end excluded), in at most ``bars`` bars of a round length."""
    if span is None:
        return Histogram(0, 1, tuple(() for _ in LEVELS))
    inside = hits.within(span)
    step = step_for(span[1] - span[0], bars)
    first = span[0] // step * step
    many = max(1, -(-(span[1] - first) // step))
    places = (inside.at - first) // step * len(LEVELS) + inside.level
    counted = np.bincount(places, minlength=many * len(LEVELS)).reshape(-1, len(LEVELS))
    return Histogram(first, step, tuple(tuple(int(n) for n in column) for column in counted.T))


def step_for(span_us: int, bars: int) -> int:
    """Return the shortest round length with which ``bars`` bars cover a span."""
    wanted = -(-span_us // max(1, bars - 1))
    step: int = next((step for step in STEPS_US if step >= wanted), STEPS_US[-1])
    while step < wanted:
        step *= 2
    return step


def time_sql(columns: Mapping[str, str]) -> str:
    """Return the time of a line in SQL: microseconds since 1970, or `NO_TIME`."""
    return f"coalesce({_us('ts')}, {NO_TIME})" if "ts" in columns else f"CAST({NO_TIME} AS BIGINT)"


def _us(value: str) -> str:
    return f"epoch_us(CAST({value} AS TIMESTAMPTZ))"  # the reader's nanoseconds have no epoch_us of their own


def level_sql(columns: Mapping[str, str]) -> str:
    """Return the level of a line in SQL, as an index in `LEVELS`."""
    if "level" not in columns:
        return f"{len(LEVELS) - 1}"
    cases = " ".join(f"WHEN '{name}' THEN {_INDEX_BY_GROUP[names[0]]}" for names in LEVEL_GROUPS for name in names)
    return f"CASE lower(CAST(level AS VARCHAR)) {cases} ELSE {len(LEVELS) - 1} END"


def _ascends(numbers: NDArray[Any]) -> bool:
    return bool(np.all(numbers[1:] >= numbers[:-1]))
