"""The engine's messages → lines: it cuts a line into pieces of 16 KiB, and here they are put together again. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from workshop_kit.observe.joining import SPLIT_BYTES
from workshop_kit.observe.logs.cutting import Block
from workshop_kit.observe.logs.lines import NO_LINES, lines_of
from workshop_kit.observe.logs.mending import put
from workshop_kit.observe.logs.times import UTC_NS

STREAMS = ("stdout", "stderr", "stdin", "engine")
STREAM = pa.dictionary(pa.int8(), pa.string())
MAX_LINE_BYTES = 64 * 1024 * 1024
_TEXT = pa.large_string()


class _Unfinished(NamedTuple):
    """A line of which more may come; ``last_bytes`` is the length of its last piece."""

    text: str
    stream: int
    received: int
    attrs: str | None
    last_bytes: int


class Joiner:
    """Messages in, lines out; holds at most one unfinished line a stream, and no more of it than the cap.

    The pieces of a line have the same timestamp. Where an engine gives each its own, their length tells. A line that
    never got its end (the container stopped there) is not joined with the next run's first one.
    """

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._cap = max_line_bytes
        self._unfinished: list[_Unfinished] = []

    def feed(self, block: Block, whole: Any = None) -> Block:
        """Take messages; give the lines that are whole. A line stands where its first piece stood.

        ``whole`` marks the messages that end with a newline, if that is known.
        """
        if whole is None:
            whole = block.lines.ended()
        if not self._unfinished and len(block) - np.count_nonzero(whole) == _open_ended(block.foreign, whole):
            return block
        return self._joined(_with(self._unfinished, block))

    @property
    def unfinished(self) -> set[tuple[int, int]]:
        """Time and stream (its place in STREAMS) of the lines of which more may come."""
        return {(one.received, one.stream) for one in self._unfinished}

    def end(self) -> Block:
        """What is unfinished is a line, too."""
        rows, self._unfinished = self._unfinished, []
        return _with(rows, Block(NO_LINES))

    def _joined(self, block: Block) -> Block:
        streams = stream_codes(block)
        leaders, unfinished = self._groups(block, streams)
        counts = Counter(block.counts)
        rows = np.arange(len(block))
        follows = leaders != rows
        lines: dict[int, list[int]] = {}
        for row in np.flatnonzero(follows):
            lines.setdefault(int(leaders[row]), [int(leaders[row])]).append(int(row))
        before, self._unfinished = self._unfinished, []
        texts: dict[int, str] = {}
        for leader in {*lines, *unfinished}:
            parts = lines.get(leader, [leader])
            text, cut = _capped("".join(block.lines.texts(parts)), self._cap)
            counts["cut_bytes"] += cut
            if leader in unfinished:
                self._unfinished.append(_rest(block, text, streams, (leader, parts[-1]), before))
            else:
                texts[leader] = text
        counts["pieces_joined"] += int(np.count_nonzero(follows))
        keep = ~follows & ~np.isin(rows, list(unfinished))
        text = put(block.lines.strings(), sorted(texts), [texts[row] for row in sorted(texts)])
        return kept(replace(block, lines=lines_of(text), counts=+counts), keep)

    def _groups(self, block: Block, streams: Any) -> tuple[Any, set[int]]:
        """For each message the first one of its line, and the first ones of the lines that are unfinished."""
        whole, sizes = block.lines.ended(), block.lines.sizes
        for row, one in enumerate(self._unfinished):
            sizes[row] = one.last_bytes
        times = received_ns(block)
        leaders = np.arange(len(block))
        mine = np.ones(len(block), bool)
        mine[list(block.foreign)] = False
        unfinished = set()
        for stream in np.unique(streams):
            rows = np.flatnonzero(mine & (streams == stream))
            before, after = rows[:-1], rows[1:]
            goes_on = ~whole[before] & ((times[after] == times[before]) | (sizes[before] >= SPLIT_BYTES))
            starts = np.concatenate([[True], ~goes_on])[: len(rows)]
            leaders[rows] = rows[np.maximum.accumulate(np.where(starts, np.arange(len(rows)), 0))]
            if len(rows) and not whole[rows[-1]]:
                unfinished.add(int(leaders[rows[-1]]))
        return leaders, unfinished


def stream_array(codes: Any) -> Any:
    """Codes (places in STREAMS, -1 for none) as Arrow strings."""
    indices = pa.array(codes, pa.int8(), mask=np.asarray(codes) < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(STREAMS))


def _open_ended(foreign: frozenset[int], whole: Any) -> int:
    return sum(not whole[row] for row in foreign)


def stream_codes(block: Block) -> Any:
    """The places in STREAMS, -1 where none is known; 0 where the source tells none."""
    if block.stream is None:
        return np.zeros(len(block), np.int8)
    return block.stream.indices.fill_null(-1).to_numpy(zero_copy_only=False)


_NEVER = -(2**63)


def received_ns(block: Block) -> Any:
    """The engine's times in nanoseconds since 1970, the least integer where there is none."""
    if block.received is None:
        return np.full(len(block), _NEVER)
    return block.received.cast(pa.int64()).fill_null(_NEVER).to_numpy(zero_copy_only=False)


def _rest(block: Block, text: str, streams: Any, ends: tuple[int, int], before: list[_Unfinished]) -> _Unfinished:
    """A line that is not finished; ``ends`` are its first and last piece, the first of which may be joined itself."""
    first, last = ends
    size = before[last].last_bytes if last < len(before) else len(block.lines.texts([last])[0].encode())
    return _Unfinished(text, int(streams[first]), int(received_ns(block)[first]), block.attrs[first].as_py(), size)


def _with(rows: list[_Unfinished], block: Block) -> Block:
    """The unfinished lines before a block."""
    size = len(rows)
    received = pa.array([None if one.received == _NEVER else one.received for one in rows], UTC_NS)
    stream = stream_array(np.array([one.stream for one in rows], np.int8))
    attrs = pa.array([one.attrs for one in rows], pa.string())
    after = len(block)
    return Block(
        lines_of(pa.concat_arrays([pa.array([one.text for one in rows], _TEXT), block.lines.strings()])),
        pa.concat_arrays([received, block.received if block.received is not None else pa.nulls(after, UTC_NS)]),
        pa.concat_arrays([stream, block.stream if block.stream is not None else stream_array(np.full(after, -1))]),
        pa.concat_arrays([attrs, block.attrs if block.attrs is not None else pa.nulls(after, pa.string())]),
        frozenset(row + size for row in block.foreign),
        block.counts,
    )


def kept(block: Block, keep: Any) -> Block:
    """Some rows of a block; ``keep`` is a numpy mask."""
    mask, place = pa.array(keep), np.cumsum(keep) - 1
    received, stream, attrs = (
        None if one is None else one.filter(mask) for one in (block.received, block.stream, block.attrs)
    )
    foreign = frozenset(int(place[row]) for row in block.foreign if keep[row])
    return Block(block.lines.some(keep), received, stream, attrs, foreign, block.counts)


def _capped(text: str, cap: int) -> tuple[str, int]:
    """The text, and how many bytes of it were cut off to keep it in bounds."""
    if len(text) * 4 <= cap:
        return text, 0
    data = text.encode()
    kept = data[:cap].decode("utf-8", "ignore")
    return kept, len(data) - len(kept.encode())
