"""Make untrusted text safe to show: escape control, bidirectional and invisible characters.

Log lines and the output of containers and participants' programs are shown in notebooks, pages and terminals.
"""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters: ANSI escapes, carriage returns, bells, C1
    "\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # bidi, invisible, line ends
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\U000e0000-\U000e0fff]"  # halves, non-characters, tags
)


def visible(text: str, limit: int | None = None) -> str:
    """Return the text with unsafe characters escaped as in a Python string; backslashes stay.

    With ``limit`` a longer text is cut there and ends with an ellipsis.

    >>> visible("ok\\x1b[31mred\\u202e")
    'ok\\\\x1b[31mred\\\\u202e'
    """
    if limit is not None and len(text) > limit:
        text = text[:limit] + "…"
    return _UNSAFE.sub(_escape_character, text)


def _escape_character(character: re.Match[str]) -> str:
    return character[0].encode("unicode_escape").decode()


def in_lines(text: str) -> str:
    """Return the text as `visible` does, but with its line feeds; a carriage return before a line feed is removed.

    >>> in_lines("one\\r\\ntwo\\x07")
    'one\\ntwo\\\\x07'
    """
    return "\n".join(visible(line.removesuffix("\r")) for line in text.split("\n"))
