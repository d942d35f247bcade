"""Bytes of an engine's log stream → pieces: the messages in which the engine keeps it. Pure: no engine, no clock.

The engine makes a message of every line, but splits lines at 16 KiB and sends the parts as messages of their own. Asked
for timestamps, it puts the same one (to the nanosecond) before every part of a line, which is how the parts are known.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

_HEADER_BYTES = 8
_STAMP_BYTES = 40  # "2026-11-24T16:06:14.797497811Z " has 31; other engines write an offset instead of the Z
_HOLD_BYTES = 64 * 1024  # a part of 16 KiB, thrice as long where every byte had to be replaced, and its timestamp
_STREAMS = {0: "stdin", 1: "stdout", 2: "stderr", 3: "engine"}


class Piece(NamedTuple):
    """A message of the engine, or a part of it; ``starts`` marks its first part, which carries the timestamp."""

    stream: str
    data: bytes
    starts: bool


class Frames:
    """The multiplexed stream of a container without a terminal: 8 bytes of header, then that many bytes of message."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._left = 0
        self._stream = "stdout"
        self._starts = False

    def feed(self, data: bytes) -> Iterator[Piece]:
        """Take the next bytes, split anywhere; yield what can be told."""
        self._waiting += data
        while self._left or self._next_header():
            ready = min(len(self._waiting), self._left)
            if ready == 0 or (self._starts and ready < min(self._left, _STAMP_BYTES)):
                return
            yield Piece(self._stream, bytes(self._waiting[:ready]), self._starts)
            del self._waiting[:ready]
            self._left -= ready
            self._starts = False

    def end(self) -> Iterator[Piece]:
        """The stream is over; a message that was cut short is given as it is."""
        if self._left and self._waiting:
            yield Piece(self._stream, bytes(self._waiting), self._starts)

    def _next_header(self) -> bool:
        while len(self._waiting) >= _HEADER_BYTES and not self._left:
            self._stream = _STREAMS.get(self._waiting[0], "engine")
            self._left = int.from_bytes(self._waiting[4:_HEADER_BYTES], "big")
            self._starts = True
            del self._waiting[:_HEADER_BYTES]
        return self._left > 0


class Terminal:
    """The raw stream of a container with a terminal: a message ends at a newline, or before its own timestamp."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._stamp: bytes | None = None  # of the message being read; None: not known yet
        self._starts = True

    def feed(self, data: bytes) -> Iterator[Piece]:
        """Take the next bytes, split anywhere; yield what can be told."""
        self._waiting += data
        while self._waiting and (self._stamp is not None or self._read_stamp()):
            end = self._message_end()
            whole = end is not None
            if end is None:
                if len(self._waiting) <= _HOLD_BYTES:
                    return
                end = len(self._waiting) - _STAMP_BYTES  # a timestamp may have arrived by half
            if end:
                yield Piece("stdout", bytes(self._waiting[:end]), self._starts)
            del self._waiting[:end]
            self._starts = whole
            if whole:
                self._stamp = None

    def end(self) -> Iterator[Piece]:
        """The stream is over; a message that was cut short is given as it is."""
        if self._waiting:
            yield Piece("stdout", bytes(self._waiting), self._starts)

    def _read_stamp(self) -> bool:
        if len(self._waiting) < _STAMP_BYTES and b"\n" not in self._waiting and b" " not in self._waiting:
            return False
        self._stamp, _, _ = split_stamp(bytes(self._waiting[:_STAMP_BYTES]))
        return True

    def _message_end(self) -> int | None:
        """Where the message ends: after its newline, or before its own timestamp comes again; None: not yet."""
        newline = self._waiting.find(b"\n") + 1
        if stamp := self._stamp:
            own = len(stamp) if self._starts else 0
            again = self._waiting.find(stamp, own, newline or len(self._waiting))
            if again >= 0:
                return again
        return newline or None


def split_stamp(data: bytes) -> tuple[bytes, datetime | None, bytes]:
    """The engine's timestamp as it stands with the space after it, as a time, and the rest; empty and None without."""
    end = data.find(b" ", 0, _STAMP_BYTES) + 1
    time = _time(data[: end - 1]) if end else None
    return (data[:end], time, data[end:]) if time else (b"", None, data)


def _time(stamp: bytes) -> datetime | None:
    try:
        time = datetime.fromisoformat(stamp.decode("ascii"))
    except ValueError:
        return None
    return time if time.tzinfo else None
