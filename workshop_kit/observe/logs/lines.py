"""Read the lines in the bytes of a log, and the fields in the text of a line, strictly by RFC 8259. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from io import BytesIO
from typing import Any, NamedTuple

import orjson

LEVELS = (
    ("trace",),
    ("debug",),
    ("info", "notice"),
    ("warning", "warn"),
    ("error", "err"),
    ("critical", "fatal", "panic", "dpanic"),
)
"""Names of log levels, from the least to the most severe; names in one group mean the same."""
_DRAWN_AS = {"trace": "debug", "critical": "error"}
_GROUPS_BY_LEVEL = {name: _DRAWN_AS.get(names[0], names[0]) for names in LEVELS for name in names}
MAX_LINE_BYTES = 64 * 1024 * 1024
FOREIGN = "not a record of the engine's"
TOO_LONG = "longer than can be kept: cut"
EXACT_INT = 2**53  # the integers that a float holds without a gap
_PART_BYTES = 16 * 1024  # the engine splits lines here
_STREAMS = ("stdin", "stdout", "stderr")
_HEADER_BYTES = 8
_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) ")
_MAX_DIGITS = 4_000  # of which Python makes an integer
_BEGINS_JSON = frozenset('{["-0123456789tfn')
_NUMBER_WORD = re.compile(r"[:\[,][ \t]*-?(?:NaN|Infinity)\b")
_HUGE = re.compile(r"\d{150,}|[eE][+-]?\d{3,}", re.ASCII)  # valid in JSON, but more than orjson takes for a number

Fields = dict[str, Any]


class Incomplete(Fields):
    """Fields that do not hold all of a line, so that its text is kept; ``reason`` says why."""

    def __init__(self, reason: str, fields: Fields | None = None) -> None:
        super().__init__(fields or {})
        self.reason = reason


class JsonText(str):
    """JSON text in place of a value: a nested one, or a number with more digits than a column holds."""


class Line(NamedTuple):
    """A line without its end; ``received`` is the engine's time, ``attrs`` its labels as JSON text.

    ``reason`` says why the text must not be parsed.
    """

    text: str
    received: str | None = None
    stream: str | None = None
    attrs: str | None = None
    reason: str | None = None


class Message(NamedTuple):
    """A record of the engine: a whole line, or a part of 16 KiB, which has no line end."""

    stream: str
    stamp: str
    text: bytes


def level_group(level: Any) -> str:
    """Return ``error``, ``warning``, ``info``, ``debug`` or ``other``: what a line of this level is drawn as.

    >>> level_group("FATAL"), level_group("trace"), level_group(None)
    ('error', 'debug', 'other')
    """
    return _GROUPS_BY_LEVEL.get(str(level).lower(), "other")


def json_file_lines(file: Iterable[bytes]) -> Iterator[Line]:
    """Yield the lines in a file of the json-file driver; a line that is no record is kept as it is."""
    assembler = LineAssembler()
    for raw_line in file:
        record = _parse_record(raw_line)
        if record is None:
            text = raw_line.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
            yield Line(text, reason=FOREIGN)
            continue

        stream, time, text, attrs = record
        is_one_line = text.endswith("\n") and text.find("\n") == len(text) - 1
        if is_one_line and not assembler.pending:
            yield Line(text[:-1].removesuffix("\r"), time, stream, attrs)
        else:
            yield from assembler.feed(stream, time, text, attrs)

    yield from assembler.end()


def _parse_record(raw_line: bytes) -> tuple[str, str, str, str | None] | None:
    """Return stream, time, text and labels of a record of the json-file driver; None for another line."""
    try:
        record = orjson.loads(raw_line)
        text = record["log"]
        stream = record["stream"]
        time = record["time"]
        attrs = orjson.dumps(record["attrs"]).decode() if len(record) == 4 else None
        is_time = len(time) >= 20 and bool(datetime.fromisoformat(time))
    except (ValueError, TypeError, KeyError):
        return None

    is_record = is_time and type(text) is str and stream in _STREAMS and len(record) < 5
    return (stream, time, text, attrs) if is_record else None


def messages(chunks: Iterable[bytes]) -> Iterator[Message]:
    """Yield the messages of the engine's multiplexed answer: 8 bytes of header, then a stamped message."""
    buffer = b""
    for chunk in chunks:
        buffer = buffer + chunk if buffer else chunk
        position = 0
        while position + _HEADER_BYTES <= len(buffer):
            start = position + _HEADER_BYTES
            size_bytes = int.from_bytes(buffer[position + 4 : start], "big")
            end = start + size_bytes
            if end > len(buffer):
                break

            stream = _STREAMS[buffer[position] % len(_STREAMS)]
            stamp, _, text = buffer[start:end].partition(b" ")
            yield Message(stream, stamp.decode("ascii", "replace"), text)
            position = end
        buffer = buffer[position:]


