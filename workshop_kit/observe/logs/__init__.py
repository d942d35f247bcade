"""Read logs into one typed DataFrame: every line is a row.

| ``read_container(container)`` | a container's log, from the engine |
| ``read_json_file(file)`` | files of the json-file driver, and of the collector |
| ``LogFollower(container, stop)`` | frames of new lines, through restarts |

Columns: ``ts`` (the line's own time, else the engine's; UTC, nanoseconds), ``received`` (the engine's time), ``stream``,
``attrs`` (labels, if the engine keeps them), ``level``, ``logger``, ``msg``, then the other fields, the most frequent
first (64 at most, of the 128 most frequent in 2,000 lines), then ``rest`` (a JSON object of the values that fit no
column), ``raw`` (the text) and ``reason`` (both only where the columns do not hold all of the line).
``fields_of_line(frame, row)`` returns all fields of a line.

| Line | Row |
| --- | --- |
| plain text, a traceback, an empty line | a row each: ``raw``, reason ``plain text`` or ``empty`` |
| ``null``, ``42``, ``[1]`` | ``raw``, reason ``JSON, not an object`` |
| JSON that is cut short, not JSON, holds NaN or Infinity | ``raw``, reason ``JSON cut short``, ``invalid JSON``, ``NaN or Infinity`` |
| duplicate keys | the last value counts; ``raw`` has all, reason ``duplicate keys`` |
| nested values | a column of JSON text (``attrs["json_columns"]``); its numbers may be written anew (1E2 as 100.0, 1e400 as a text) |
| nesting past some hundred levels | ``raw``, reason ``nested too deep`` |
| a field of several types | the column has the type of most values, the others stand in ``rest``; integers and fractions make numbers |
| a number past 64 bits, an integer past 2**53 among fractions | JSON text, digit for digit |
| a field named like a column of the reader (``raw``, ``stream``, ``row`` …), or like another but for upper case | ``rest`` |
| a ``ts`` that is no ISO 8601 time with its zone | ``rest``; ``ts`` is the engine's |
| CRLF; a lone CR, U+2028, a form feed; bytes that are not UTF-8 | one line end; text; U+FFFD |
| parts of 16 KiB | one line; past 64 MiB (followed: 2 MiB) it is cut, reason ``longer than can be kept: cut`` |
| stdout and stderr | each in its order, ``stream`` tells which; the engine defines no order between them |
| a line in a json-file that is no record | ``raw``, reason ``not a record of the engine's`` |
| lines that the engine lost while they were followed | the reason in ``attrs["gaps"]`` of the next frame |

The engine's own ``follow`` silently leaves out whole files of a log that is written faster than it is read. So a log is
followed by polling its end, through restarts, rotation, and while the engine does not answer: the last messages are
complete, and those after the last known one are new.
"""  # noqa: E501 — a table has long lines

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from io import BytesIO
from typing import Any

import orjson
import pandas as pd

from workshop_kit.errors import WorkshopError
from workshop_kit.observe.engine_api import ContainerGone, EngineRefused, EngineUnavailable, chunks, container_of
from workshop_kit.observe.logs.frame import fields_of_line, frame_of
from workshop_kit.observe.logs.lines import (
    Line,
    LineAssembler,
    Message,
    assemble,
    json_file_lines,
    messages,
    terminal_messages,
)

__all__ = ["LogFollower", "Poller", "fields_of_line", "read_container", "read_json_file"]
BUSY_SECONDS = 0.25
QUIET_SECONDS = 0.5
IDLE_SECONDS = 1.0
BUSY_LINES = 10  # at once
MAX_LINE_BYTES = 2 * 1024 * 1024
_TAIL = 100  # messages


def read_json_file(content: bytes | Iterable[bytes]) -> pd.DataFrame:
    """Read a file of the engine's json-file driver, given as bytes or as lines (an open file)."""
    lines = BytesIO(content) if isinstance(content, bytes) else content
    return frame_of(json_file_lines(lines))


def read_container(container: Any, *, since: datetime | None = None) -> pd.DataFrame:
    """Read a container's log, or the part since a time with its zone.

    Raises WorkshopError if the container is gone, its log cannot be read, or the engine is away.
    """
    return frame_of(assemble(EngineLog(container).messages(since=since)))


