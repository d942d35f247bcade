"""Wait to be told to end: by Ctrl-C, by SIGTERM, or by the terminal being closed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def until_told() -> Iterator[threading.Event]:
    """Yield what is set by the first signal that asks to end; inside the block nothing else happens because of one.

    What was begun ends in its own time, and clean-up is not cut short: the second Ctrl-C is no more than the first.
    """
    told = threading.Event()

    def tell(_number: int, _frame: FrameType | None) -> None:
        told.set()

    before = {number: signal.signal(number, tell) for number in SIGNALS}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
