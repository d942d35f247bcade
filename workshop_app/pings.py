"""What the pings of one dependency have found so far, whoever asked for them: kept beside it, shown by ``/metrics``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Pings:
    """The sum of all pings, and the last one; a ping that was given up counts like one that failed."""

    count: int = 0
    seconds: float = 0.0
    passed: bool | None = None  # the last one; None: there was none yet
    at: float = 0.0  # when the last one ended, in seconds since 1970

    @contextmanager
    def measured(self) -> Iterator[None]:
        """The ``with`` block is a ping, which fails by raising."""
        started, passed = time.perf_counter(), False
        try:
            yield
            passed = True
        finally:
            self.count += 1
            self.seconds += time.perf_counter() - started
            self.passed, self.at = passed, time.time()
