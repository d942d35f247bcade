"""One JSON object on one line, from values of any kind: whatever they hold is data, and none of them loses the line.

| A value | In the line |
| --- | --- |
| line ends, escape sequences, U+2028, marks that turn text around | escaped (``\\u2028``): nothing acts on them |
| half a surrogate pair, bytes that are not UTF-8 | their code, as text: ``\\udce9``, ``\\xe9`` |
| an integer of any size | its digits; past 4,300 of them text in hexadecimal |
| NaN, infinity | ``null``: JSON has no such numbers |
| what JSON does not know | its ``repr``; a dataclass, too, since that is where it hides its secrets |
| what contains itself or nests past 64 levels, a ``repr`` that raises | a few words in angle brackets |
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

DEPTH_LIMIT = 64
DIGITS_LIMIT_BITS = 14_000  # Python refuses to write integers much longer than that, since it takes long
OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATACLASS
DELETE = b"\x7f"
# Controls, line and paragraph separators, marks that change the direction of text, tags, and the byte order mark.
UNSAFE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")


def encode(fields: dict[str, Any]) -> bytes:
    """The line, with its line end."""
    try:
        line = orjson.dumps(fields, default=text, option=OPTIONS)
    except TypeError:  # a key that is no text, a number past 64 bits, text that is not Unicode, nesting without end
        line = json.dumps(_plain(fields), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    if line.isascii() and DELETE not in line:
        return line
    return UNSAFE.sub(_escaped, line.decode()).encode()


def text(value: Any) -> str:
    """What a value that JSON does not know looks like; never raises."""
    try:
        if isinstance(value, bytes | bytearray | memoryview):
            return bytes(value).decode(errors="backslashreplace")
        return repr(value)
    except Exception as error:
        return f"<{type(value).__name__}: its repr raised {type(error).__name__}>"


def _escaped(found: re.Match[str]) -> str:
    return json.dumps(found.group())[1:-1]


def _plain(value: Any, inside: tuple[int, ...] = ()) -> Any:
    """The same value, of what JSON knows only; ``inside``: the ids of what it stands in."""
    if isinstance(value, Mapping | list | tuple):
        return _nested(value, inside)
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if value.bit_length() <= DIGITS_LIMIT_BITS else hex(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return _known(value)


def _nested(value: Mapping[Any, Any] | Sequence[Any], inside: tuple[int, ...]) -> Any:
    if id(value) in inside:
        return f"<{type(value).__name__}: contains itself>"
    if len(inside) > DEPTH_LIMIT:
        return f"<{type(value).__name__}: nested past {DEPTH_LIMIT} levels>"
    inside = (*inside, id(value))
    if isinstance(value, Mapping):
        return {_key(key): _plain(each, inside) for key, each in value.items()}
    return [_plain(each, inside) for each in value]


def _key(key: Any) -> str:
    return str(_plain(key if isinstance(key, str) else text(key)))


def _known(value: Any) -> Any:
    """What orjson knows beyond JSON (times, UUIDs, enumerations), or else text."""
    try:
        return orjson.loads(orjson.dumps(value, default=text, option=OPTIONS))
    except (TypeError, ValueError):
        return _plain(text(value))
