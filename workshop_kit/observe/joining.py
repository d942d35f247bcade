"""Pieces of a log → whole lines, in bounded memory. Pure: no engine, no clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from workshop_kit.observe.framing import Piece, split_stamp

SPLIT_BYTES = 16 * 1024
MAX_LINE_BYTES = 2 * 1024 * 1024
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Line:
    """One line that a container wrote, without its line end.

    ``stream`` is ``stdout`` or ``stderr`` (a terminal has only ``stdout``); ``time`` is when the engine received it, in
    UTC, to the microsecond; ``replaced`` counts the U+FFFD in ``text``: bytes that were not UTF-8 (and any the
    container itself wrote, which look the same); ``cut_bytes`` is what was left out of a line over the cap; ``pieces``
    is in how many parts the engine kept it.
    """

    stream: str
    text: str
    time: datetime | None = None
    replaced: int = 0
    cut_bytes: int = 0
    pieces: int = 1


@dataclass
class _Pending:
    """What has come of a line; never longer than the cap."""

    text: bytearray = field(default_factory=bytearray)
    stamp: bytes = b""
    time: datetime | None = None
    cut_bytes: int = 0
    pieces: int = 0

    def add(self, data: bytes, cap: int) -> None:
        room = cap - len(self.text)
        self.text += data[:room]
        self.cut_bytes += max(0, len(data) - room)

    def goes_on_with(self, stamp: bytes) -> bool:
        """The parts of a line have one timestamp. Where an engine gives each its own, the length tells."""
        return stamp == self.stamp or len(self.text) + self.cut_bytes >= SPLIT_BYTES


class Lines:
    """Pieces to lines. Holds at most one unfinished line a stream, and no more of it than the cap."""

    def __init__(self, *, terminal: bool, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._terminal = terminal
        self._cap = max_line_bytes
        self._pending: dict[str, _Pending] = {}

    def feed(self, piece: Piece) -> Iterator[Line]:
        """Take the next piece; yield the lines that are whole now."""
        pending = self._pending.get(piece.stream)
        data = piece.data
        stamp, time = (pending.stamp, pending.time) if pending else (b"", None)
        if piece.starts:
            stamp, time, data = split_stamp(data)
            if pending and pending.pieces and not pending.goes_on_with(stamp):
                yield self._line(piece.stream, pending)  # it never got its line end: the container stopped there
                pending = None
        start = 0
        while True:
            pending = pending or _Pending(stamp=stamp, time=time)
            pending.pieces += piece.starts or pending.pieces == 0
            end = data.find(b"\n", start)
            pending.add(data[start:] if end < 0 else data[start:end], self._cap)
            if end < 0:
                self._pending[piece.stream] = pending
                return
            yield self._line(piece.stream, pending)
            pending, start = None, end + 1
            if start == len(data):
                self._pending.pop(piece.stream, None)
                return

    def end(self) -> Iterator[Line]:
        """The stream is over; what has no line end is a line, too."""
        for stream, pending in self._pending.items():
            yield self._line(stream, pending)
        self._pending.clear()

    def _line(self, stream: str, pending: _Pending) -> Line:
        raw, cut = pending.text, pending.cut_bytes
        if cut:
            whole = _whole_characters(raw)
            raw, cut = raw[:whole], cut + len(raw) - whole
        elif self._terminal and raw.endswith(b"\r"):
            raw = raw[:-1]  # a terminal turns \n into \r\n
        text = raw.decode("utf-8", "replace")
        return Line(stream, text, pending.time, text.count(REPLACEMENT), cut, pending.pieces)


def _whole_characters(raw: bytearray) -> int:
    """The length without a last character that the cap has cut in two."""
    for back in range(1, min(4, len(raw)) + 1):
        lead = raw[-back]
        if lead & 0xC0 == 0x80:
            continue
        length = 4 if lead >= 0xF0 else 3 if lead >= 0xE0 else 2 if lead >= 0xC0 else 1
        return len(raw) - back if length > back else len(raw)
    return len(raw)
