"""The forms in which logs come → lines: whole, in order, with what is known about each. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from io import BytesIO
from typing import Any, NamedTuple

import orjson

PIECE_BYTES = 16 * 1024  # the engine splits lines here
MAX_LINE_BYTES = 64 * 1024 * 1024
FOREIGN = "not a record of the engine's"
TOO_LONG = "longer than can be kept: cut"
_STREAMS = ("stdin", "stdout", "stderr")
_HEADER_BYTES = 8
_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(?:Z|[+-]\d\d:\d\d) ")


class Line(NamedTuple):
    """A line without its end; ``received`` is the engine's time, ``attrs`` its labels as JSON text.

    ``reason`` says why the text is not to be read as an event.
    """

    text: str
    received: str | None = None
    stream: str | None = None
    attrs: str | None = None
    reason: str | None = None


class Message(NamedTuple):
    """What the engine keeps of a line: all of it, or a piece of 16 KiB, which has no line end."""

    stream: str
    stamp: str
    text: bytes


def plain_lines(data: bytes) -> Iterator[Line]:
    """Lines as a program wrote them; only a newline ends one."""
    *lines, last = data.decode("utf-8", "replace").split("\n")
    yield from (Line(text.removesuffix("\r")) for text in lines)
    if last:
        yield Line(last)


def json_file_lines(file: Iterable[bytes]) -> Iterator[Line]:
    """The records of the json-file driver; what is no record of it is a line as it stands."""
    joiner = Joiner()
    for raw in file:
        try:
            record = orjson.loads(raw)
            text, stream, time = record["log"], record["stream"], record["time"]
            attrs = orjson.dumps(record["attrs"]).decode() if len(record) == 4 else None
            is_time = len(time) >= 20 and datetime.fromisoformat(time)
            is_record = is_time and type(text) is str and stream in _STREAMS and len(record) < 5
        except (ValueError, TypeError, KeyError):
            is_record = False
        if not is_record:
            yield Line(raw.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r"), reason=FOREIGN)
        elif not joiner.pending and text.find("\n") == len(text) - 1 >= 0:
            yield Line(text[:-1].removesuffix("\r"), time, stream, attrs)
        else:
            yield from joiner.feed(stream, time, text, attrs)
    yield from joiner.end()


def messages(chunks: Iterable[bytes]) -> Iterator[Message]:
    """The engine's multiplexed answer, split anywhere: 8 bytes of header, then that many of a stamped message."""
    waiting = b""
    for chunk in chunks:
        waiting, at = waiting + chunk if waiting else chunk, 0
        while at + _HEADER_BYTES <= len(waiting):
            start = at + _HEADER_BYTES
            end = start + int.from_bytes(waiting[at + 4 : start], "big")
            if end > len(waiting):
                break
            stamp, _, text = waiting[start:end].partition(b" ")
            yield Message(_STREAMS[waiting[at] % 3], stamp.decode("ascii", "replace"), text)
            at = end
        waiting = waiting[at:]


def terminal_messages(chunks: Iterable[bytes]) -> Iterator[Message]:
    """The raw answer of a container with a terminal; a long line has its own stamp before each of its pieces."""
    for line in BytesIO(b"".join(chunks)):
        found = _STAMP.match(line)
        stamp = found[0] if found else b""
        start = len(stamp)
        while stamp and (again := line.find(stamp, start + PIECE_BYTES)) >= 0:
            yield Message("stdout", stamp[:-1].decode(), line[start:again])
            start = again + len(stamp)
        yield Message("stdout", stamp[:-1].decode(), line[start:])


def joined(found: Iterable[Message]) -> Iterator[Line]:
    """The lines of messages that are all there are."""
    joiner = Joiner()
    for message in found:
        yield from joiner.feed(*message)
    yield from joiner.end()


class Joiner:
    """Joins pieces to lines, at most one unfinished line a stream; their text is str or bytes."""

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._max = max_line_bytes
        self.pending: dict[str, tuple[str, str | None, list[Any]]] = {}  # by stream: stamp, labels, pieces

    def feed(self, stream: str, stamp: str, text: Any, attrs: str | None = None) -> Iterator[Line]:
        """Take the next message; yield the lines that are whole now."""
        before, _, parts = self.pending.get(stream, (stamp, None, []))
        # The pieces of a line have one stamp; where an engine gives each its own, they are full.
        if stamp != before and sum(map(len, parts)) < PIECE_BYTES:
            yield self._line(stream)  # the container stopped in the middle of it
        *whole, rest = text.split("\n" if isinstance(text, str) else b"\n")
        for part in whole:
            self._add(stream, stamp, part, attrs)
            yield self._line(stream, "\r")
        if rest or not whole:
            self._add(stream, stamp, rest, attrs)

    def end(self) -> Iterator[Line]:
        """There is no more: what has no line end is a line, too."""
        yield from [self._line(stream) for stream in list(self.pending)]

    def _add(self, stream: str, stamp: str, part: Any, attrs: str | None) -> None:
        _, _, parts = self.pending.setdefault(stream, (stamp, attrs, []))
        if sum(map(len, parts)) <= self._max:
            parts.append(part)

    def _line(self, stream: str, end: str = "") -> Line:
        stamp, attrs, parts = self.pending.pop(stream)
        whole = parts[0][:0].join(parts)
        text = whole[: self._max] if isinstance(whole, str) else whole[: self._max].decode("utf-8", "replace")
        return Line(text.removesuffix(end), stamp or None, stream, attrs, TOO_LONG if len(whole) > self._max else None)
