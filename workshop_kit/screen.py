"""Make text of logs, containers and participants' programs safe to show in notebooks, pages and terminals. Pure.

Control characters, changes of direction and invisible characters are written out.
"""

from __future__ import annotations

import html
import re

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters: ANSI escapes, carriage returns, bells, C1
    "\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # bidi, invisible, line ends
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\U000e0000-\U000e0fff]"  # halves, non-characters, tags
)
_NAMED = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\x1b": "\\x1b"}


def visible(text: str, limit: int | None = None) -> str:
    """Return the text with everything that could act on a screen written out, as in a Python string.

    A backslash of the text itself stays one. With ``limit`` at most so many characters and an ellipsis come back.

    >>> visible("ok\\x1b[31mred\\u202e")
    'ok\\\\x1b[31mred\\\\u202e'
    """
    if limit is not None and len(text) > limit:
        text = text[:limit] + "…"
    return _UNSAFE.sub(_written, text)


def as_html(text: str, limit: int | None = None) -> str:
    """Return the same as HTML text, also fit for an attribute in quotes."""
    return html.escape(visible(text, limit), quote=True)


def in_lines(text: str) -> str:
    """Return the same with line ends kept, for text of several lines. A carriage return before a line end is dropped.

    >>> in_lines("one\\r\\ntwo\\x07")
    'one\\ntwo\\\\x07'
    """
    return "\n".join(visible(line.removesuffix("\r")) for line in text.split("\n"))


def _written(found: re.Match[str]) -> str:
    character = found[0]
    code = ord(character)
    if character in _NAMED:
        return _NAMED[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
