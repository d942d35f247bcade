"""How fast participants may join from one address: a token bucket, in which a whole room fits."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

MOST_AT_ONCE = 200
"""All laptops of a room may stand behind one address."""
PER_SECOND = 2.0
AFTER_REMOVAL = 20
"""So many may join from an address at once after participants of it were removed."""


@dataclass
class JoinLimit:
    """Admits `MOST_AT_ONCE` joins from an address, and then `PER_SECOND`."""

    clock: Callable[[], float] = time.monotonic
    _joins_left: dict[str, tuple[float, float]] = field(default_factory=dict, repr=False)
    """By address: how many joins were left, and when they were counted."""

    def take(self, address: str) -> bool:
        """Return whether one more may join from an address now, and count it."""
        now = self.clock()
        joins_before, counted_at = self._joins_left.get(address, (MOST_AT_ONCE, now))
        joins_left = min(MOST_AT_ONCE, joins_before + PER_SECOND * (now - counted_at))

        may_join = joins_left >= 1
        if may_join:
            joins_left -= 1
        self._joins_left[address] = (joins_left, now)
        return may_join

    def restart(self, address: str) -> None:
        """Let only `AFTER_REMOVAL` join from an address at once, so that a flood that continues comes back slowly."""
        self._joins_left[address] = (AFTER_REMOVAL, self.clock())
