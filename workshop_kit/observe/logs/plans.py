"""How a program writes its lines: which field comes after which, and what stands between them. Pure."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from workshop_kit.observe.logs.schema import JSON, TEXT, Types

_WORD = 8
_MAX_NAMES = 1_000
_ENOUGH = 20  # lines, to guess from them that a value is always the same
_MAX_SAME = 64
_FIRST_COLON = re.compile(r'\{"[^"\\]*"( ?: ?)')


class Literal(NamedTuple):
    """Some bytes to look for, as words of eight; ``masks`` leave out what stands before them."""

    size: int
    pad: int
    words: Any
    masks: Any


@dataclass(frozen=True)
class Plan:
    """The fields in the order in which they come, any of which may be missing, and what stands between them.

    ``same`` are texts that were the same in all lines seen, and so probably are in the others: fields and values.
    """

    keys: tuple[str, ...]
    comma: str
    colon: str
    same: tuple[tuple[str, str], ...] = ()

    def literal(self, key: str, first: bool, text: bool, quoted: bool) -> Literal:
        """What stands before the value of a field (if it is a text, its quote, too)."""
        before = f"{'{' if first else self.comma}{json.dumps(key, ensure_ascii=False)}{self.colon}"
        return literal(before + '"' * text, quoted)

    def field(self, key: str, value: str, quoted: bool) -> Literal:
        """A field that is not the first one, with its value."""
        return literal(f'{self.comma}{json.dumps(key, ensure_ascii=False)}{self.colon}"{value}"', quoted)


@lru_cache(1_024)
def literal(text: str, quoted: bool) -> Literal:
    """A text as words; ``quoted`` as it stands in a JSON string."""
    data = (json.dumps(text, ensure_ascii=False)[1:-1] if quoted else text).encode()
    pad = -len(data) % _WORD
    masks = np.frombuffer(bytes(pad) + b"\xff" * len(data), "<u8")
    return Literal(len(data), pad, np.frombuffer(bytes(pad) + data, "<u8"), masks)


class Habits:
    """What was seen of how lines are written."""

    def __init__(self) -> None:
        self._before: dict[str, set[str]] = {}  # by field: those that came just before it, where both were there
        self._between = (",", ":")
        self._values: dict[str, Any] = {}  # by field: the value that all have had, or None
        self._lines = 0

    def learn(self, text: str, fields: Mapping[str, Any]) -> None:
        """Look at a line and its fields, in the order in which they stand there."""
        keys, self._lines = list(fields), self._lines + 1
        if len(self._before) > _MAX_NAMES:  # somebody makes up names
            return
        for key, value in fields.items():
            self._before.setdefault(key, set())
            if self._values.setdefault(key, value) != value:
                self._values[key] = None
        for one, other in itertools.pairwise(keys):
            if one not in self._before[other]:
                self._before[other].add(one)
                self._before[one].discard(other)  # the program changed its mind
        colon = _FIRST_COLON.match(text)
        if colon and len(keys) > 1:
            comma = re.search(r'( ?, ?)"' + re.escape(keys[1]) + '"', text)
            self._between = (comma[1] if comma else ",", colon[1])

    def plan(self, types: Types) -> Plan:
        """The columns' fields in an order in which all those seen can be read."""
        waiting = [key for key in self._before if types.get(key, JSON) != JSON]
        order: list[str] = []
        while waiting:
            open_ones = set(waiting)
            chosen = next((key for key in waiting if not self._before[key] & open_ones), waiting[0])
            waiting.remove(chosen)
            order.append(chosen)
        same = {key: self._values[key] for key in order if self._lines >= _ENOUGH and types[key] == TEXT}
        return Plan(tuple(order), *self._between, tuple((key, one) for key, one in same.items() if _is_simple(one)))


def _is_simple(value: Any) -> bool:
    """Whether JSON has one way only to write it."""
    return isinstance(value, str) and 0 < len(value) <= _MAX_SAME and json.dumps(value) == f'"{value}"'
