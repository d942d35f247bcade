"""Read the lines in the bytes of a log, and the fields in the text of a line. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

LEVEL_GROUPS = {
    "error": ("error", "err", "critical", "fatal", "panic", "dpanic"),
    "warning": ("warning", "warn"),
    "info": ("info", "notice"),
    "debug": ("debug", "trace"),
}
"""Names of log levels; names in one group are drawn as one level."""
FOREIGN = "not a record of the engine's"
_PART_BYTES = 16 * 1024  # the engine splits lines here
_STREAMS = ("stdin", "stdout", "stderr")
_HEADER_BYTES = 8
_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")


class Message(NamedTuple):
    """A record of the engine: a whole line, or a part of 16 KiB, which has no line end."""

    stream: str
    stamp: str
    text: bytes
    labels: Mapping[str, Any] | None = None


class Line(NamedTuple):
    """A line without its end; ``received`` is the engine's time.

    ``reason`` says why the text must not be parsed.
    """

    text: str
    received: str | None = None
    stream: str | None = None
    labels: Mapping[str, Any] | None = None
    reason: str | None = None


class Parsed(NamedTuple):
    """The fields of a line; ``reason`` says why they do not hold all of it."""

    fields: dict[str, Any]
    reason: str | None = None


def level_group(level: Any) -> str:
    """Return ``error``, ``warning``, ``info``, ``debug`` or ``other``: what a line of this level is drawn as.

    >>> level_group("FATAL"), level_group("trace"), level_group(None)
    ('error', 'debug', 'other')
    """
    name = str(level).lower()
    for group, names in LEVEL_GROUPS.items():
        if name in names:
            return group
    return "other"


def json_file_lines(file: Iterable[bytes]) -> Iterator[Line]:
    """Yield the lines in a file of the json-file driver; a line that is no record is kept as it is."""
    assembler = LineAssembler()
    for raw_line in file:
        text = raw_line.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
        message = _parse_record(text)
        if message is None:
            yield Line(text, reason=FOREIGN)
        else:
            yield from assembler.feed(message)

    yield from assembler.end()


def _parse_record(text: str) -> Message | None:
    """Return the message in a record of the json-file driver; None for another line."""
    try:
        record = json.loads(text)
        stream = record["stream"]
        stamp = record["time"]
        content = record["log"].encode()
        labels = record.get("attrs")
        is_time = "T" in stamp and bool(datetime.fromisoformat(stamp))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None

    is_record = is_time and stream in _STREAMS and (labels is None or type(labels) is dict)
    return Message(stream, stamp, content, labels) if is_record else None


def messages(chunks: Iterable[bytes]) -> Iterator[Message]:
    """Yield the messages of the engine's multiplexed answer: 8 bytes of header, then a stamped message."""
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        position = 0
        while position + _HEADER_BYTES <= len(buffer):
            start = position + _HEADER_BYTES
            size_bytes = int.from_bytes(buffer[position + 4 : start], "big")
            end = start + size_bytes
            if end > len(buffer):
                break

            stream = _STREAMS[buffer[position] % len(_STREAMS)]
            stamp, _, text = bytes(buffer[start:end]).partition(b" ")
            yield Message(stream, stamp.decode("ascii", "replace"), text)
            position = end
        del buffer[:position]


def assemble(log: Iterable[Message]) -> Iterator[Line]:
    """Yield the lines of a complete log."""
    assembler = LineAssembler()
    for message in log:
        yield from assembler.feed(message)
    yield from assembler.end()


class LineAssembler:
    """Joins the parts of long lines; ``pending`` has the parts of the unfinished line of each stream."""

    def __init__(self) -> None:
        self.pending: dict[str, list[Message]] = {}

    def feed(self, message: Message) -> Iterator[Line]:
        """Take the next message; yield the lines that it completes."""
        stream = message.stream
        parts = self.pending.get(stream, [])
        # The parts of a line have one stamp; where an engine stamps each part, all but the last are full.
        if parts and message.stamp != parts[0].stamp and len(parts[0].text) < _PART_BYTES:
            yield self._take_line(stream)  # the container stopped in the middle of the line

        *line_ends, beginning = message.text.split(b"\n")
        for line_end in line_ends:
            self._add_part(message._replace(text=line_end))
            yield self._take_line(stream, "\r")
        if beginning or not line_ends:
            self._add_part(message._replace(text=beginning))

    def end(self) -> Iterator[Line]:
        """Yield the unfinished lines: no more messages come."""
        yield from [self._take_line(stream) for stream in list(self.pending)]

    def _add_part(self, part: Message) -> None:
        """Add a part to the unfinished line of its stream."""
        self.pending.setdefault(part.stream, []).append(part)

    def _take_line(self, stream: str, end: str = "") -> Line:
        """Remove the unfinished line of a stream, and return it without ``end``."""
        parts = self.pending.pop(stream)
        text = b"".join(part.text for part in parts).decode("utf-8", "replace")
        return Line(text.removesuffix(end), parts[0].stamp or None, stream, parts[0].labels)


def parse_fields(text: str) -> Parsed:
    """Return the fields of a line: strictly by RFC 8259, where Python's parser takes more.

    >>> parse_fields('{"a": 1}').fields, parse_fields('{"a": NaN}').reason, parse_fields("Traceback").reason
    ({'a': 1}, 'NaN or Infinity', 'plain text')
    """
    has_duplicates = []  # for each object, nested ones included

    def to_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        has_duplicates.append(len(fields) < len(pairs))
        return fields

    try:
        event = json.loads(text, object_pairs_hook=to_fields, parse_constant=_refuse_constant)
        if _HALF_CHARACTER.search(text):
            json.dumps(event, ensure_ascii=False).encode()
    except NotANumber:
        return Parsed({}, "NaN or Infinity")
    except RecursionError:
        return Parsed({}, "nested too deep")
    except ValueError:
        return Parsed({}, _reason_not_json(text.strip()))

    if type(event) is not dict:
        return Parsed({}, "JSON, not an object")
    return Parsed(event, "duplicate keys" if any(has_duplicates) else None)


class NotANumber(ValueError):
    """NaN or Infinity, which Python's parser takes for JSON."""


def _refuse_constant(name: str) -> None:
    raise NotANumber(name)


def _reason_not_json(text: str) -> str:
    """Return why a text is not JSON."""
    if not text:
        return "empty"
    if not text.startswith(("{", '["', "[{", "[[")):  # "[INFO] …" is no list
        return "plain text"
    return "invalid JSON" if text.endswith(("}", "]")) else "JSON cut short"
