"""How long a request waited for each of its dependencies, in milliseconds, summed by name."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_waits: ContextVar[dict[str, float] | None] = ContextVar("waits", default=None)


def start() -> dict[str, float]:
    """Begin to measure for this request; returns what will be filled: ``{"master_db_ms": 1.2}``."""
    waits: dict[str, float] = {}
    _waits.set(waits)
    return waits


@contextmanager
def waiting_for(name: str) -> Iterator[None]:
    """Count the time of the block as a wait for the dependency ``name``, whether it ends well or not."""
    started = time.perf_counter()
    try:
        yield
    finally:
        waits = _waits.get()
        if waits is not None:
            key = f"{name.replace('-', '_')}_ms"
            waits[key] = round(waits.get(key, 0.0) + (time.perf_counter() - started) * 1000, 1)
