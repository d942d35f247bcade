"""RFC 3339 text → nanoseconds since 1970 in UTC, exactly or not at all. Pure.

Accepted: what RFC 3339 allows (a space or a lower-case t or z included), up to nine digits of a second, 1678 to 2261.
A time without a zone is refused: it could mean anything. A leap second (:60) is a time, but not one that a column of
nanoseconds can hold: it becomes the second after it and counts as inexact, as do fractions below a nanosecond.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

UTC_NS = pa.timestamp("ns", "UTC")
_MARKS = {4: "-", 7: "-", 13: ":", 16: ":"}
_LEAST = len("2026-11-24T16:06:14Z")
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII
)
_FIRST_NS, _LAST_NS = -(2**63) + 1, 2**63 - 1  # the one below the first is pandas' "not a time"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(NamedTuple):
    """Nanoseconds since 1970 in UTC; ``exact`` is false where the text says more than that can hold."""

    ns: int
    exact: bool


def instant(text: str) -> Instant | None:
    """The instant a text names, or None.

    >>> instant("1970-01-01T09:00:00.5+09:00")
    Instant(ns=500000000, exact=True)
    >>> instant("1970-01-01T00:00:00") is None
    True
    """
    found = _RFC3339.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    leap = second == 60
    try:
        zone = _zone(found[9], found[10], found[11])
        whole = datetime(year, month, day, hour, minute, 59 if leap else second, tzinfo=zone)
    except ValueError:
        return None
    since = whole - _EPOCH
    fraction = (found[7] or "").ljust(9, "0")
    ns = (since.days * 86_400 + since.seconds) * 10**9 + (10**9 if leap else int(fraction[:9]))
    exact = not leap and not fraction[9:].strip("0")
    return Instant(ns, exact) if _FIRST_NS <= ns <= _LAST_NS else None


def column(texts: Any) -> tuple[Any, Any]:
    """Arrow strings → (Arrow times, numpy mask of the rows that hold a text which is not exactly a time)."""
    if _look_usual(texts):
        try:
            return texts.cast(UTC_NS), np.zeros(len(texts), bool)
        except pa.ArrowInvalid:  # the 30th of February, an hour 24, the year 1500
            pass
    return _one_by_one(texts)


def _look_usual(texts: Any) -> bool:
    """Whether all have their marks where RFC 3339 has them; what is no digit between them, Arrow finds."""
    _, offsets, data = texts.buffers()
    places = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    there = slice(None) if not texts.null_count else np.flatnonzero(~nulls(texts))
    starts, ends = places[:-1][there], places[1:][there]
    sizes, table = ends - starts, None
    if not len(sizes) or sizes.min() < _LEAST:
        return not len(sizes)
    view = np.frombuffer(data, np.uint8)
    if sizes.max() == sizes.min() and ends[-1] - starts[0] == sizes.sum():  # one behind the other: a table of bytes
        table = view[starts[0] : ends[-1]].reshape(len(sizes), -1)

    def byte(place: int) -> Any:
        return view[(starts if place >= 0 else ends) + place] if table is None else table[:, place]

    utc = byte(-1) == ord("Z")
    zoned = (byte(-3) == ord(":")) & ((byte(-6) == ord("+")) | (byte(-6) == ord("-")))
    whole_second = sizes == np.where(utc, _LEAST, _LEAST + 5)
    good = (utc | zoned) & (whole_second | (byte(19) == ord(".")))
    good &= (byte(10) == ord("T")) | (byte(10) == ord(" "))
    for place, mark in _MARKS.items():
        good &= byte(place) == ord(mark)
    return bool(good.all())


def _one_by_one(texts: Any) -> tuple[Any, Any]:
    found = [None if text is None else instant(text) for text in texts.to_pylist()]
    odd = np.array([one is None or not one.exact for one in found], bool) & ~nulls(texts)
    return pa.array([one.ns if one else None for one in found], pa.int64()).cast(UTC_NS), odd


def nulls(values: Any) -> Any:
    """Where an Arrow array is null, as a numpy mask."""
    return values.is_null().to_numpy(zero_copy_only=False)


def _zone(sign: str | None, hours: str | None, minutes: str | None) -> timezone:
    if sign is None or hours is None or minutes is None:
        return UTC
    if int(hours) > 23 or int(minutes) > 59:
        raise ValueError
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-offset if sign == "-" else offset)
