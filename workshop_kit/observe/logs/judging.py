"""One line → what it is and what it holds, strictly by RFC 8259: for the lines that are not like the others. Pure.

The fast way (parsing.py) hands over every line it cannot vouch for; this is where such a line gets its reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

EMPTY = "empty"
PLAIN = "plain text"
NOT_OBJECT = "JSON, not an object"
CUT = "JSON cut short"
NOT_A_NUMBER = "NaN or Infinity"
INVALID = "invalid JSON"
DEEP = "nested too deep"
DUPLICATE = "duplicate keys"
FOREIGN = "not a record of the engine's"
REASONS = (EMPTY, PLAIN, NOT_OBJECT, CUT, NOT_A_NUMBER, INVALID, DEEP, DUPLICATE, FOREIGN)

_BEGINS_JSON = frozenset('{["-0123456789tfn')
_WHITESPACE = " \t\r\n"
_BARE_NUMBER_WORD = re.compile(r"[:\[,][ \t]*-?(?:NaN|Infinity)\b")
_HUGE = re.compile(r"\d{300,}|[eE][+-]?\d{3,}", re.ASCII)


class Number(str):
    """A number as it was written: a float would lose digits, an int of a million digits would take minutes."""

    __slots__ = ()

    @property
    def whole(self) -> bool:
        """Written as an integer."""
        return not set(self) & set(".eE")

    def as_int(self) -> int | None:
        """The integer, if it is one of 64 bits."""
        if not self.whole or len(self) > 20:
            return None
        value = int(self)
        return value if -(2**63) <= value < 2**63 else None


class Pairs(list[tuple[str, Any]]):
    """An object as it was written: every pair, in order."""


_DECODER = json.JSONDecoder(object_pairs_hook=Pairs, parse_int=Number, parse_float=Number)


@dataclass(frozen=True)
class Judged:
    """What a line is: ``fields`` of an object (of duplicate keys the last), and ``reason`` if that is not all of it."""

    fields: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None


def judge(text: str) -> Judged:
    """Judge a line, with or without its line end.

    >>> judge('{"a": 1}').fields, judge('{"a": NaN}').reason, judge("Traceback").reason
    ({'a': '1'}, 'NaN or Infinity', 'plain text')
    """
    bare = text.strip(_WHITESPACE)
    if not bare:
        return Judged(reason=EMPTY)
    if bare[0] not in _BEGINS_JSON:
        return Judged(reason=PLAIN)
    error = _mistake(bare)
    if error:
        return Judged(reason=_why(bare, error))
    if bare[0] != "{":
        return Judged(reason=NOT_OBJECT)
    try:
        pairs = _DECODER.decode(bare)
    except RecursionError:
        return Judged(reason=DEEP)
    fields = dict(pairs)
    return Judged(fields, DUPLICATE if len(fields) < len(pairs) else None)


def as_json(value: Any) -> str:
    """A value of ``judge`` as JSON text, its numbers as they were written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, Pairs):
        return object_text(value)
    if isinstance(value, list):
        return f"[{','.join(map(as_json, value))}]"
    return json.dumps(value, ensure_ascii=False)


def object_text(pairs: Iterable[tuple[str, Any]]) -> str:
    """Keys and values of ``judge`` as the text of a JSON object."""
    return f"{{{','.join(f'{json.dumps(key, ensure_ascii=False)}:{as_json(value)}' for key, value in pairs)}}}"


def _tamed(huge: re.Match[str]) -> str:
    """A number too large for orjson is valid JSON all the same; one as long stands in while the grammar is checked."""
    return "1" * 30 if huge[0].isdigit() else re.sub(r"\d", "0", huge[0])


def _mistake(bare: str) -> orjson.JSONDecodeError | None:
    """What RFC 8259 has against it; a number too large for orjson is none."""
    try:
        orjson.loads(bare)
    except orjson.JSONDecodeError as error:
        tamed = _HUGE.sub(_tamed, bare)
        return error if tamed == bare else _mistake(tamed)
    return None


def _why(bare: str, error: orjson.JSONDecodeError) -> str:
    if bare[0] not in "{[":
        return PLAIN
    if "recursion" in error.msg:
        return DEEP
    if _BARE_NUMBER_WORD.search(bare):
        return NOT_A_NUMBER
    if bare[0] == "[":
        return PLAIN if len(bare) < 2 or bare[1] not in '[{"' else INVALID
    return CUT if error.pos >= len(bare) or "unexpected end" in error.msg else INVALID
