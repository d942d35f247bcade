"""Lines as they stand in some bytes: nothing is copied until somebody asks for their text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

_LARGE = pa.large_string()


@dataclass(frozen=True)
class Lines:
    """Where each line starts and ends (with its line end) in ``data``, in order; each is valid UTF-8.

    ``quoted`` ones stand there as in a JSON string, without the quotes around it. What does not belong to a string
    (then the whole record is no JSON) may be among them: their text is None.
    """

    data: bytes
    starts: Any
    ends: Any
    quoted: bool = False

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def view(self) -> Any:
        """The bytes as a numpy array."""
        return np.frombuffer(self.data, np.uint8)

    @property
    def sizes(self) -> Any:
        """How many bytes each has."""
        return self.ends - self.starts

    def texts(self, rows: Iterable[Any]) -> list[str]:
        """Some of the lines as strings."""
        found = [self.data[self.starts[row] : self.ends[row]] for row in rows]
        return [one.decode() for one in found]

    def strings(self) -> Any:
        """All as Arrow strings (with 64 bits an offset)."""
        return between(self.data, self.starts, self.ends, _LARGE)

    def unquoted(self, rows: Iterable[Any]) -> list[str | None]:
        """What some of the quoted lines say."""
        return all_unquoted([self.data[self.starts[row] : self.ends[row]] for row in rows])

    def some(self, rows: Any) -> Lines:
        """These rows only: places in order, or a mask."""
        return Lines(self.data, self.starts[rows], self.ends[rows], self.quoted)

    def ended(self) -> Any:
        """Which of them surely end with a newline (all that do, unless they are quoted)."""
        view, last = self.view, self.ends - 1
        if not len(view):
            return np.zeros(len(self), bool)
        if not self.quoted:
            return (self.sizes > 0) & (view[last] == ord("\n"))
        found = (self.sizes > 1) & (view[last] == ord("n")) & (view[last - 1] == ord("\\"))
        return found & (view[last - 2] != ord("\\"))  # else it may be a backslash and an n


def objects(lines: Lines) -> Any:
    """Which lines (that are not quoted) begin and end like a JSON object, but for white space at the end."""
    view, starts, last = lines.view, lines.starts, lines.ends - 1
    if not len(view):
        return np.zeros(len(lines), bool)
    for _ in range(4):
        last = last - ((last > starts) & _SPACE[view[last]])
    return (last > starts) & (view[np.minimum(starts, len(view) - 1)] == ord("{")) & (view[last] == ord("}"))


def lines_of(strings: Any) -> Lines:
    """Arrow strings (with 64 bits an offset) as lines; null is an empty one."""
    _, offsets, data = strings.buffers()
    places = np.frombuffer(offsets, np.int64)[strings.offset : strings.offset + len(strings) + 1]
    return Lines(data.to_pybytes() if data else b"", places[:-1], places[1:])


def between(data: Any, starts: Any, ends: Any, kind: Any) -> Any:
    """Parts of some bytes, in order, as Arrow strings of this kind."""
    size = len(starts)
    if not size:
        return pa.array([], kind)
    offsets = np.empty(2 * size + 1, np.int64 if pa.types.is_large_string(kind) else np.int32)
    offsets[:-1:2], offsets[1::2], offsets[-1] = starts, ends, ends[-1]  # every other one is what stands between
    both = pa.Array.from_buffers(kind, 2 * size, [None, pa.py_buffer(offsets), pa.py_buffer(data)])
    return both.take(pa.array(np.arange(0, 2 * size, 2)))


def unquoted(content: bytes) -> str | None:
    """The text of a JSON string of which this is the content; None if it is none.

    >>> unquoted(b'say \\\\"hello\\\\"'), unquoted(b'say "hello"')
    ('say "hello"', None)
    """
    try:
        return orjson.loads(b'"' + content + b'"')  # type: ignore[no-any-return]
    except orjson.JSONDecodeError:
        return None


def all_unquoted(contents: Sequence[bytes]) -> list[str | None]:
    """The same for many at once; no content has a line end in it.

    >>> all_unquoted([b"a", b'b","c'])
    ['a', None]
    """
    if len(contents) > 1:
        # No string of JSON has a bare line end in it: what has quotes of its own makes more strings of one, or lists.
        try:
            found: list[str | None] = orjson.loads(b'["' + b'"\n,"'.join(contents) + b'"]')
        except orjson.JSONDecodeError:
            found = []
        if len(found) == len(contents) and set(map(type, found)) == {str}:
            return found
    return [unquoted(content) for content in contents]


NO_LINES = Lines(b"", np.zeros(0, np.int64), np.zeros(0, np.int64))
_SPACE = np.isin(np.arange(256), list(b" \t\r\n"))