def terminal_messages(chunks: Iterable[bytes]) -> Iterator[Message]:
    """Yield the messages of a container with a terminal; a long line has a stamp before each of its parts."""
    for line in BytesIO(b"".join(chunks)):
        match = _STAMP.match(line)
        if match is None:
            yield Message("stdout", "", line)
            continue

        stamp = match[0]
        for part in _parts_of_line(line, stamp):
            yield Message("stdout", stamp[:-1].decode(), part)


def _parts_of_line(line: bytes, stamp: bytes) -> Iterator[bytes]:
    """Yield the parts of a terminal's line without the stamp before each; all but the last one are full."""
    start = len(stamp)
    end = line.find(stamp, start + _PART_BYTES)
    while end >= 0:
        yield line[start:end]
        start = end + len(stamp)
        end = line.find(stamp, start + _PART_BYTES)

    yield line[start:]


def assemble(log: Iterable[Message]) -> Iterator[Line]:
    """Yield the lines of a complete log."""
    assembler = LineAssembler()
    for message in log:
        yield from assembler.feed(*message)
    yield from assembler.end()


class LineAssembler:
    """Joins the parts of long lines; it holds at most one unfinished line a stream. Texts are str or bytes."""

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_length = max_line_bytes
        self.pending: dict[str, tuple[str, str | None, list[Any]]] = {}  # by stream: stamp, labels, parts

    def feed(self, stream: str, stamp: str, text: Any, attrs: str | None = None) -> Iterator[Line]:
        """Take the next message; yield the lines that it completes."""
        pending_stamp, _, parts = self.pending.get(stream, (stamp, None, []))
        # The parts of a line have one stamp; where an engine stamps each part, all but the last are full.
        if stamp != pending_stamp and sum(map(len, parts)) < _PART_BYTES:
            yield self._take_line(stream)  # the container stopped in the middle of the line

        newline = "\n" if isinstance(text, str) else b"\n"
        *line_ends, beginning = text.split(newline)
        for line_end in line_ends:
            self._add_part(stream, stamp, line_end, attrs)
            yield self._take_line(stream, "\r")
        if beginning or not line_ends:
            self._add_part(stream, stamp, beginning, attrs)

    def end(self) -> Iterator[Line]:
        """Yield the unfinished lines: no more messages come."""
        yield from [self._take_line(stream) for stream in list(self.pending)]

    def _add_part(self, stream: str, stamp: str, part: Any, attrs: str | None) -> None:
        """Add a part to the unfinished line of a stream, unless that is longer than the limit already."""
        _, _, parts = self.pending.setdefault(stream, (stamp, attrs, []))
        if sum(map(len, parts)) <= self._max_length:
            parts.append(part)

    def _take_line(self, stream: str, end: str = "") -> Line:
        """Remove the unfinished line of a stream, and return it, cut to the limit and without ``end``."""
        stamp, attrs, parts = self.pending.pop(stream)
        separator = "" if isinstance(parts[0], str) else b""
        content = separator.join(parts)
        text = content[: self._max_length]
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")

        reason = TOO_LONG if len(content) > self._max_length else None
        return Line(text.removesuffix(end), stamp or None, stream, attrs, reason)


