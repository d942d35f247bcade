"""Read logs into one DataFrame: every line is a row.

| ``read_container(container)`` | a container's log, from the engine |
| ``read_json_file(file)`` | files of the json-file driver, and of the collector |
| ``LogFollower(container).poll()`` | the new lines of a container, through restarts |

Columns: ``ts`` (the line's own time, else the engine's; UTC), ``received`` (the engine's time), ``stream``, ``labels``
(if the engine keeps them), ``level``, ``logger``, ``msg``, then the 64 most frequent other fields, ``raw`` (the text),
and ``reason`` (why the fields do not hold all of the line). A line belongs to one of these kinds:

| Line | Reason |
| --- | --- |
| a JSON object | none |
| plain text, a traceback; an empty line | ``plain text``; ``empty`` |
| ``null``, ``42``, ``[1]`` | ``JSON, not an object`` |
| JSON that is cut short, not JSON, holds NaN or Infinity | ``JSON cut short``, ``invalid JSON``, ``NaN or Infinity`` |
| duplicate keys, of which the last one counts | ``duplicate keys`` |
| nesting past some hundred levels | ``nested too deep`` |
| in a json-file, no record | ``not a record of the engine's`` |
| no line: the engine has lost lines while they were followed | ``lines are missing here`` |

A ``ts`` that is no ISO 8601 time with its zone is only in ``raw``, and so is a field with the name of a column above.
stdout and stderr each keep their order; the engine defines none between them.

The engine's own ``follow`` silently leaves out whole files of a log that is written faster than it is read. So a log is
followed by polling its end, through restarts, rotation, and while the engine does not answer: the last messages are
complete, and those after the last known one are new.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from io import BytesIO
from itertools import chain
from typing import Any

import pandas as pd

from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.observe.engine_api import ContainerGone, EngineRefused, EngineUnavailable, chunks, container_of
from workshop_kit.observe.logs.lines import (
    Line,
    LineAssembler,
    Message,
    Parsed,
    assemble,
    json_file_lines,
    messages,
    parse_fields,
)

MISSING = "lines are missing here"
_TAIL = 100  # messages
ALWAYS = ("level", "logger", "msg")
RESERVED = frozenset({"ts", "received", "stream", "labels", "raw", "reason"})
MAX_FIELDS = 64
_TIME = re.compile(r"(?:1[7-9]|2[01])\d\d-\d\d-\d\d[Tt ].*(?:[Zz]|[+-]\d\d:?\d\d)", re.ASCII)
"""A time with its zone, in the years that nanoseconds can tell."""


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
    """The log of one container, from its engine. Raises WrongUsage for a container with a terminal.

    Its methods raise ContainerGone, EngineUnavailable or WorkshopError.
    """

    def __init__(self, container: Any) -> None:
        self._container = container_of(container)
        if self._container.attrs["Config"]["Tty"]:  # the engine sends what the screen gets, not messages
            sentence = f"The log of {self._container.name} cannot be read: it has a terminal."
            raise WrongUsage(sentence, "Run it without -t, or without tty=True.")

    def is_running(self) -> bool:
        """Return whether the container runs now."""
        attributes = json.loads(b"".join(self._request("json", {})))
        return bool(attributes["State"]["Running"])

    def messages(self, *, tail: int | None = None, since: datetime | None = None) -> Iterator[Message]:
        """Yield the messages so far, in order; with ``tail`` only the last ones."""
        parameters = {"stdout": 1, "stderr": 1, "timestamps": 1, "tail": "all" if tail is None else tail}
        if since is not None:
            parameters["since"] = f"{since.timestamp():.6f}"

        try:
            yield from messages(self._request("logs", parameters))
        except EngineRefused as refusal:  # a log driver that cannot be read back, for one
            if "marked for removal" in refusal.what:
                raise ContainerGone(self._container.name) from refusal
            sentence = f"The log of {self._container.name} cannot be read. {refusal.what}"
            raise WorkshopError(sentence, "Run it with the json-file or local log driver.") from refusal

    def _request(self, end_of_path: str, parameters: Mapping[str, Any]) -> Iterator[bytes]:
        """Return the chunks of the engine's answer about this container."""
        return chunks(self._container.client.api, f"/containers/{self._container.id}/{end_of_path}", parameters)


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


def frame_of(lines: Iterable[Line]) -> pd.DataFrame:
    """Return the lines as a DataFrame: a row each, in their order."""
    lines = list(lines)
    parsed_lines = [Parsed({}, line.reason) if line.reason else parse_fields(line.text) for line in lines]
    events = [parsed.fields for parsed in parsed_lines]

    received = _times([line.received for line in lines])
    columns: dict[str, Any] = {
        "ts": _times([event.get("ts") for event in events]).fillna(received),
        "received": received,
        "stream": _column([line.stream for line in lines]),
    }
    if any(line.labels for line in lines):
        columns["labels"] = _column([line.labels for line in lines])
    for name in _column_names(events):
        columns[name] = _column([event.get(name) for event in events])

    columns["raw"] = _column([line.text for line in lines])
    columns["reason"] = _column([parsed.reason for parsed in parsed_lines])
    return pd.DataFrame(columns)


def _column_names(events: Sequence[dict[str, Any]]) -> list[str]:
    """Return the fields that become columns, the most frequent first."""
    counts = Counter(chain.from_iterable(events))
    for name in (*RESERVED, *ALWAYS):
        del counts[name]
    frequent_fields = counts.most_common(MAX_FIELDS)
    return [*ALWAYS, *dict(frequent_fields)]


def _column(values: list[Any]) -> pd.Series:
    """Return the values of a field in pandas' type for them, or as they are if they have several types."""
    return pd.Series(values, dtype="object").convert_dtypes()


def _times(values: list[Any]) -> pd.Series:
    """Return the values as times in UTC; NaT for what is no time with its zone."""
    texts = [value if _is_time(value) else None for value in values]
    times = pd.to_datetime(pd.Series(texts, dtype="object"), utc=True, format="ISO8601", errors="coerce")
    return times.astype("datetime64[ns, UTC]")


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and _TIME.fullmatch(value) is not None
