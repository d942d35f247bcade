"""Which fields become columns, and of which type: decided by all values together, not by the first ones. Pure.

A field's type is that of most of its values (numbers count as one type, an integer column turns to float if any of
them has a fraction or exponent); a tie is decided by the order of ``_RANK``. What does not fit goes to ``rest``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pyarrow as pa

from workshop_kit.observe.logs import times
from workshop_kit.observe.logs.judging import Number, as_json

TIME, TEXT, INT, FLOAT, BOOL, JSON = "time", "text", "int", "float", "bool", "json"
FIXED = {"ts": TIME, "level": TEXT, "logger": TEXT, "msg": TEXT}
CATEGORIES = frozenset({"level", "logger", "out"})  # of text: few values, many times
RESERVED = frozenset({"received", "stream", "attrs", "rest", "raw", "reason"})
ARROW = {
    TIME: times.UTC_NS,
    TEXT: pa.string(),
    INT: pa.int64(),
    FLOAT: pa.float64(),
    BOOL: pa.bool_(),
    JSON: pa.string(),
}
SQL = {TIME: "VARCHAR", TEXT: "VARCHAR", INT: "BIGINT", FLOAT: "DOUBLE", BOOL: "BOOLEAN", JSON: "JSON"}
MAX_FIELDS = 64
EXACT_INT = 2**53  # the integers that a float holds without a gap
_MAX_KEY = 64
_MAX_SEEN = 100_000
_RANK = (TEXT, FLOAT, BOOL, JSON)

Types = Mapping[str, str]


class Seen(dict[str, Counter[str]]):
    """How often each field had a value of which kind."""

    def add(self, key: str, kind: str, times_seen: int = 1) -> None:
        """Count a value, or many."""
        kinds = self.get(key)
        if kinds is None:
            kinds = self[key] = Counter()
        kinds[kind] += times_seen

    def add_some(self, key: str, kind: str, times_seen: int) -> None:
        """Count so many values, if there are any."""
        if times_seen:
            self.add(key, kind, times_seen)

    def add_all(self, other: Seen) -> None:
        """Count what another has counted."""
        for key, kinds in other.items():
            self.setdefault(key, Counter()).update(kinds)
        if len(self) > _MAX_SEEN:  # somebody makes up names: the frequent ones are enough
            rare = sorted(self, key=lambda one: (-self[one].total(), one))[_MAX_SEEN // 2 :]
            for key in rare:
                del self[key]

    def types(self) -> dict[str, str]:
        """The columns: the fixed ones, then up to MAX_FIELDS others, the most frequent first."""
        found = dict(FIXED)
        taken = {key.casefold() for key in (*found, *RESERVED)}  # DuckDB does not tell Level from level
        for key in sorted(self, key=lambda one: (-self[one].total(), one)):
            if len(found) == len(FIXED) + MAX_FIELDS:
                break
            if key.casefold() not in taken and _is_plain(key):
                taken.add(key.casefold())
                found[key] = _type_of(self[key])
        return found


def kind_of(value: Any) -> str:
    """The kind of a value of ``judge``: a type of a column, or "" for null."""
    if isinstance(value, Number):
        return INT if value.whole else FLOAT
    if isinstance(value, str):
        return TEXT
    if isinstance(value, bool):
        return BOOL
    return "" if value is None else JSON


class Fit(NamedTuple):
    """What a column holds of a value (None: nothing), and whether that is all of it."""

    value: Any
    exact: bool


NO_FIT = Fit(None, False)


def fitted(value: Any, kind: str) -> Fit:
    """A value of ``judge`` as a column of that type holds it; a time as nanoseconds since 1970."""
    if value is None:
        return Fit(None, True)
    found: Any
    if isinstance(value, Number):
        found = _number(value, kind)
    elif isinstance(value, str):
        if kind == TIME:
            instant = times.instant(value)
            return Fit(*instant) if instant else NO_FIT
        found = value if kind == TEXT else None
    elif isinstance(value, bool):
        found = value if kind == BOOL else None
    else:
        found = as_json(value) if kind == JSON else None
    return Fit(found, found is not None)


def _number(value: Number, kind: str) -> int | float | None:
    if kind == INT:
        return value.as_int()
    if kind != FLOAT:
        return None
    if value.whole:
        whole = value.as_int()
        return float(whole) if whole is not None and abs(whole) < EXACT_INT else None
    number = float(value)
    return number if abs(number) != float("inf") else None


def _type_of(kinds: Counter[str]) -> str:
    groups = Counter({kind: kinds[kind] for kind in (TEXT, BOOL, JSON)})
    groups[FLOAT] = kinds[INT] + kinds[FLOAT]
    most = max(groups.values())
    chosen = next(kind for kind in _RANK if groups[kind] == most)
    return INT if chosen == FLOAT and not kinds[FLOAT] else chosen


def _is_plain(key: str) -> bool:
    return 0 < len(key) <= _MAX_KEY and key.isprintable() and not set(key) & set("\"'\\")


def counted(records: Iterable[Mapping[str, Any]]) -> Seen:
    """What a number of records hold."""
    seen = Seen()
    for fields in records:
        for key, value in fields.items():
            seen.add(key, kind_of(value))
    return seen
