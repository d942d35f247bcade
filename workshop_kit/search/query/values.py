"""What a value in a search may be: a number, true or false, a time. Pure."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

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


def kind_of(sql_type: str) -> str:
    """The kind of a column of a DuckDB type: everything that is no number, bool or time is text."""
    if sql_type.startswith(("TIMESTAMP", "DATE")):
        return TIME
    if sql_type == "BOOLEAN":
        return BOOL
    return NUMBER if _NUMBERS.match(sql_type) else TEXT


def number(text: str) -> int | float | None:
    """The number that a text is; None if it is none, or past what a column can hold."""
    if not _NUMBER.fullmatch(text):
        return None
    if text.lstrip("+-").isdigit() and abs(int(text)) < _MAX_INT:
        return int(text)
    found = float(text)
    return found if math.isfinite(found) else None


def truth(text: str) -> bool | None:
    """True or false, if the text says so."""
    return {"true": True, "false": False}.get(text.casefold())


def period(text: str, now: datetime | None = None) -> tuple[str, str] | None:
    """From when to when (not included) a text says, as DuckDB reads it: ``2026-11-24T16`` is an hour, ``now`` and
    ``-5m`` are a microsecond. Without a zone it is UTC.
    """
    now = now or datetime.now(UTC)
    ago = _AGO.fullmatch(text)
    match = _TIME.fullmatch(text)
    try:
        if ago or text == "now":
            start = now - timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]]) if ago else now
            return _written(start), _written(start + _INSTANT)
        return _period(match) if match else None
    except (ValueError, OverflowError):
        return None


def _period(match: re.Match[str]) -> tuple[str, str]:
    day, hour, minute, second, fraction, zone = match.groups()
    zone = "+00:00" if zone in {None, "Z", "z"} else zone
    start = datetime.fromisoformat(f"{day}T{hour or '00'}:{minute or '00'}:{second or '00'}{zone}")
    if not fraction:
        return _written(start), _written(
            start + (_SECOND if second else _MINUTE if minute else _HOUR if hour else _DAY)
        )
    nanoseconds, length = int(fraction.ljust(9, "0")), 10 ** (9 - len(fraction))
    carry, end = divmod(nanoseconds + length, 10**9)
    return _written(start, nanoseconds), _written(start + carry * _SECOND, end)


def _written(moment: datetime, nanoseconds: int | None = None) -> str:
    within = min(max(moment.astimezone(UTC), _FIRST), _LAST)
    fraction = within.microsecond * 1_000 if nanoseconds is None else nanoseconds
    return within.strftime("%Y-%m-%d %H:%M:%S") + f".{fraction:09}+00"
