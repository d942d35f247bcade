"""Follow a container's log by asking for its end again and again: through restarts, rotation and an engine's absence.

The engine's own way to follow leaves out whole files of a log that is written faster than it is read, and says nothing.
Its last messages, asked for again, are complete: what stands behind the last known one is new.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workshop_kit.observe.logs.frame import frame_of
from workshop_kit.observe.logs.lines import Joiner, Line, Message
from workshop_kit.observe.logs.reader import EngineLog, Since
from workshop_kit.observe.wire import Away, Gone

BUSY_SECONDS, QUIET_SECONDS, IDLE_SECONDS = 0.25, 0.5, 1.0
BUSY_LINES = 10  # at once
MAX_LINE_BYTES = 2 * 1024 * 1024
_TAIL = 100  # messages


@dataclass(frozen=True)
class Gap:
    """Lines may be missing after the one received at ``after_ns`` (nanoseconds since 1970) and before the next one."""

    after_ns: int
    why: str


def follow(container: Any, stop: threading.Event, *, since: Since = None) -> Following:
    """Yield frames of what a container has written and writes, until it is removed or ``stop`` is set."""
    return Following(container, stop, since)


class Following(Iterator[pd.DataFrame]):
    """Frames of a container's log as it is written, none empty; ``ended`` is "" until it is over, then why.

    It goes on when the container is started again and when the engine comes back, without a line twice. Where lines may
    be missing, ``attrs["gaps"]`` of the next frame says so. A container that writes nothing is asked once a second.
    Raises WorkshopError if the log cannot be read.
    """

    def __init__(self, container: Any, stop: threading.Event, since: Since) -> None:
        self.ended = ""
        self._stop = stop
        self._poller = Poller(container, since=since)
        self._frames = self._follow()

    def __next__(self) -> pd.DataFrame:
        return next(self._frames)

    def _follow(self) -> Iterator[pd.DataFrame]:
        wait = 0.0
        while not self.ended:
            self.ended = "following was stopped" if self._stop.wait(wait) else ""
            lines: list[Line] = []
            try:
                lines = self._poller.poll()
            except Gone:
                self.ended = "the container was removed"
            except Away:
                pass  # it comes back
            wait = BUSY_SECONDS if len(lines) >= BUSY_LINES else min(IDLE_SECONDS, wait + BUSY_SECONDS)
            if lines := [*lines, *(self._poller.end() if self.ended else ())]:
                wait = min(wait, QUIET_SECONDS)
                gaps, self._poller.gaps = self._poller.gaps, []
                yield frame_of(lines, gaps)


class Poller:
    """Asks a container's log for what is new since it was asked last. A line keeps ``max_line_bytes``.

    ``gaps`` are where the engine no longer had the lines that came before.
    """

    def __init__(self, container: Any, *, since: Since = None, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self.gaps: list[Gap] = []
        self._log, self._since = EngineLog(container), since
        self._joiner = Joiner(max_line_bytes)
        self._last: tuple[str, str] | None = None  # stream and time of the last known message
        self._count = 0  # of known messages with these: the pieces of a line have the same
        self._tail = _TAIL
        self._unfinished: Message | None = None  # the end of a terminal's log, of which more may come

    def poll(self) -> list[Line]:
        """The lines that were finished meanwhile. Raises Gone, Away, or WorkshopError if the log cannot be read."""
        lines = self._finished()
        if lines or not self._joiner.pending or self._log.is_running():
            return lines
        return [*self._finished(), *self._joiner.end()]

    def end(self) -> list[Line]:
        """What has no line end, since nothing more comes."""
        rest = self._joiner.feed(*self._unfinished) if self._unfinished else ()
        return [*rest, *self._joiner.end()]

    def _finished(self) -> list[Line]:
        return [line for message in self._fresh() for line in self._joiner.feed(*message)]

    def _fresh(self) -> list[Message]:
        """The messages behind the last known one: in the log's end, in more of it, in all of it, or all there is."""
        found: list[Message] = []
        fresh: list[Message] | None = None
        for tail in (self._tail, 10 * self._tail, 100 * self._tail, None) if self._last else (None,):
            found = list(self._log.messages(tail=tail, since=None if self._last else self._since))
            is_whole = tail is None or len(found) < tail
            has_rest = self._log.has_terminal and found and not found[-1].text.endswith(b"\n")
            self._unfinished = found.pop() if has_rest else None
            fresh = self._behind_last(found, is_whole)
            if fresh is not None:
                break
        if fresh is None and self._last:
            self.gaps.append(Gap(pd.Timestamp(self._last[1]).value, "the engine no longer has what came before"))
            fresh = found
        if found:
            self._last = found[-1][:2]
            self._count = sum(message[:2] == self._last for message in found)
        self._tail = max(_TAIL, 2 * len(fresh or ()))
        return fresh or []

    def _behind_last(self, found: list[Message], is_whole: bool) -> list[Message] | None:
        """What stands behind the last known message; None if it, or another with the same time, may be missing."""
        if self._last is None or not found:
            return found
        places = [place for place, message in enumerate(found) if message[:2] == self._last]
        is_cut = not is_whole and found[0].stamp in {self._last[1], found[-1].stamp}  # others have this time, too
        return None if is_cut or len(places) < self._count else found[places[self._count - 1] + 1 :]
