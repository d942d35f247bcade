"""Is this still the starter? Code compared without what does not run: comments, blank lines, trailing spaces."""

from __future__ import annotations

import io
import tokenize

SILENT = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER}
LAYOUT = {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
"""Tokens that count as they stand, whatever characters they are made of."""


def same_code(one: str, other: str, *, language: str = "python") -> bool:
    """Whether the two differ only in comments, blank lines and spaces that mean nothing.

    Python is compared by its tokens as long as both can be read; any other language line by line, without the lines
    that hold only a ``#`` comment.
    """
    if language == "python":
        ours, theirs = _tokens(one), _tokens(other)
        if ours is not None and theirs is not None:
            return ours == theirs
    return _lines(one) == _lines(other)


def language_of(file: str) -> str:
    """Return what `same_code` calls the language of a file with this name: ``python``, or ``lines``."""
    return "python" if file.endswith((".py", ".ipynb")) else "lines"


def _tokens(text: str) -> list[tuple[int, str]] | None:
    """Return the tokens that matter, or None when this is not (whole) Python."""
    try:
        found = list(tokenize.generate_tokens(io.StringIO(text, newline=None).readline))
    except (tokenize.TokenError, SyntaxError, ValueError):
        return None
    return [(token.type, "" if token.type in LAYOUT else token.string) for token in found if token.type not in SILENT]


def _lines(text: str) -> list[str]:
    lines = (line.rstrip() for line in text.split("\n"))
    return [line for line in lines if line and not line.lstrip().startswith("#")]
