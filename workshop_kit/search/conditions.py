"""The tree of a search → a condition in SQL on the rows of `FrameStore`. Pure: names and values are parameters."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pandas as pd

from workshop_kit.observe.logs.lines import EXACT_INT, LEVELS
from workshop_kit.search.parser import And, Field, Node, Not, Or, SearchMistake, Text

COLUMNS = ("stream", "service", "environment", "container", "logger", "msg", "raw", "reason")
"""The columns with a text besides ``level``; all other fields are in the map ``fields``."""
TIMES = ("ts", "received")
_VALUES = "concat_ws(chr(10), level, logger, msg, raw, array_to_string(map_values(fields), chr(10)))"
_NUMBER = re.compile(r"[+-]?(\d{1,16}(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
_AGO = re.compile(r"-(\d{1,9})(ms|[smhd])", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_TIME = re.compile(r"(\d{4}-\d\d-\d\d(?:[Tt]\d\d(?::\d\d(?::\d\d(?:\.\d{1,9})?)?)?)?)([Zz]|[+-]\d\d:?\d\d)?", re.ASCII)
_YEARS = range(1700, 2262)  # of which nanoseconds fit into 64 bits
ORDER: Mapping[str, Callable[[int, int], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def condition(node: Node, parameters: list[object], now: datetime | None = None) -> str:
    """Return a condition that is true or false for every row, never null; append to the parameters.

    ``ts>-5m`` counts from ``now``. Raises SearchMistake for a value that is no time or no level where one is needed.
    """
    if isinstance(node, Not):
        return f"NOT {condition(node.part, parameters, now)}"
    if isinstance(node, And | Or):
        parts = [condition(part, parameters, now) for part in node.parts]
        return f"({(' AND ' if isinstance(node, And) else ' OR ').join(parts)})" if parts else "true"
    found = _text(node, parameters) if isinstance(node, Text) else _field(node, parameters, now)
    return f"coalesce({found}, false)"


def is_column(name: str) -> bool:
    """Return whether a field of this name has a column of its own."""
    return name in COLUMNS or name in TIMES or name == "level"


def value_of(name: str, parameters: list[object]) -> str:
    """Return the text of a field that is no column, or of one inside another: ``error.type`` is in ``error``, too."""
    parameters.append(name)
    found = ["fields[?]"]
    parts = name.split(".")
    for cut in range(1, len(parts)):
        outer, inner = ".".join(parts[:cut]), parts[cut:]
        parameters += [outer, outer, "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in inner)]
        found.append("CASE WHEN json_valid(fields[?]) THEN json_extract_string(fields[?], ?) END")
    return f"coalesce({', '.join(found)})"


def _text(node: Text, parameters: list[object]) -> str:
    if len(node.segments) == 1:
        parameters.append(node.segments[0])
        return f"contains(lower({_VALUES}), lower(?))"
    parameters.append(f"%{_like(node.segments)}%")
    return f"{_VALUES} ILIKE ? ESCAPE '\\'"


def _like(segments: tuple[str, ...]) -> str:
    """Return the LIKE pattern of the segments with any text between them."""
    escape = str.maketrans({"%": r"\%", "_": r"\_", "\\": r"\\"})
    return "%".join(segment.translate(escape) for segment in segments)


def _field(field: Field, parameters: list[object], now: datetime | None) -> str:
    if field.operator in ORDER and len(field.segments) > 1:
        problem = f"{field.operator} cannot be asked of a text with *"
        raise SearchMistake(field.value_position, problem, "Write : instead.")
    has_pattern = len(field.segments) > 1
    if field.name == "level" and not has_pattern:
        return _level(field, parameters)
    if field.name in TIMES and not has_pattern:
        return _time(field, parameters, now)
    column = f"CAST({field.name} AS VARCHAR)" if is_column(field.name) else ""
    if field.segments == ("", ""):
        return f"{column or value_of(field.name, parameters)} IS {'' if field.operator == '!=' else 'NOT '}NULL"
    if has_pattern:
        value = column or value_of(field.name, parameters)
        parameters.append(_like(field.segments))
        return f"{value} {'NOT ' if field.operator == '!=' else ''}LIKE ? ESCAPE '\\'"
    return _compared(field, column, parameters)


def _compared(field: Field, column: str, parameters: list[object]) -> str:
    """Compare as numbers where the search has one, else as texts."""
    sign = "=" if field.operator == ":" else field.operator
    number = float(field.value) if _NUMBER.fullmatch(field.value) else None
    value = column or value_of(field.name, parameters)
    if number is None or abs(number) >= EXACT_INT:
        parameters.append(field.value)
        return f"{value} {sign} ?"
    parameters.append(number)
    compared = f"try_cast({value} AS DOUBLE) {sign} ?"
    if sign != "!=":
        return compared
    return f"coalesce({compared}, {column or value_of(field.name, parameters)} IS NOT NULL)"  # a text differs, too


def _level(field: Field, parameters: list[object]) -> str:
    """Compare levels by severity, under all their names."""
    asked = field.value.casefold()
    rank = next((place for place, names in enumerate(LEVELS) if asked in names), None)
    if field.operator not in ORDER:
        names: list[str] = list(LEVELS[rank]) if rank is not None else [asked]
    elif rank is None:
        known = ", ".join(one[0] for one in LEVELS)
        raise SearchMistake(field.value_position, f"{field.value!r} is no level", f"Write one of {known}.")
    else:
        fits = ORDER[field.operator]
        names = [one for place, same in enumerate(LEVELS) if fits(place, rank) for one in same]
    parameters.append(names)
    return f"{'NOT ' if field.operator == '!=' else ''}list_contains(CAST(? AS VARCHAR[]), lower(level))"


def _time(field: Field, parameters: list[object], now: datetime | None) -> str:
    """Return the condition of a time: with ``:`` all of its second, minute, hour or day, else its first moment."""
    found = _period(field.value, now or datetime.now(UTC))
    if found is None:
        advice = "Write one as in 2026-11-24T16:06, or how long ago as in -5m."
        raise SearchMistake(field.value_position, f"{field.value!r} is no time", advice)
    moments = [moment.isoformat() for moment in found]
    if field.operator in ORDER:
        parameters.append(moments[0])
        return f"{field.name} {field.operator} CAST(? AS TIMESTAMPTZ_NS)"
    parameters += moments
    inside = f"{field.name} >= CAST(? AS TIMESTAMPTZ_NS) AND {field.name} < CAST(? AS TIMESTAMPTZ_NS)"
    return f"NOT ({inside})" if field.operator == "!=" else f"({inside})"


def _period(text: str, now: datetime) -> tuple[datetime, datetime] | None:
    """Return the start and the end (excluded) of a time; None for other texts. Without a zone it is UTC."""
    if ago := _AGO.fullmatch(text):
        start = now - min(timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]]), timedelta(days=36_500))
        return start, start
    match = _TIME.fullmatch(text)
    try:
        if match is None or int(text[:4]) not in _YEARS:
            return None
        period = pd.Period(match[1])
        zone = "UTC" if match[2] in {None, "Z", "z"} else match[2]
        return period.start_time.tz_localize(zone), (period + 1).start_time.tz_localize(zone)
    except ValueError:
        return None
