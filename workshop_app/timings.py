"""How long a request waited for each of its dependencies, summed: concurrent waits count each.

A wait has the pool, the connection and the answer in it, and counts whether it ended well or not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Self

_waits: ContextVar[dict[str, float] | None] = ContextVar("waits", default=None)


class Waits(dict[str, float]):
    """Milliseconds by name: ``{"master_db_ms": 1.2}``; only those used. It counts what is inside its ``with`` block."""

    def __enter__(self) -> Self:
        self._token = _waits.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _waits.reset(self._token)


def of_request() -> Waits:
    """Sum up the waits inside the ``with`` block."""
    return Waits()


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
