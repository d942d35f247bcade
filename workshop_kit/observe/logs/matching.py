"""Where the values of many lines stand, without a JSON parser: the lines are held against a plan, all at once. Pure.

A program writes its fields in the same order with the same bytes around them; some are left out here and there. So all
lines are walked through together, field by field: where the next bytes are ``,"field":"`` to the last one, the value
begins, and it goes to the next quote. A line counts only if nothing of it is left at the end: then it holds these
fields, each once, and nothing else. Whether the values are what they look like is for values.py to check.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from workshop_kit.observe.logs.lines import Lines
from workshop_kit.observe.logs.plans import Literal, Plan, literal
from workshop_kit.observe.logs.schema import TEXT, TIME, Types

_ONES, _HIGHS, _ONE = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080), np.uint64(1)
_WORD = 8
_FEW = 1 / 128  # of the lines
_OTHERS = 1 / 8
_STEPS = 64  # of a word: what is longer is looked for line by line
_STRING = re.compile(rb'(?:[^"\\\n]|\\[^\n])*"')
_QUOTED_STRING = re.compile(rb'(?:[^"\\\n]|\\[^"\\\n]|\\\\(?:\\["\\]|[^"\\\n]))*\\"')
_BACKSLASH, _BACKSLASHES, _QUOTE = 0x5C, 0x5C5C, ord('"')
_BARE_ENDS = b",}"
_TAILS = ("}", "}\n", "}\r\n")
_NULL = np.uint64(int.from_bytes(b"null", "little"))
_FOUR_BYTES = np.uint64(0xFFFFFFFF)


class Span(NamedTuple):
    """Where a field's values stand: the rows that have it (None: all), and where the value starts and ends there.

    In rows that were not read to the end it may say anything. ``same`` is what all of them say, if that is known.
    """

    rows: Any
    starts: Any
    ends: Any
    same: str | None = None


@dataclass(frozen=True)
class Match:
    """Which rows were read to the end, and by field where its values are, and the rows that have ``null``."""

    whole: Any
    spans: dict[str, Span]
    empty: dict[str, Any]


def match(lines: Lines, plan: Plan, types: Types) -> Match:
    """Walk through the lines."""
    if not len(lines) or len(lines.data) < _WORD:
        return Match(np.zeros(len(lines), bool), {}, {})
    walk = _Walk(lines, plan)
    found = {key: walk.field(key, types[key] in (TEXT, TIME)) for key in plan.keys}
    spans = {key: span for key, (span, _) in found.items()}
    return Match(walk.whole(), spans, {key: rows for key, (_, rows) in found.items() if len(rows)})


class _Walk:
    """All lines at once: ``at`` is how far each was read, ``fresh`` are the rows of which nothing was read."""

    def __init__(self, lines: Lines, plan: Plan) -> None:
        self._lines, self._plan, self._view = lines, plan, lines.view
        self._same = dict(plan.same)
        self._pairs = np.ndarray(len(self._view) - 1, "<u2", lines.data, strides=(1,))
        self._quote_size = 2 if lines.quoted else 1
        self._at = lines.starts.copy()
        self._fresh = np.flatnonzero(self._bytes(self._at) == ord("{"))

    def field(self, key: str, text: bool) -> tuple[Span, Any]:
        """Read this field where it comes next; also the rows where it is null."""
        size, quoted, found = len(self._at), self._lines.quoted, []
        if len(self._fresh) < size:
            before = self._plan.literal(key, False, text, quoted)
            same = self._read_same(key, before) if key in self._same else None
            found.append(same or self._read(None, before, text))
        if len(self._fresh):
            fresh = self._fresh if len(self._fresh) < size else None
            found.append(self._read(fresh, self._plan.literal(key, True, text, quoted), text))
            left = self._fresh[self._at[self._fresh] == self._lines.starts[self._fresh]]
            # A few that begin with none of the first fields are not worth a walk of their own.
            self._fresh = left if len(left) > size * _FEW else left[:0]
        spans, empty = [span for span, _ in found if len(span.starts)], np.concatenate([rows for _, rows in found])
        return spans[0] if len(spans) == 1 else _joined(spans), empty

    def whole(self) -> Any:
        """The rows of which nothing is left but the end."""
        left, found = self._lines.ends - self._at, np.zeros(len(self._at), bool)
        words = self._windows(self._at, 1)[:, 0]
        for tail in _TAILS:
            wanted = literal(tail, self._lines.quoted)
            found |= (left == wanted.size) & (words << np.uint64(8 * wanted.pad) == wanted.words[0])
        return found & (self._at > self._lines.starts)  # a lone brace is an end without a beginning

    def _read_same(self, key: str, before: Literal) -> tuple[Span, Any] | None:
        """Read a field that nearly all rows have with the same value; None if not so many do."""
        wanted = self._plan.field(key, self._same[key], self._lines.quoted)
        found = self._windows(self._at - wanted.pad, len(wanted.words))
        there = found[:, 0] & wanted.masks[0] == wanted.words[0]
        for number in range(1, len(wanted.words)):
            there &= found[:, number] == wanted.words[number]
        others = np.flatnonzero(~there)
        if len(others) > _OTHERS * len(there):
            return None
        starts = self._at + before.size
        ends = starts + (wanted.size - before.size - self._quote_size)
        self._at = self._at + wanted.size * there
        if not len(others):
            return Span(None, starts, ends, self._same[key]), others
        span, nulls = self._read(others, before, True)
        there[span.rows], starts[span.rows], ends[span.rows] = True, span.starts, span.ends
        rows = np.flatnonzero(there)
        return Span(rows, starts[rows], ends[rows], None if len(span.rows) else self._same[key]), nulls

    def _read(self, rows: Any, before: Literal, text: bool) -> tuple[Span, Any]:
        """Read a field with these bytes before it in some rows (None: all)."""
        at = self._at if rows is None else self._at[rows]
        there, null, words = self._stands(at, before, text)
        nulls = null if rows is None else rows[null]
        if not there.all():
            places = np.flatnonzero(there)
            rows = places if rows is None else rows[places]
            at, words = at[places], words[places]
        starts = at + before.size
        if text:
            ends, good = self._string_ends(rows, starts, words)
            after = ends + self._quote_size
            if not good.all():
                after = np.where(good, after, at)
        else:
            ends = self._first(starts, words, _BARE_ENDS)
            after = ends.copy()
        if rows is None:
            self._at = after
        else:
            self._at[rows] = after
        self._at[nulls] += before.size - self._quote_size + 4
        return Span(rows, starts, ends), nulls

    def _stands(self, at: Any, wanted: Literal, text: bool) -> tuple[Any, Any, Any]:
        """Where these bytes stand next, where (of a text) ``null`` stands in place of its quote, and the word after."""
        count = len(wanted.words)
        found = self._windows(at - wanted.pad, count + 1)
        last = found[:, count - 1]
        there = (found[:, 0] & wanted.masks[0] if wanted.pad else found[:, 0]) == wanted.words[0]
        for number in range(1, count - 1):
            there &= found[:, number] == wanted.words[number]
        head = there
        if count > 1:
            there = there & (last == wanted.words[-1])
        null = np.zeros(0, np.int64)
        if text and not there.all():
            but_quote = wanted.masks[-1] & (np.uint64(2**64 - 1) >> np.uint64(8 * self._quote_size))
            head = head if count > 1 else np.ones(len(at), bool)
            null = np.flatnonzero(head & ~there & (last & but_quote == wanted.words[-1] & but_quote))
            values = self._windows(at[null] + wanted.size - self._quote_size, 1)[:, 0]
            null = null[values & _FOUR_BYTES == _NULL]
        return there, null, found[:, count]

    def _windows(self, at: Any, count: int) -> Any:
        """So many words from each place on; beyond the data there are zeros."""
        size = _WORD * count
        most = len(self._view) - size
        if most < 0:
            return self._alone(at, size)
        windows = np.ndarray(most + 1, f"V{size}", self._lines.data, strides=(1,))
        if not len(at) or (at.min() >= 0 and at.max() <= most):
            return windows[at].view("<u8").reshape(-1, count)
        found = windows[np.clip(at, 0, most)].view("<u8").reshape(-1, count)
        edge = np.flatnonzero((at < 0) | (at > most))
        found[edge] = self._alone(at[edge], size)
        return found

    def _alone(self, at: Any, size: int) -> Any:
        """Windows that are not inside the data, one by one."""
        data = self._lines.data
        found = [
            (bytes(max(0, -start)) + data[max(0, start) : max(0, start + size)]).ljust(size, b"\0") for start in at
        ]
        return np.frombuffer(b"".join(found), "<u8").reshape(-1, size // _WORD)

    def _bytes(self, at: Any) -> Any:
        """The byte at each place; beyond the data any."""
        return self._view[np.minimum(at, len(self._view) - 1)]

    def _string_ends(self, rows: Any, starts: Any, words: Any) -> tuple[Any, Any]:
        """Where the strings end, and which of them do."""
        quotes = self._guessed(starts)
        if quotes is None:
            quotes = self._first(starts, words, b'"')
        if self._lines.quoted:
            quotes = quotes - 1
            two = self._pairs[quotes - 1]
            good, before = two >> 8 == _BACKSLASH, two == _BACKSLASHES
        else:
            good, before = np.ones(len(starts), bool), self._view[quotes - 1] == _BACKSLASH
        pattern = _QUOTED_STRING if self._lines.quoted else _STRING
        for number in np.flatnonzero(before):  # that quote is escaped, or what stands before it is
            end = self._lines.ends[number if rows is None else rows[number]]
            found = pattern.match(self._lines.data, starts[number], end)
            good[number] = found is not None
            if found:
                quotes[number] = found.end() - self._quote_size
        return quotes, good

    def _guessed(self, starts: Any) -> Any:
        """The next quotes, if all values are as long as the first one; a quote inside one is found later."""
        if not len(starts):
            return None
        size = self._lines.data.find(b'"', starts[0]) - starts[0]
        ends = starts + size
        likely = size >= _WORD and (self._bytes(ends[len(ends) // 2 :][:1]) == _QUOTE).all()
        if not likely or ends.max() >= len(self._view):  # a line may be cut short just behind a quote
            return None
        return ends if (self._view[ends] == _QUOTE).all() else None

    def _first(self, at: Any, words: Any, marks: bytes) -> Any:
        """Where the first of these bytes stands, at or after some places; beyond the line if there is none."""
        found, rows = at, np.zeros(0, np.int64)
        for number in range(_STEPS):
            hits = _hits(words, marks[0])
            for mark in marks[1:]:
                hits |= _hits(words, mark)
            steps = np.bitwise_count((hits - _ONE) & ~hits) >> 3
            at = at + steps
            if number:
                found[rows] = at
            else:
                found = at
            more = np.flatnonzero(steps == _WORD)
            if not len(more):
                return found
            rows, at = rows[more] if number else more, at[more]
            words = self._windows(at, 1)[:, 0]
        for row, start in zip(rows, at, strict=True):
            ends = [self._lines.data.find(bytes([mark]), start) for mark in marks]
            found[row] = min((end for end in ends if end >= 0), default=len(self._view))
        return found


def _hits(words: Any, mark: int) -> Any:
    """Words whose lowest bit that is set tells where the byte stands first; 0 where it does not."""
    differ = words ^ np.uint64(mark * 0x0101010101010101)
    return (differ - _ONES) & ~differ & _HIGHS


def _joined(spans: list[Span]) -> Span:
    """The spans of different rows as one; none of them has all rows."""
    none = np.zeros(0, np.int64)
    rows, starts, ends = (
        (np.concatenate([none, *parts]) for parts in zip(*(span[:3] for span in spans), strict=True))
        if spans
        else (none,) * 3
    )
    order = np.argsort(rows)
    return Span(rows[order], starts[order], ends[order])
