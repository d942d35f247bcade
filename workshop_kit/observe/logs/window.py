"""What was given last, so that after an interruption nothing is given twice and a loss is noticed. Pure.

After an interruption the engine is asked for what came since a moment shortly before the last line. The lines that come
again are known by time (to the nanosecond) and stream, as often as they were given. If none of them comes again, the
engine no longer has them (rotated away, removed): whatever came after them may be gone, too. What is not noticed: lines
written while the reader was away and the machine's clock had been set back; the engine does not give them.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from workshop_kit.observe.logs.cutting import Block
from workshop_kit.observe.logs.pieces import kept, received_ns, stream_codes

SLACK_NS = 200_000_000  # the engine stamps a line before it writes it: two streams' lines may stand out of order


@dataclass(frozen=True)
class Gap:
    """Lines may be missing after the one received at ``after_ns`` (nanoseconds since 1970) and before the next one."""

    after_ns: int
    why: str


class Window:
    """The lines of the last moment; memory is bounded by what a container writes within it."""

    def __init__(self) -> None:
        self.last_ns: int | None = None
        self._recent: deque[tuple[Any, Any]] = deque()
        self._expected: Counter[tuple[int, int]] = Counter()
        self._start = 0
        self._unfinished: set[tuple[int, int]] = set()
        self._proved = True

    def resume(self, unfinished: set[tuple[int, int]]) -> int | None:
        """From when to ask again (nanoseconds since 1970; None: all); ``unfinished`` are lines not yet given."""
        if self.last_ns is None:
            return None
        self._start = self.last_ns - SLACK_NS
        self._expected = Counter()
        for times, streams in self._recent:
            late = times >= self._start
            self._expected.update(zip(times[late].tolist(), streams[late].tolist(), strict=True))
        self._proved = False
        self._unfinished = unfinished
        return min([self._start, *(ns for ns, _ in unfinished)])

    def new(self, block: Block) -> tuple[Block, list[Gap]]:
        """The lines that were not given yet, and the gap before them if there may be one."""
        if not len(block):
            return block, []
        times, streams = received_ns(block), stream_codes(block)
        known = np.zeros(len(block), bool)
        if self.last_ns is not None and self._expected:
            for row in np.flatnonzero(times <= self.last_ns):
                known[row] = self._is_known((int(times[row]), int(streams[row])))
        gaps = []
        if not self._proved:
            if not known.any() and self.last_ns is not None:
                gaps.append(Gap(self.last_ns, "the engine no longer has the lines that came before"))
            self._proved = True
        self._remember(times[~known], streams[~known])
        return (kept(block, ~known) if known.any() else block), gaps

    def _is_known(self, key: tuple[int, int]) -> bool:
        if key[0] < self._start:
            return key not in self._unfinished
        if self._expected[key] <= 0:
            return False
        self._expected[key] -= 1
        return True

    def _remember(self, times: Any, streams: Any) -> None:
        if not len(times):
            return
        self.last_ns = max(int(times.max()), self.last_ns or 0)
        recent = times >= self.last_ns - SLACK_NS
        self._recent.append((times[recent], streams[recent]))
        while self._recent and (not len(self._recent[0][0]) or self._recent[0][0].max() < self.last_ns - SLACK_NS):
            self._recent.popleft()
