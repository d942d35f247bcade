"""Which of a dependency's ups and downs are worth a line: an outage is, the hundredth flicker of the same one is not.

Two outages in quick succession are told as they happen. What flickers on after that is said to flap, once; its changes
are then only counted, until it has kept one state for ten seconds. Then comes what it is now, with their number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

SETTLED_SECONDS = 10.0  # who keeps a state as long as this has settled
TOLD_IN_A_ROW = 4  # down, up, down, up: each within SETTLED_SECONDS of the one before


@dataclass(frozen=True)
class News:
    """What is worth a line: how it is, and how many changes that sums up; it flaps: more will come, unsaid."""

    is_now: Literal["down", "up", "flapping"]
    changes: int = 1


@dataclass
class Flapping:
    """One dependency's story so far; up until we hear otherwise. Times are seconds, on any clock that goes on."""

    up: bool = True
    _changed_at: float = -math.inf
    _in_a_row: int = 0
    _untold: int = 0

    def note(self, *, up: bool, at_seconds: float) -> News | None:
        """Take in how it is; return what is worth a line.

        >>> story = Flapping()
        >>> [news and news.is_now for second in range(8) for news in [story.note(up=second % 2 > 0, at_seconds=second)]]
        ['down', 'up', 'down', 'up', 'flapping', None, None, None]
        >>> story.note(up=True, at_seconds=17)
        News(is_now='up', changes=4)
        """
        settled = at_seconds - self._changed_at >= SETTLED_SECONDS
        if up is self.up:
            return self._news() if settled and self._untold else None
        self.up, self._changed_at = up, at_seconds
        self._untold += 1
        self._in_a_row = 1 if settled else self._in_a_row + 1
        if self._in_a_row <= TOLD_IN_A_ROW:
            return self._news()
        return News("flapping", self._untold) if self._in_a_row == TOLD_IN_A_ROW + 1 else None

    def _news(self) -> News:
        told, self._untold = self._untold, 0
        return News("up" if self.up else "down", told)
