"""When the engine received the messages of its answer: neighbors in it, and how fast a container writes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from workshop_kit.observe.logs.cutting import line_ends
from workshop_kit.observe.logs.messages import framed
from workshop_kit.observe.logs.sources import stamps

NEVER = -(2**63)


class Moments(NamedTuple):
    """Of whole messages: where they end in the bytes (the last byte + 1), their times in ns since 1970, their streams.

    Time and stream identify a message well enough. The time is NEVER where a message has none.
    """

    ends: Any
    times: Any
    codes: Any


def moments(data: bytes, terminal: bool) -> Moments:
    """What the engine sent, with timestamps; of a container with a terminal a message is a line. A rest is left out."""
    if terminal:
        ends = line_ends(data[: data.rfind(b"\n") + 1])
        starts, codes = np.concatenate([np.zeros(1, np.int64), ends])[:-1], np.zeros(len(ends), np.int8)
    else:
        starts, ends, codes = framed(data)
    if not len(ends):
        return Moments(ends, ends, codes)
    received, _ = stamps(data, starts, ends)
    return Moments(ends, received.cast(pa.int64()).fill_null(NEVER).to_numpy(zero_copy_only=False), codes)


def pairs(some: Moments, last: tuple[int, int] | None, times: Any) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Messages of some times, each with the one after it; ``last`` is the message before these."""
    if last is not None:
        yield last, (int(some.times[0]), int(some.codes[0]))
    for row in np.flatnonzero(np.isin(some.times[:-1], times)):
        after = (int(some.times[row + 1]), int(some.codes[row + 1]))
        yield (int(some.times[row]), int(some.codes[row])), after


class Pace:
    """How fast a container writes, in bytes a nanosecond by the engine's times."""

    def __init__(self, window_bytes: int) -> None:
        self._window = max(1, window_bytes)
        self._bytes, self._start, self._end = 0, NEVER, NEVER
        self._fastest = 0.0

    def take(self, found: Moments) -> None:
        """Look at some messages."""
        later = np.searchsorted(found.ends, found.ends + self._window)
        rows = np.flatnonzero(later < len(found.ends))
        times = np.maximum(1, found.times[later[rows]] - found.times[rows])
        speeds = (found.ends[later[rows]] - found.ends[rows]) / times
        self._fastest = max(self._fastest, float(speeds.max()) if len(speeds) else 0.0)
        self._start = int(found.times[0]) if self._start == NEVER else self._start
        self._bytes, self._end = self._bytes + int(found.ends[-1]), int(found.times[-1])

    def least_ns(self, size: int) -> float:
        """How long so many bytes take at least, at twice the speed of the fastest stretch so far."""
        return size / (2 * max(self._fastest, self._bytes / max(1, self._end - self._start)))
