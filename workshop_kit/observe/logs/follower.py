"""A log that is followed by polling its end.

The engine's own ``follow`` silently leaves out whole files of a log that is written faster than it is read. So a log is
followed through restarts, rotation, and while the engine does not answer: the last messages are complete, and those
after the last known one are new.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from workshop_kit.observe.engine_api import ContainerGone, EngineUnavailable
from workshop_kit.observe.logs.engine_log import EngineLog
from workshop_kit.observe.logs.frame import frame_of
from workshop_kit.observe.logs.lines import Line, LineAssembler, Message

MISSING = "lines are missing here"
_TAIL = 100  # messages


class LogFollower:
    """Polls a container's log for new lines; ``has_ended`` once the container is removed."""

    def __init__(self, container: Any) -> None:
        self.has_ended = False
        self._log = EngineLog(container)
        self._assembler = LineAssembler()
        self._last_key: tuple[str, str] | None = None  # stream and time of the last known message
        self._last_key_count = 0  # known messages with this key: the parts of a line have the same one
        self._tail = _TAIL

    def poll(self) -> pd.DataFrame:
        """Return the lines that are finished since the last poll; none while the engine does not answer.

        Raises WorkshopError if the log cannot be read.
        """
        lines: list[Line] = []
        try:
            lines += self._finished_lines()
            if not lines and self._assembler.pending and not self._log.is_running():
                # The container has ended: read what it wrote in between, then finish the last lines.
                lines += self._finished_lines()
                lines += self._assembler.end()
        except ContainerGone:
            self.has_ended = True
            lines += self._assembler.end()
        except EngineUnavailable:
            pass  # the next poll tries again

        return frame_of(lines)

    def _finished_lines(self) -> list[Line]:
        """Return the lines that the new messages finish, after a row for those that the engine has lost."""
        tail_messages, new_messages = self._search_last()
        lines: list[Line] = []
        if new_messages is None:
            lines.append(Line("The engine no longer has the lines before this one.", reason=MISSING))
            new_messages = tail_messages

        if tail_messages:
            self._last_key = tail_messages[-1][:2]
            same_key_messages = [message for message in tail_messages if message[:2] == self._last_key]
            self._last_key_count = len(same_key_messages)
        self._tail = max(_TAIL, 2 * len(new_messages))

        for message in new_messages:
            lines += self._assembler.feed(message)
        return lines

    def _search_last(self) -> tuple[list[Message], list[Message] | None]:
        """Read longer and longer tails of the log until one has the last known message.

        Return the messages of that tail, and those of them after the last known one; None if no tail has that one.
        """
        tails: tuple[int | None, ...] = (None,)
        if self._last_key is not None:
            tails = (self._tail, 10 * self._tail, 100 * self._tail, None)

        tail_messages: list[Message] = []
        for tail in tails:
            tail_messages = list(self._log.messages(tail=tail))
            is_whole = tail is None or len(tail_messages) < tail
            new_messages = self._after_last(tail_messages, is_whole)
            if new_messages is not None:
                return tail_messages, new_messages

        return tail_messages, None

    def _after_last(self, tail_messages: list[Message], is_whole: bool) -> list[Message] | None:
        """Return the messages after the last known one; None if it, or another with its time, may be missing."""
        if self._last_key is None or not tail_messages:
            return tail_messages

        # Messages before the tail may have the time of its first one, too: then they cannot be counted.
        counted_times = {self._last_key[1], tail_messages[-1].stamp}
        is_cut = not is_whole and tail_messages[0].stamp in counted_times
        positions = [position for position, message in enumerate(tail_messages) if message[:2] == self._last_key]
        if is_cut or len(positions) < self._last_key_count:
            return None

        last_position = positions[self._last_key_count - 1]
        return tail_messages[last_position + 1 :]
