"""Wait for something to become true."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def wait_until(
    condition: Callable[[], Value], *, timeout_seconds: float = 60.0, reason: Callable[[], str] = lambda: "too late"
) -> Value:
    """Return the value of ``condition`` once it is true; fail the test with the ``reason`` when it is not in time."""
    deadline = time.monotonic() + timeout_seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, reason()
        time.sleep(0.05)
    return value
