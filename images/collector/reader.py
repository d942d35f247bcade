"""The reader: from the engine's logs to parts on the disk, again and again."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from . import settings, spool
from .batches import Batch, with_gaps
from .checkpoint import Keeper, save
from .folder import Folder
from .gaps import Gap
from .records import Identity
from .settings import TALK, Settings
from .words import find, leave, say

LOOK_SECONDS = 0.05
SIGN_SECONDS = 1.0
COMMIT_BYTES = 16 * 1024 * 1024
SETTLE_SECONDS = 0.15
"""From a request to flush to the last look: what a container wrote before it is on its way through the engine."""
LAST_LOOK_SECONDS = 2.0
LOST = "the checkpoint was lost: lines may be missing, or there twice"


class Source(Protocol):
    """Where lines come from: the engine's files, or its API."""

    name: str

    @property
    def containers(self) -> int:
        """How many are followed."""

    @property
    def drained(self) -> bool:
        """Whether the last look read every log to its end."""

    def batches(self) -> Iterator[Batch]:
        """What is new."""


class Reader:
    """Looks at the source, hands what it finds to the keeper, and says when to commit."""

    def __init__(self, told: Settings, keeper: Keeper, source: Source) -> None:
        self.told, self.keeper, self.source = told, keeper, source
        self.full = False
        self._lines = self._taken_bytes = 0
        self._taken_at: float | None = None
        self._sign_at = self._asked_at = 0.0
        self._asked = self._answered = ""

    def look(self) -> bool:
        """Take what is new, unless the buffer is full; return whether there was something."""
        self._hear()
        if self._is_full():
            return False
        met = False
        for batch in self.source.batches():
            met = True
            self._take(batch)
        return met

    def commit_if_due(self) -> None:
        """Commit what has waited long enough, is much, or is asked for."""
        now = time.monotonic()
        waited = self._taken_at is not None and now - self._taken_at >= self.told.flush_seconds
        asked = self._asked != self._answered and now - self._asked_at > SETTLE_SECONDS and self.source.drained
        if waited or asked or self._taken_bytes >= COMMIT_BYTES:
            self.commit()
        if asked and not self.full:
            self._answered = self._asked
            leave(TALK / "flushed.json", {"token": self._asked, "generation": self.keeper.generation})

    def commit(self) -> None:
        """Make safe what was taken."""
        if self._taken_at is not None:
            self.keeper.commit()
            self._taken_at, self._taken_bytes = None, 0

    def sign(self) -> None:
        """Leave a sign of life, once a second."""
        if time.monotonic() - self._sign_at > SIGN_SECONDS:
            self._sign_at = time.monotonic()
            leave(
                TALK / "reader.json",
                {
                    "source": self.source.name,
                    "containers": self.source.containers,
                    "lines": self._lines,
                    "generation": self.keeper.generation,
                    "full": self.full,
                },
            )

    def _take(self, batch: Batch) -> None:
        self.keeper.take(batch.identity.container, batch.position, batch.lines)
        if batch.ended:
            self.keeper.positions.pop(batch.identity.container, None)
        self._lines += sum(map(len, batch.lines.values()))
        self._taken_bytes += batch.size_bytes
        if self._taken_at is None:
            self._taken_at = time.monotonic()

    def _hear(self) -> None:
        word = find(TALK / "flush.json")
        if word and word.get("token") != self._asked:
            self._asked, self._asked_at = word["token"], time.monotonic()

    def _is_full(self) -> bool:
        """Whether so much waits for the bucket that reading has to wait: the engine's own files are the next buffer."""
        full = self._taken_bytes + spool.size_bytes(self.told.folder) >= self.told.buffer_bytes
        if full != self.full:
            self.full = full
            say(*(("warning", "buffer full, reading waits") if full else ("info", "buffer has room again")))
        return full


def run(environment: Mapping[str, str]) -> int:
    """Read until SIGTERM; return the exit code."""
    told = settings.read(environment)
    start = spool.opened(told.folder)
    keeper = Keeper(told.folder, start.checkpoint)
    save(keeper)  # from now on its absence means that it was lost
    reader = Reader(told, keeper, source_of(told, keeper))
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda got, _frame: stopping.append(got))
    if start.lost:
        who = Identity("", settings.DEFAULT_ENVIRONMENT, "collector")
        reader._take(Batch(who, with_gaps({}, [Gap(LOST)], who), {}, ended=True))
    while not stopping:
        met = reader.look()
        reader.commit_if_due()
        reader.sign()
        if not met:
            time.sleep(LOOK_SECONDS)
    until = time.monotonic() + LAST_LOOK_SECONDS
    while reader.look() and time.monotonic() < until:
        pass
    reader.commit()
    return 0


def source_of(told: Settings, keeper: Keeper) -> Source:
    """What is mounted: the engine's folder of containers, or its socket."""
    if Path(told.source).is_socket():
        from .api import Api

        return Api(told, dict(keeper.positions))
    return Folder(told, dict(keeper.positions))
