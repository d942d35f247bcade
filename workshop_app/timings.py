"""How long a request waited for each of its dependencies, summed: concurrent waits count each.

A wait has the pool, the connection and the answer in it, and counts whether it ended well or not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_waits: ContextVar[dict[str, float] | None] = ContextVar("waits", default=None)


def of_request() -> dict[str, float]:
    """Begin to sum up: milliseconds by name, ``{"master_db_ms": 1.2}``, only those used.

    It ends with the task that the request runs in, which has a context of its own.
    """
    waits: dict[str, float] = {}
    _waits.set(waits)
    return waits


@contextmanager
def waiting_for(name: str) -> Iterator[None]:
    """Count the time of the ``with`` block as a wait for the dependency ``name`` (``master-db``)."""
    waits = _waits.get()
    started = time.perf_counter()
    try:
        yield
    finally:
        if waits is not None:
            key = f"{name.replace('-', '_')}_ms"
            waits[key] = round(waits.get(key, 0.0) + (time.perf_counter() - started) * 1000, 1)
