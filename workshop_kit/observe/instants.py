"""A moment as people give it, made sure of. Pure."""

from __future__ import annotations

import math
from datetime import datetime
from numbers import Real

from workshop_kit.errors import WrongUsage

Moment = datetime | float
"""A datetime with its time zone, or seconds since 1970."""


def seconds(moment: Moment, name: str = "time") -> float:
    """Seconds since 1970. Raises WrongUsage, which calls it ``name``, for what is no moment, or has no time zone.

    >>> seconds(datetime.fromisoformat("1970-01-01T00:01:00+00:00"))
    60.0
    """
    if isinstance(moment, Real) and not isinstance(moment, bool) and math.isfinite(moment):
        return float(moment)
    if not isinstance(moment, datetime):
        raise WrongUsage(f"The {name} {moment!r} is no time.", "Write, say, datetime.now(UTC) - timedelta(minutes=10).")
    if moment.tzinfo is None:
        raise WrongUsage(f"The {name} {moment} does not say in which time zone it is.", "Use datetime.now(UTC).")
    return moment.timestamp()
