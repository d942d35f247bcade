"""Notice where the engine's answer skips lines, although it goes on as if nothing had happened.

While an engine's follower is more than one rotated file behind the writer, it goes from the file it has open to the
newest one and leaves out those between (its own log then has a warning, its answer nothing). What is left out is whole
files, so it can only be where the engine's times jump by as long as a file takes to be written. Wherever that may be,
the engine is asked, without following, whether the two lines are neighbors.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from workshop_kit.errors import WorkshopError
from workshop_kit.observe.lines import has_terminal, open_log
from workshop_kit.observe.logs.containers import gathered
from workshop_kit.observe.logs.moments import NEVER, Moments, Pace, moments, pairs
from workshop_kit.observe.logs.window import SLACK_NS, Gap
from workshop_kit.observe.wire import Away

_FASTEST = 0.25  # bytes a nanosecond (256 MB/s) that an engine can write into a log, and then some
_SPARE = 1_000  # messages that may have come since
_WINDOW_BYTES = 1024 * 1024
_SCAN_BYTES = 1024 * 1024
_CLOCKS_APART_NS = 5_000_000_000  # at most, between this machine and the engine's
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_LOCAL_BYTES = 20 * 1024**2  # of a file of the local driver, and of the copy an engine keeps for remote drivers


class Told(NamedTuple):
    """What is passed on, the gaps in it, and whether the rest has to be asked for again: lines are missing after it."""

    data: bytes
    gaps: list[Gap]
    broken: bool


class Watch:
    """Looks through what one connection brings; lets whole messages through until one is missing."""

    def __init__(self, container: Any, stop: threading.Event, settled: set[tuple[int, int]]) -> None:
        self._container, self._stop = container, stop
        self._file_bytes = file_bytes(container.attrs["HostConfig"]["LogConfig"])
        self._terminal = has_terminal(container)
        self._settled = settled  # the times on both sides of jumps that were judged, on this connection or before
        self._from_ns = time.time_ns() - _CLOCKS_APART_NS  # what was written before is in files the engine has open
        self._waiting = b""
        self._last: tuple[int, int] | None = None
        self._pace = Pace(min(_WINDOW_BYTES, self._file_bytes or 0))

    def checked(self, data: bytes, ended: bool) -> Told:
        """The next bytes, split anywhere."""
        if not self._file_bytes:
            return Told(data, [], False)
        data = self._waiting + data if self._waiting else data
        found = moments(data, self._terminal)
        used = int(found.ends[-1]) if len(found.ends) else 0
        self._waiting = data[used:]
        if not used:
            return Told(self._waiting if ended else b"", [], False)
        self._pace.take(found)
        gaps, broken_at = self._judged(found)
        self._last = (int(found.times[-1]), int(found.codes[-1]))
        if broken_at is not None:
            return Told(data[: int(found.ends[broken_at - 1]) if broken_at else 0], gaps, True)
        return Told(data if ended else data[:used], gaps, False)

    def _judged(self, found: Moments) -> tuple[list[Gap], int | None]:
        """Gaps that cannot be mended, and the first message before which some are missing that the engine still has."""
        before = np.concatenate([[found.times[0] if self._last is None else self._last[0]], found.times[:-1]])
        codes = np.concatenate([[found.codes[0] if self._last is None else self._last[1]], found.codes[:-1]])
        jumps = found.times - before
        at_risk = (found.times >= self._from_ns) & (before != NEVER)
        jumped = np.flatnonzero(at_risk & (jumps >= (self._file_bytes or 0) / _FASTEST)).tolist()
        rows = [row for row in jumped if (int(before[row]), int(found.times[row])) not in self._settled]
        if not rows:
            return [], None
        wanted = [(int(before[row]), int(codes[row])) for row in rows]
        after = self._neighbors(wanted, int(found.times[rows[-1]]), len(found.times) - rows[0] + _SPARE)
        gaps: list[Gap] = []
        for row, one in zip(rows, wanted, strict=True):
            if after is None:
                return gaps, row
            followers = after.get(one)
            if followers and (int(found.times[row]), int(found.codes[row])) in followers:
                continue
            self._settled.add((one[0], int(found.times[row])))
            if followers:
                return gaps, row
            if jumps[row] >= self._pace.least_ns(self._file_bytes or 0):
                gaps.append(Gap(one[0], "the engine may have skipped a file of its log, and no longer has it"))
        return gaps, None

    def _neighbors(
        self, wanted: list[tuple[int, int]], last_ns: int, tail: int
    ) -> Mapping[tuple[int, int], set[Any]] | None:
        """What stands after each of some messages in the engine's log, as far as it has them; None: it is away.

        Asking for its last messages, ``tail`` of them, spares it reading all it has; mostly they are enough.
        """
        since = {"since": _seconds(wanted[0][0] - SLACK_NS)}
        try:
            found = self._asked(wanted, {"tail": tail, **since})
            if wanted[0] not in found:
                found = self._asked(wanted, {"tail": "all", **since, "until": _seconds(last_ns + SLACK_NS)})
        except Away:
            return None
        except WorkshopError:  # it is being removed
            return {}
        return None if self._stop.is_set() else found

    def _asked(self, wanted: list[tuple[int, int]], params: Mapping[str, Any]) -> dict[tuple[int, int], set[Any]]:
        found: dict[tuple[int, int], set[Any]] = {}
        times = np.unique(np.array([ns for ns, _ in wanted]))
        keys, waiting, last = set(wanted), b"", None
        with open_log(self._container, params, self._stop) as stream:
            for data in gathered(stream, _SCAN_BYTES):
                waiting += data
                some = moments(waiting, self._terminal)
                if not len(some.ends):
                    continue
                waiting = waiting[int(some.ends[-1]) :]
                for one, following in pairs(some, last, times):
                    if one in keys:
                        found.setdefault(one, set()).add(following)
                last = (int(some.times[-1]), int(some.codes[-1]))
            if stream.cut:
                raise Away
        return found


def file_bytes(log_config: Mapping[str, Any]) -> int | None:
    """After how many bytes the engine begins a new file of a container's log; None if it never does."""
    written = (log_config.get("Config") or {}).get("max-size")
    if written is None:
        return None if log_config.get("Type") == "json-file" else _LOCAL_BYTES
    found = re.fullmatch(r"([\d.]+) ?([kmg]?)i?b?", str(written).lower())
    return int(float(found[1]) * _UNITS[found[2]]) if found and float(found[1]) > 0 else None


def _seconds(ns: int) -> str:
    return f"{ns // 10**9}.{ns % 10**9:09d}"