class EngineLog:
    """The log of one container, from its engine.

    Its methods raise ContainerGone, EngineUnavailable or WorkshopError.
    """

    def __init__(self, container: Any) -> None:
        self._container = container_of(container)
        self.has_terminal = bool(self._container.attrs["Config"]["Tty"])

    def is_running(self) -> bool:
        """Return whether the container runs now."""
        attributes = orjson.loads(b"".join(self._request("json", {})))
        return bool(attributes["State"]["Running"])

    def messages(self, *, tail: int | None = None, since: datetime | None = None) -> Iterator[Message]:
        """Yield the messages so far, in order; with ``tail`` only the last ones."""
        parameters = {"stdout": 1, "stderr": 1, "timestamps": 1, "tail": "all" if tail is None else tail}
        if since is not None:
            parameters["since"] = f"{since.timestamp():.6f}"

        read_messages = terminal_messages if self.has_terminal else messages
        try:
            yield from read_messages(self._request("logs", parameters))
        except EngineRefused as refusal:  # a log driver that cannot be read back, for one
            if "marked for removal" in refusal.what:
                raise ContainerGone(self._container.name) from refusal
            sentence = f"The log of {self._container.name} cannot be read. {refusal.what}"
            raise WorkshopError(sentence, "Run it with the json-file or local log driver.") from refusal

    def _request(self, end_of_path: str, parameters: Mapping[str, Any]) -> Iterator[bytes]:
        """Return the chunks of the engine's answer about this container."""
        return chunks(self._container.client.api, f"/containers/{self._container.id}/{end_of_path}", parameters)


class LogFollower(Iterator[pd.DataFrame]):
    """A frame of new lines for each poll, perhaps empty, until the container is removed or ``stop`` is set.

    It goes on after the container restarts and after the engine did not answer, and repeats no line. Where lines may be
    missing, ``attrs["gaps"]`` says why. ``ended`` is "" until the end, then the reason.
    Raises WorkshopError if the log cannot be read.
    """

    def __init__(self, container: Any, stop: threading.Event) -> None:
        self.ended = ""
        self._stop = stop
        self._wait_seconds = 0.0
        self._poller = Poller(container)

    def __next__(self) -> pd.DataFrame:
        """Wait, then return the next frame; the one after the end has the lines that were never finished."""
        if self.ended:
            raise StopIteration
        if self._stop.wait(self._wait_seconds):
            self.ended = "following was stopped"

        lines: list[Line] = []
        try:
            lines = self._poller.poll()
        except ContainerGone:
            self.ended = "the container was removed"
        except EngineUnavailable:
            pass  # the next poll tries again

        self._wait_seconds = min(_longest_wait_seconds(len(lines)), self._wait_seconds + BUSY_SECONDS)
        if self.ended:
            lines += self._poller.end()
        gaps = self._poller.gaps
        self._poller.gaps = []
        return frame_of(lines, gaps)


def _longest_wait_seconds(line_count: int) -> float:
    """Return the longest wait before the next poll, if the last one had this number of lines."""
    if line_count >= BUSY_LINES:
        return BUSY_SECONDS
    return QUIET_SECONDS if line_count else IDLE_SECONDS


class Poller:
    """Polls a container's log for new lines, each cut to `MAX_LINE_BYTES`.

    ``gaps`` has the reason of each place where lines may be missing.
    """

    def __init__(self, container: Any) -> None:
        self.gaps: list[str] = []
        self._log = EngineLog(container)
        self._assembler = LineAssembler(MAX_LINE_BYTES)
        self._last_key: tuple[str, str] | None = None  # stream and time of the last known message
        self._last_key_count = 0  # known messages with this key: the parts of a line have the same one
        self._tail = _TAIL
        self._unfinished: Message | None = None  # the end of a terminal's log, of which more may come

    def poll(self) -> list[Line]:
        """Return the lines that are finished since the last poll.

        Raises ContainerGone, EngineUnavailable, or WorkshopError if the log cannot be read.
        """
        lines = self._finished_lines()
        if lines or not self._assembler.pending or self._log.is_running():
            return lines

        # The container has ended: read what it wrote in between, then finish the last lines.
        last_lines = self._finished_lines()
        return [*last_lines, *self._assembler.end()]

    def end(self) -> list[Line]:
        """Return the unfinished lines: no more messages come."""
        last_lines: list[Line] = []
        if self._unfinished is not None:
            last_lines = list(self._assembler.feed(*self._unfinished))
        return [*last_lines, *self._assembler.end()]

    def _finished_lines(self) -> list[Line]:
        """Return the lines that the new messages finish."""
        return [line for message in self._new_messages() for line in self._assembler.feed(*message)]

    def _new_messages(self) -> list[Message]:
        """Return the messages after the last known one, and remember the newest as the last known one."""
        tail_messages, new_messages = self._search_last()
        if new_messages is None:
            self.gaps.append("the engine no longer has what came before")
            new_messages = tail_messages

        if tail_messages:
            self._last_key = tail_messages[-1][:2]
            same_key_messages = [message for message in tail_messages if message[:2] == self._last_key]
            self._last_key_count = len(same_key_messages)
        self._tail = max(_TAIL, 2 * len(new_messages))
        return new_messages

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
            self._unfinished = self._unfinished_message(tail_messages)
            if self._unfinished is not None:
                tail_messages.pop()

            new_messages = self._after_last(tail_messages, is_whole)
            if new_messages is not None:
                return tail_messages, new_messages

        return tail_messages, None

    def _unfinished_message(self, tail_messages: list[Message]) -> Message | None:
        """Return the last message of a terminal if its line has not ended yet, else None."""
        if not self._log.has_terminal or not tail_messages:
            return None
        last_message = tail_messages[-1]
        return None if last_message.text.endswith(b"\n") else last_message

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
