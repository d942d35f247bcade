"""Follow a container's log through everything: its restarts, the engine's, rotation; frame after frame."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from typing import Any

import pandas as pd

from workshop_kit.observe.joining import MAX_LINE_BYTES
from workshop_kit.observe.lines import has_terminal, open_log, state_of
from workshop_kit.observe.logs.cutting import Block
from workshop_kit.observe.logs.extraction import Extractor
from workshop_kit.observe.logs.frame import Collected
from workshop_kit.observe.logs.live import BATCH_BYTES, EVERY_SECONDS
from workshop_kit.observe.logs.messages import Messages
from workshop_kit.observe.logs.parsing import Parser
from workshop_kit.observe.logs.skips import Watch
from workshop_kit.observe.logs.sources import Anywhere, Stamped
from workshop_kit.observe.logs.spool import DISK_BYTES, Spool
from workshop_kit.observe.logs.window import Gap, Window
from workshop_kit.observe.wire import Away, Gone, Stream, sdk

_POLL_SECONDS = 0.3
_JOIN_SECONDS = 5.0


class Following(Iterator[pd.DataFrame]):
    """Frames of a container's log as it is written, none of them empty; ``ended`` is "" until it is over, then why.

    It goes on when the container is started again, when the engine comes back, and where the engine skipped lines,
    without a line twice. Where lines may be missing, ``attrs["gaps"]`` of the next frame says so. It ends when ``stop``
    is set or the container removed.
    """

    def __init__(
        self, container: Any, stop: threading.Event, every_seconds: float, max_line_bytes: int, disk_bytes: int
    ) -> None:
        self.ended = ""
        self._container = sdk(container)
        self._stop = stop
        self._every_seconds = every_seconds
        self._max_line_bytes = max_line_bytes
        self._disk_bytes = disk_bytes
        self._settled: set[tuple[int, int]] = set()
        self._skipped = False
        self._window = Window()
        self._source: Messages | Anywhere | None = None
        self._gaps: list[Gap] = []
        self._frames = self._follow()

    def __next__(self) -> pd.DataFrame:
        return next(self._frames)

    def close(self) -> None:
        """End it and free what it holds."""
        self._frames.close()  # type: ignore[attr-defined]

    def _follow(self) -> Iterator[pd.DataFrame]:
        with Extractor() as extractor:
            self._parser, collected, done = Parser(extractor), Collected(), ""
            while state := self._state():
                at_rest = not state["Running"]
                if at_rest and state["StartedAt"] == done:  # nothing new until somebody starts it
                    self._stop.wait(_POLL_SECONDS)
                    continue
                whole = yield from self._run(collected)
                if at_rest and whole:
                    done = state["StartedAt"]
                    self._finish(collected)
                    if collected.rows:  # it was killed in the middle of a line
                        yield collected.frame(self._gaps)
                        self._gaps = []
                elif not whole and not self._skipped:  # what was skipped is asked for at once: it may be rotated away
                    self._stop.wait(_POLL_SECONDS)
            self._finish(collected)
            if collected.rows:
                yield collected.frame(self._gaps)

    def _state(self) -> Mapping[str, Any] | None:
        """The container's state as soon as the engine tells it; None when it is over."""
        while not self._stop.is_set():
            try:
                return state_of(self._container)
            except Gone:
                self.ended = "the container was removed"
                return None
            except Away:
                self._stop.wait(_POLL_SECONDS)
        self.ended = "following was stopped"
        return None

    def _run(self, collected: Collected) -> Generator[pd.DataFrame, None, bool]:
        """Follow until the engine's answer ends; whether it was whole."""
        terminal = has_terminal(self._container)
        since = self._window.resume(self._unfinished())
        cap = self._max_line_bytes
        self._source = Anywhere(Stamped(), cap) if terminal else Messages(cap)
        asked = {"since": f"{since // 10**9}.{since % 10**9:09d}"} if since is not None else {}
        watch = Watch(self._container, self._stop, self._settled)
        self._skipped = False
        try:
            stream = open_log(self._container, {"follow": 1, "tail": "all", **asked}, self._stop)
        except (Away, Gone):
            return False
        with _fetched(stream, self._disk_bytes) as spool:
            ended = False
            while not ended and not self._skipped:
                data, ended = self._batch(spool)
                data, gaps, self._skipped = watch.checked(data, ended)
                self._gaps += gaps
                self._take(self._source.feed(data), collected)
                if collected.rows:
                    yield collected.frame(self._gaps)
                    self._gaps = []
        return not stream.cut and not self._skipped

    def _take(self, block: Block, collected: Collected) -> None:
        fresh, gaps = self._window.new(block)
        self._gaps += gaps
        collected.add(*self._parser.parse(fresh))

    def _finish(self, collected: Collected) -> None:
        """What has no line end is a line when nothing more can come."""
        for block in self._source.end() if self._source else ():
            self._take(block, collected)

    def _unfinished(self) -> set[tuple[int, int]]:
        return self._source.unfinished if isinstance(self._source, Messages) else set()

    def _batch(self, spool: Spool) -> tuple[bytes, bool]:
        """What came until it is enough or time, and whether it is over."""
        parts: list[bytes] = []
        size, deadline = 0, time.monotonic() + self._every_seconds
        while size < BATCH_BYTES:
            try:
                data = spool.get(max(0.001, deadline - time.monotonic()))
            except queue.Empty:
                break
            if not data:
                return b"".join(parts), True
            parts.append(data)
            size += len(data)
        return b"".join(parts), False


def follow(
    container: Any,
    stop: threading.Event,
    *,
    every_seconds: float = EVERY_SECONDS,
    max_line_bytes: int = MAX_LINE_BYTES,
    disk_bytes: int = DISK_BYTES,
) -> Following:
    """Frames of what a container has written and writes, at the latest ``every_seconds`` after a line.

    Memory is bounded. While the caller is busy, what comes waits in a temporary file of ``disk_bytes`` at most; when
    that is full, the engine waits, and may skip what it rotates meanwhile: that is noticed, and asked for again if the
    engine still has it, else it is a Gap. A line keeps ``max_line_bytes``. Raises WorkshopError where the log cannot be
    read.
    """
    return Following(container, stop, every_seconds, max_line_bytes, disk_bytes)


@contextlib.contextmanager
def _fetched(stream: Stream, disk_bytes: int) -> Iterator[Spool]:
    """What a thread takes from the socket at once, whoever is busy: an engine that has to wait skips lines."""
    spool = Spool(disk_bytes=disk_bytes)
    thread = threading.Thread(target=_pump, args=(stream, spool), name="logs: follow", daemon=True)
    thread.start()
    try:
        yield spool
    finally:
        spool.close()
        stream.close()
        thread.join(_JOIN_SECONDS)


def _pump(stream: Stream, spool: Spool) -> None:
    try:
        for data in stream:
            if not spool.put(data):
                break
    finally:
        spool.end()
