"""A countdown that the presenter sets, starts, holds and sets back, and everybody sees. Pure: the clock is given."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from workshop_kit.errors import WrongUsage

MOST_MINUTES = 600


@dataclass
class Countdown:
    """``clock`` gives seconds that only grow. It may go below zero: how far over time is worth knowing."""

    minutes: float = 5.0
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    _left: float = field(init=False)
    _since: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._left = self.minutes * 60

    @property
    def runs(self) -> bool:
        """Whether it counts."""
        return self._since is not None

    @property
    def seconds_left(self) -> float:
        """What is left now; negative once the time is over."""
        return self._left - (self.clock() - self._since if self._since is not None else 0.0)

    def set(self, minutes: object) -> None:
        """Begin anew with so many minutes, standing. Raises WrongUsage for what is no such number."""
        number = minutes if isinstance(minutes, int | float) and not isinstance(minutes, bool) else 0
        if not 0 < number <= MOST_MINUTES:
            raise WrongUsage(f"A countdown takes up to {MOST_MINUTES} minutes, and {minutes!r} is not.")
        self.minutes = float(number)
        self.set_back()

    def start(self) -> None:
        """Count; one that counts already goes on."""
        if self._since is None:
            self._since = self.clock()

    def hold(self) -> None:
        """Stop counting, keep what is left."""
        self._left, self._since = self.seconds_left, None

    def set_back(self) -> None:
        """Back to all the minutes, standing."""
        self._left, self._since = self.minutes * 60, None
