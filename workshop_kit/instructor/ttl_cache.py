"""Something that costs, made only when somebody wants it, and then at most every so often, however many ask."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Made = TypeVar("Made")


class AtMostEvery(Generic[Made]):
    """``get`` returns what ``make`` made last, and makes it anew once that is ``seconds`` old.

    Whoever asks while it is being made waits for it. What ``make`` raises, ``get`` raises, and nothing is kept.
    """

    def __init__(self, seconds: float, make: Callable[[], Made], clock: Callable[[], float] = time.monotonic) -> None:
        self.times = 0
        self._seconds, self._make, self._clock = seconds, make, clock
        self._lock = threading.Lock()
        self._kept: tuple[float, Made] | None = None

    def get(self) -> Made:
        """The newest there is."""
        with self._lock:
            if self._kept is None or self._clock() - self._kept[0] >= self._seconds:
                began = self._clock()
                self._kept = (began, self._make())
                self.times += 1
            return self._kept[1]
