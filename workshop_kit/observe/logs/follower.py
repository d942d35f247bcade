"""Follow a container's log by polling its end: through restarts, rotation, and while the engine does not answer.

The engine's own ``follow`` silently leaves out whole files of a log that is written faster than it is read.
Its last messages are complete: those after the last known one are new.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pandas as pd

from workshop_kit.observe.engine_api import ContainerGone, EngineUnavailable
from workshop_kit.observe.logs.frame import frame_of
from workshop_kit.observe.logs.lines import Line, LineAssembler, Message
from workshop_kit.observe.logs.reader import EngineLog, Since

BUSY_SECONDS, QUIET_SECONDS, IDLE_SECONDS = 0.25, 0.5, 1.0
BUSY_LINES = 10  # at once
MAX_LINE_BYTES = 2 * 1024 * 1024
_TAIL = 100  # messages


class LogFollower(Iterator[pd.DataFrame]):
    """A frame of new lines for each poll, perhaps empty, until the container is removed or ``stop`` is set.

    It goes on after the container restarts and after the engine did not answer, and repeats no line. Where lines may be
    missing, ``attrs["gaps"]`` says why. ``ended`` is "" until the end, then the reason.
    Raises WorkshopError if the log cannot be read.
    """

    def __init__(self, container: Any, stop: threading.Event) -> None:
        self.ended = ""
        self._stop, self._wait_seconds = stop, 0.0
        self._poller = Poller(container)

    def __next__(self) -> pd.DataFrame:
        if self.ended:
            raise StopIteration
        self.ended = "following was stopped" if self._stop.wait(self._wait_seconds) else ""
        lines: list[Line] = []
        try:
            lines = self._poller.poll()
        except ContainerGone:
            self.ended = "the container was removed"
        except EngineUnavailable:
            pass  # the next poll tries again
        longest = BUSY_SECONDS if len(lines) >= BUSY_LINES else QUIET_SECONDS if lines else IDLE_SECONDS
        self._wait_seconds = min(longest, self._wait_seconds + BUSY_SECONDS)
        lines += self._poller.end() if self.ended else []
        gaps, self._poller.gaps = self._poller.gaps, []
        return frame_of(lines, gaps)


class Poller:
    """Polls a container's log for new lines, each cut to ``max_line_bytes``.

    ``gaps`` has the reason of each place where lines may be missing.
    """

    def __init__(self, container: Any, *, since: Since = None, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self.gaps: list[str] = []
        self._log, self._since = EngineLog(container), since
        self._assembler = LineAssembler(max_line_bytes)
        self._last: tuple[str, str] | None = None  # stream and time of the last known message
        self._count = 0  # of known messages with these: the parts of a line have the same
        self._tail = _TAIL
        self._unfinished: Message | None = None  # the end of a terminal's log, of which more may come

    def poll(self) -> list[Line]:
        """Return the lines that are finished since the last poll.

        Raises ContainerGone, EngineUnavailable, or WorkshopError if the log cannot be read.
        """
        lines = self._finished_lines()
        if lines or not self._assembler.pending or self._log.is_running():
            return lines
        return [*self._finished_lines(), *self._assembler.end()]

    def end(self) -> list[Line]:
        """Return the unfinished lines: no more messages come."""
        rest = self._assembler.feed(*self._unfinished) if self._unfinished else ()
        return [*rest, *self._assembler.end()]

    def _finished_lines(self) -> list[Line]:
        return [line for message in self._new_messages() for line in self._assembler.feed(*message)]

    def _new_messages(self) -> list[Message]:
        """Return the messages after the last known one, from a tail that grows until it contains that one."""
        found: list[Message] = []
        new: list[Message] | None = None
        for tail in (self._tail, 10 * self._tail, 100 * self._tail, None) if self._last else (None,):
            found = list(self._log.messages(tail=tail, since=None if self._last else self._since))
            is_whole = tail is None or len(found) < tail
            has_rest = self._log.has_terminal and found and not found[-1].text.endswith(b"\n")
            self._unfinished = found.pop() if has_rest else None
            new = self._after_last(found, is_whole)
            if new is not None:
                break
        if new is None and self._last:
            self.gaps.append("the engine no longer has what came before")
            new = found
        if found:
            self._last = found[-1][:2]
            self._count = sum(message[:2] == self._last for message in found)
        self._tail = max(_TAIL, 2 * len(new or ()))
        return new or []

    def _after_last(self, found: list[Message], is_whole: bool) -> list[Message] | None:
        """Return the messages after the last known one; None if it, or another with its time, may be missing."""
        if self._last is None or not found:
            return found
        places = [place for place, message in enumerate(found) if message[:2] == self._last]
        is_cut = not is_whole and found[0].stamp in {self._last[1], found[-1].stamp}  # others have this time, too
        return None if is_cut or len(places) < self._count else found[places[self._count - 1] + 1 :]
