"""Lines while they are written: a frame whenever there is enough of them, or time for it. Bounded memory."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Iterator
from typing import IO

import pandas as pd

from workshop_kit.observe.joining import MAX_LINE_BYTES
from workshop_kit.observe.logs.reading import PLAIN, Reader

BATCH_BYTES = 2 * 1024 * 1024
EVERY_SECONDS = 0.25
_READ_BYTES = 1024 * 1024


def follow_pipe(
    file: IO[bytes],
    stop: threading.Event | None = None,
    *,
    kind: str = PLAIN,
    every_seconds: float = EVERY_SECONDS,
    batch_bytes: int = BATCH_BYTES,
    max_line_bytes: int = MAX_LINE_BYTES,
) -> Iterator[pd.DataFrame]:
    """Frames of what comes through a pipe, until its end or ``stop``; none is empty.

    A frame comes at the latest ``every_seconds`` after its first line, or when ``batch_bytes`` have come. While the
    caller is busy the writer waits: memory stays flat, and nothing is dropped. A line keeps ``max_line_bytes``.
    """
    stop = stop or threading.Event()
    descriptor = file.fileno()
    with Reader(kind, live=True, max_line_bytes=max_line_bytes) as reader:
        while not stop.is_set():
            data, ended = _batch(descriptor, stop, every_seconds, batch_bytes)
            reader.feed(data)
            if ended:
                reader.end()
            if reader.rows:
                yield reader.frame()
            if ended:
                return


def _batch(descriptor: int, stop: threading.Event, every_seconds: float, batch_bytes: int) -> tuple[bytes, bool]:
    """The next bytes, and whether the pipe has ended."""
    parts: list[bytes] = []
    size, deadline = 0, time.monotonic() + every_seconds
    while size < batch_bytes and not stop.is_set():
        left = deadline - time.monotonic()
        if left <= 0 and parts:
            break
        ready, _, _ = select.select([descriptor], [], [], min(0.1, max(left, 0.01)))
        if not ready:
            continue
        data = os.read(descriptor, _READ_BYTES)
        if not data:
            return b"".join(parts), True
        if not parts:
            deadline = time.monotonic() + every_seconds
        parts.append(data)
        size += len(data)
    return b"".join(parts), False
