"""Lines of a log as a DataFrame; the package's docstring has its columns. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import pandas as pd

from workshop_kit.observe.logs.lines import Line, Parsed, parse_fields

ALWAYS = ("level", "logger", "msg")
RESERVED = frozenset({"ts", "received", "stream", "labels", "raw", "reason"})
MAX_FIELDS = 64
_TIME = re.compile(r"(?:1[7-9]|2[01])\d\d-\d\d-\d\d[Tt ].*(?:[Zz]|[+-]\d\d:?\d\d)", re.ASCII)
"""A time with its zone, in the years that nanoseconds can tell."""


def frame_of(lines: Iterable[Line]) -> pd.DataFrame:
    """Return the lines as a DataFrame: a row each, in their order."""
    lines = list(lines)
    parsed_lines = [Parsed({}, line.reason) if line.reason else parse_fields(line.text) for line in lines]
    events = [parsed.fields for parsed in parsed_lines]

    received = _times([line.received for line in lines])
    columns: dict[str, Any] = {
        "ts": _times([event.get("ts") for event in events]).fillna(received),
        "received": received,
        "stream": _column([line.stream for line in lines]),
    }
    if any(line.labels for line in lines):
        columns["labels"] = _column([line.labels for line in lines])
    for name in _column_names(events):
        columns[name] = _column([event.get(name) for event in events])

    columns["raw"] = _column([line.text for line in lines])
    columns["reason"] = _column([parsed.reason for parsed in parsed_lines])
    return pd.DataFrame(columns)


def _column_names(events: Sequence[dict[str, Any]]) -> list[str]:
    """Return the fields that become columns, the most frequent first."""
    counts = Counter(chain.from_iterable(events))
    for name in (*RESERVED, *ALWAYS):
        del counts[name]
    frequent_fields = counts.most_common(MAX_FIELDS)
    return [*ALWAYS, *dict(frequent_fields)]


def _column(values: list[Any]) -> pd.Series:
    """Return the values of a field in pandas' type for them, or as they are if they have several types."""
    return pd.Series(values, dtype="object").convert_dtypes()


def _times(values: list[Any]) -> pd.Series:
    """Return the values as times in UTC; NaT for what is no time with its zone."""
    texts = [value if _is_time(value) else None for value in values]
    times = pd.to_datetime(pd.Series(texts, dtype="object"), utc=True, format="ISO8601", errors="coerce")
    return times.astype("datetime64[ns, UTC]")


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and _TIME.fullmatch(value) is not None
