"""One container's log as the engine's API sends it: a thread receives it, the reader takes what has come."""

from __future__ import annotations

import http.client
import threading
import time
from collections import deque
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from . import engine_api
from .batches import Batch, Position, sort, with_gaps
from .gaps import Gap
from .records import Identity, made
from .tail import HOLD_SECONDS, OUTRAN
from .words import say

MOST_RECORDS = 20_000
"""How many may wait to be taken; the engine waits, too, then."""


class Followed:
    """``gone`` is set by whoever sees that the container is no more."""

    def __init__(self, socket: Path, identity: Identity, position: Position | None) -> None:
        self.identity, self.gone = identity, False
        self._socket = socket
        self._time: str = position["time"] if position else ""
        self._seen: int = position.get("seen", 0) if position else 0
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._room = threading.Semaphore(MOST_RECORDS)
        self._thread: threading.Thread | None = None
        self._started = ""
        self._gaps: list[Gap] = []
        self._waits_since: float | None = None

    @property
    def running(self) -> bool:
        """Whether its log is being received."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def drained(self) -> bool:
        """Whether all that has come is taken."""
        return not self._waiting and self._thread is not None

    def follow(self, started: str) -> None:
        """Receive, unless this start of the container has been received to its end already."""
        if started != self._started and not self._waiting:
            self._started = started
            self._thread = threading.Thread(target=self._receive, args=(started,), daemon=True)
            self._thread.start()

    def read(self) -> Batch | None:
        """What has come, or None."""
        some = list(islice(self._waiting, MOST_RECORDS // 2))
        ended = self.gone and not self.running and not some
        if not some:
            return self._batch({}, ended=ended) if ended or self._gaps else None
        now = time.monotonic()
        waited = self._waits_since is not None and now - self._waits_since > HOLD_SECONDS
        found = sort([line for _, line in some], self.identity, whole=not waited)
        self._waits_since = None if found.used == len(some) else self._waits_since or now
        for _ in range(found.used):
            moment, _ = self._waiting.popleft()
            self._room.release()
            self._seen = self._seen + 1 if moment == self._time else 1
            self._time = moment
        return self._batch(found.lines, sum(len(line) for _, line in some[: found.used])) if found.used else None

    def _batch(self, lines: dict[str, list[bytes]], size: int = 0, *, ended: bool = False) -> Batch:
        gaps, self._gaps = self._gaps, []
        position = {"environment": self.identity.environment, "service": self.identity.service}
        position |= {"time": self._time, "seen": self._seen}  # type: ignore[dict-item]
        return Batch(self.identity, with_gaps(lines, gaps, self.identity), position, size, ended)

    def _receive(self, started: str) -> None:
        """Receive until the container ends. What was taken before comes first, and is left out."""
        last, skip = self._time, self._seen
        try:
            for stream, moment, text in engine_api.follow(self._socket, self.identity.container, _unix(last)):
                if skip and moment == last:
                    skip -= 1
                    continue
                if skip:
                    self._gaps.append(Gap(OUTRAN, last, moment))
                    skip = 0
                self._room.acquire()
                line = made(text.decode(errors="replace"), stream, moment)[:-1]
                self._waiting.append((moment, line))
        except (OSError, http.client.HTTPException, engine_api.Refused) as error:
            if not isinstance(error, engine_api.Refused):
                self._started = ""  # interrupted: once more from where we are
            elif error.status != http.client.NOT_FOUND:
                say("warning", "not collected", service=self.identity.service, error=str(error), started=started)


def _unix(moment: str) -> str:
    """An engine's time as the API wants it back, to the nanosecond.

    >>> _unix("2026-01-01T00:00:00.000000001Z")
    '1767225600.000000001'
    """
    if not moment:
        return "0"
    whole, _, fraction = moment.rstrip("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp())
    return f"{seconds}.{fraction.ljust(9, '0')[:9]}"
