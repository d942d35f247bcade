"""The text of a line → the event that it holds, strictly by RFC 8259, or the reason why it holds none. Pure."""

from __future__ import annotations

import json
import math
import re
from functools import partial
from typing import Any

import orjson

EXACT_INT = 2**53  # the integers that a float holds without a gap
_MAX_DIGITS = 4_000  # of which Python makes an integer
_BEGINS_JSON = frozenset('{["-0123456789tfn')
_NUMBER_WORD = re.compile(r"[:\[,][ \t]*-?(?:NaN|Infinity)\b")
_HUGE = re.compile(r"\d{150,}|[eE][+-]?\d{3,}", re.ASCII)  # valid in JSON, but more than orjson takes for a number

Event = dict[str, Any]


class Odd(Event):
    """What was found in a line whose text is needed besides; ``reason`` says why."""

    def __init__(self, reason: str, fields: Event | None = None) -> None:
        super().__init__(fields or {})
        self.reason = reason


class Json(str):
    """JSON text in place of a value: a nested one, or a number with more digits than a column holds."""


def parse(text: str) -> Event:
    """The fields of a line; an `Odd` one if they are not all of it.

    >>> parse('{"a": 1}'), parse('{"a": NaN}').reason, parse("Traceback").reason
    ({'a': 1}, 'NaN or Infinity', 'plain text')
    """
    try:
        event = orjson.loads(text)
    except ValueError as error:
        return _not_parsed(text.strip(" \t\r\n"), error)
    if type(event) is not dict:
        return Odd("JSON, not an object")
    # As many keys as `":` stand there: none is there twice, and no object is nested.
    is_flat = text.count('":') == len(event) and not ("[" in text and list in map(type, event.values()))
    has_spaced_key = '" ' in text or "\t" in text or "\r" in text
    return event if is_flat and not has_spaced_key else exact(text)


def exact(text: str) -> Event:
    """The event of valid JSON, nested values as text, with all digits of its numbers and all keys counted: slow."""
    duplicates = []

    def fields_of(pairs: list[tuple[str, Any]]) -> Event:
        fields = dict(pairs)
        duplicates.append(len(fields) < len(pairs))
        return fields

    try:
        event = _DECODER(object_pairs_hook=fields_of).decode(text)
        fields = {name: Json(written(one)) if isinstance(one, dict | list) else one for name, one in event.items()}
    except RecursionError:
        return Odd("nested too deep")
    return Odd("duplicate keys", fields) if any(duplicates) else fields


def loads(text: str) -> Any:
    """What JSON text says; the text itself where it is nested too deep for Python."""
    try:
        return _DECODER().decode(text)
    except RecursionError:
        return text


def written(value: Any) -> str:
    """A value as JSON text."""
    return str(value) if isinstance(value, Json) else json.dumps(value, ensure_ascii=False)


def _whole(digits: str) -> int | Json:
    return int(digits) if len(digits) < _MAX_DIGITS else Json(digits)


def _fraction(digits: str) -> float | Json:
    return number if math.isfinite(number := float(digits)) else Json(digits)


_DECODER = partial(json.JSONDecoder, parse_int=_whole, parse_float=_fraction)


def _not_parsed(bare: str, error: ValueError) -> Event:
    """A line that is not JSON, or holds a number past what orjson takes."""
    if not bare:
        return Odd("empty")
    if bare[0] not in _BEGINS_JSON:
        return Odd("plain text")
    try:
        is_object = type(orjson.loads(_HUGE.sub(_tamed, bare))) is dict
    except ValueError:
        return Odd(_why(bare, error))
    return exact(bare) if is_object else Odd("JSON, not an object")


def _tamed(huge: re.Match[str]) -> str:
    return "1" if huge[0].isdigit() else "e000"


def _why(bare: str, error: ValueError) -> str:
    if bare[0] not in "{[" or (bare[0] == "[" and bare[1:2] not in tuple('[{"')):
        return "plain text"
    if "allocate" in str(error) or "recursion" in str(error):
        return "nested too deep"
    if _NUMBER_WORD.search(bare):
        return "NaN or Infinity"
    is_cut = "unexpected end" in str(error) or getattr(error, "pos", 0) >= len(bare)
    return "JSON cut short" if is_cut else "invalid JSON"