def parse_fields(text: str) -> Fields:
    """Return the fields of a line; `Incomplete` if they do not hold all of it.

    >>> parse_fields('{"a": 1}'), parse_fields('{"a": NaN}').reason, parse_fields("Traceback").reason
    ({'a': 1}, 'NaN or Infinity', 'plain text')
    """
    try:
        event = orjson.loads(text)
    except ValueError as error:
        return _fields_of_rejected(text.strip(" \t\r\n"), error)
    if type(event) is not dict:
        return Incomplete("JSON, not an object")

    return event if _is_flat(text, event) else parse_exactly(text)


def _is_flat(text: str, event: Fields) -> bool:
    """Return whether the text surely has neither a duplicate key nor a nested value other than an empty object.

    Then it has one ``":`` for each key. A space before the colon would hide a key from that count.
    """
    if text.count('":') != len(event):
        return False
    if "[" in text and list in map(type, event.values()):
        return False
    return not ('" ' in text or "\t" in text or "\r" in text)


def parse_exactly(text: str) -> Fields:
    """Return the fields of valid JSON with all their digits, nested values as text. It is slow.

    Return `Incomplete` if an object has duplicate keys, or is nested too deep.
    """
    has_duplicates = []  # for each object, nested ones included

    def to_fields(pairs: list[tuple[str, Any]]) -> Fields:
        fields = dict(pairs)
        has_duplicates.append(len(fields) < len(pairs))
        return fields

    try:
        event = _DECODER(object_pairs_hook=to_fields).decode(text)
        fields = {name: _flatten(value) for name, value in event.items()}
    except RecursionError:
        return Incomplete("nested too deep")
    return Incomplete("duplicate keys", fields) if any(has_duplicates) else fields


def _flatten(value: Any) -> Any:
    """Return a nested value as JSON text, every other value as it is."""
    return JsonText(to_json(value)) if isinstance(value, dict | list) else value


def from_json(text: str) -> Any:
    """Parse JSON text; return the text itself where it is nested too deep for Python."""
    try:
        return _DECODER().decode(text)
    except RecursionError:
        return text


def to_json(value: Any) -> str:
    """Return a value as JSON text."""
    return str(value) if isinstance(value, JsonText) else json.dumps(value, ensure_ascii=False)


def _parse_integer(digits: str) -> int | JsonText:
    """Return an integer; its digits as text if Python does not make an integer of so many."""
    return int(digits) if len(digits) < _MAX_DIGITS else JsonText(digits)


def _parse_fraction(digits: str) -> float | JsonText:
    """Return a float; the number's digits as text if no float is large enough."""
    number = float(digits)
    return number if math.isfinite(number) else JsonText(digits)


_DECODER = partial(json.JSONDecoder, parse_int=_parse_integer, parse_float=_parse_fraction)


def _fields_of_rejected(text: str, error: ValueError) -> Fields:
    """Return the fields of a line that orjson rejects: it is not JSON, or it holds a number too large for orjson."""
    if not text:
        return Incomplete("empty")
    if text[0] not in _BEGINS_JSON:
        return Incomplete("plain text")

    try:
        event = orjson.loads(_HUGE.sub(_small_number, text))
        return parse_exactly(text) if type(event) is dict else Incomplete("JSON, not an object")
    except ValueError:
        return Incomplete(_reason_not_json(text, error))


def _small_number(huge: re.Match[str]) -> str:
    """Return a small number in place of a huge one; a leading zero stays, since JSON does not allow it."""
    if not huge[0].isdigit():
        return "e000"
    return "01" if huge[0].startswith("0") else "1"


def _reason_not_json(text: str, error: ValueError) -> str:
    """Return why a text whose first character could begin JSON is not JSON; ``error`` is orjson's."""
    if text[0] not in "{[":
        return "plain text"
    if text[0] == "[" and text[1:2] not in ("[", "{", '"'):  # "[INFO] …", not a list
        return "plain text"
    if "depth limit" in str(error):
        return "nested too deep"
    if _NUMBER_WORD.search(text):
        return "NaN or Infinity"

    is_cut = "unexpected end" in str(error) or getattr(error, "pos", 0) >= len(text)
    return "JSON cut short" if is_cut else "invalid JSON"
