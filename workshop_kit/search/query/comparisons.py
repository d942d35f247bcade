"""Compare a field with a typed value, by the type of its column: the condition in SQL. Pure."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from workshop_kit.observe.logs.lines import LEVELS
from workshop_kit.search.query.parser import Field, SearchMistake

TEXT, NUMBER, BOOL, TIME = "text", "number", "bool", "time"
_NUMBERS = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DOUBLE|FLOAT|DECIMAL)\b")
_NUMBER = re.compile(r"[+-]?(\d{1,400}(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_MAX_INT = 2**63
_AGO = re.compile(r"-(\d{1,9})(ms|[smhd])", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt](\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?)?([Zz]|[+-]\d\d:?\d\d)?", re.ASCII
)
_FIRST, _LAST = datetime(1678, 1, 1, tzinfo=UTC), datetime(2262, 1, 1, tzinfo=UTC)  # what nanoseconds can say
_INSTANT = timedelta(microseconds=1)
_DAY, _HOUR, _MINUTE, _SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
ORDER: Mapping[str, Callable[[int, int], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def quoted(name: str) -> str:
    """A column's name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def like(segments: tuple[str, ...]) -> str:
    """Return the LIKE pattern of the segments with any text between them."""
    escape = str.maketrans({"%": r"\%", "_": r"\_", "\\": r"\\"})
    return "%".join(segment.translate(escape) for segment in segments)


def in_column(field: Field, column: str, kind: str, parameters: list[object], now: datetime | None) -> str:
    """Return the condition on a column; null where it has no value. Raises SearchMistake for another type."""
    name = quoted(column)
    if kind == TIME:
        return _time(field, name, parameters, now)
    if len(field.segments) > 1:
        return _matches(field, f"CAST({name} AS VARCHAR)", parameters)
    if kind == NUMBER:
        return _compared(field, name, _number(field, column), parameters)
    if kind == BOOL:
        return _truth(field, column, parameters)
    if column == "level":
        return _level(field, name, parameters)
    return _compared(field, name, field.value, parameters)


def in_json(field: Field, value: str, parameters: list[object]) -> str:
    """Return the condition on a value in JSON: as a number if the search has one, else as text."""
    if field.segments == ("", ""):
        return f"{value} IS {'' if field.operator == '!=' else 'NOT '}NULL"
    if len(field.segments) > 1:
        return _matches(field, value, parameters)
    asked = number(field.value)
    if asked is not None and field.operator != "!=":  # with !=, a value that is no number differs, too
        return _compared(field, f"try_cast({value} AS DOUBLE)", asked, parameters)
    return _compared(field, value, field.value, parameters)


def _compared(field: Field, value: str, asked: object, parameters: list[object]) -> str:
    parameters.append(asked)
    return f"{value} {'=' if field.operator == ':' else field.operator} ?"


def _matches(field: Field, value: str, parameters: list[object]) -> str:
    parameters.append(like(field.segments))
    return f"{value} {'NOT ' if field.operator == '!=' else ''}LIKE ? ESCAPE '\\'"


def _number(field: Field, column: str) -> float | int:
    found = number(field.value)
    if found is None:
        raise SearchMistake(
            field.value_position, f"{column} is a number, {field.value!r} is none", f"Write a number, as in {column}>0."
        )
    return found


def _truth(field: Field, column: str, parameters: list[object]) -> str:
    found = truth(field.value)
    if found is None or field.operator in ORDER:
        raise SearchMistake(field.value_position, f"{column} is true or false", f"Write {column}:true.")
    return _compared(field, quoted(column), found, parameters)


def _time(field: Field, name: str, parameters: list[object], now: datetime | None) -> str:
    """With ``:`` a time stands for all of its second, minute, hour or day, else for its first moment."""
    found = period(field.value, now)
    if found is None:
        raise SearchMistake(
            field.value_position,
            f"{field.value!r} is no time",
            "Write one as in 2026-11-24T16:06, or how long ago as in -5m.",
        )
    first, end = found
    if field.operator in ORDER:
        parameters.append(first)
        return f"{name} {field.operator} CAST(? AS TIMESTAMPTZ_NS)"
    parameters += [first, end]
    inside = f"{name} >= CAST(? AS TIMESTAMPTZ_NS) AND {name} < CAST(? AS TIMESTAMPTZ_NS)"
    return f"NOT ({inside})" if field.operator == "!=" else f"({inside})"


def _level(field: Field, name: str, parameters: list[object]) -> str:
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
    parameters += names
    listed = ", ".join("?" * len(names))
    if not names:
        return "false"
    return f"lower({name}) {'NOT ' if field.operator == '!=' else ''}IN ({listed})"


def kind_of(sql_type: str) -> str:
    """Return the kind of a DuckDB type: number, bool, time, else text."""
    if sql_type.startswith(("TIMESTAMP", "DATE")):
        return TIME
    if sql_type == "BOOLEAN":
        return BOOL
    return NUMBER if _NUMBERS.match(sql_type) else TEXT


def number(text: str) -> int | float | None:
    """Return the number in a text; None if it is none, or too large for a column."""
    if not _NUMBER.fullmatch(text):
        return None
    if text.lstrip("+-").isdigit() and abs(int(text)) < _MAX_INT:
        return int(text)
    found = float(text)
    return found if math.isfinite(found) else None


def truth(text: str) -> bool | None:
    """Return the bool in a text, else None."""
    return {"true": True, "false": False}.get(text.casefold())


def period(text: str, now: datetime | None = None) -> tuple[str, str] | None:
    """Return the start and the end (excluded) of a time as DuckDB reads them; None for other texts.

    ``2026-11-24T16`` is an hour, ``now`` and ``-5m`` are a microsecond. Without a zone it is UTC.
    """
    now = now or datetime.now(UTC)
    ago = _AGO.fullmatch(text)
    match = _TIME.fullmatch(text)
    try:
        if ago or text == "now":
            start = now - timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]]) if ago else now
            return _to_sql(start), _to_sql(start + _INSTANT)
        return _period(match) if match else None
    except (ValueError, OverflowError):
        return None


def _period(match: re.Match[str]) -> tuple[str, str]:
    day, hour, minute, second, fraction, zone = match.groups()
    zone = "+00:00" if zone in {None, "Z", "z"} else zone
    start = datetime.fromisoformat(f"{day}T{hour or '00'}:{minute or '00'}:{second or '00'}{zone}")
    if not fraction:
        return _to_sql(start), _to_sql(start + (_SECOND if second else _MINUTE if minute else _HOUR if hour else _DAY))
    nanoseconds, length = int(fraction.ljust(9, "0")), 10 ** (9 - len(fraction))
    carry, end = divmod(nanoseconds + length, 10**9)
    return _to_sql(start, nanoseconds), _to_sql(start + carry * _SECOND, end)


def _to_sql(moment: datetime, nanoseconds: int | None = None) -> str:
    within = min(max(moment.astimezone(UTC), _FIRST), _LAST)
    fraction = within.microsecond * 1_000 if nanoseconds is None else nanoseconds
    return within.strftime("%Y-%m-%d %H:%M:%S") + f".{fraction:09}+00"
