"""The search language: a text → a tree of conditions. Pure.

`CHEAT_SHEET` has its forms. Beside them:

- ``time*out`` is a text with anything between the two; in quotes, ``\\"`` and ``\\\\`` are a quote and a backslash.
- ``level:warn`` is ``warning``, in any case. What is no number, time or level is compared by the alphabet.
- ``status!=200`` finds lines that have the field with another value; ``-status:200`` also those that lack it.
- ``ts:2026-11-24T16`` is all of that hour; ``error.type:KeyError`` is a field inside a field.
- AND binds closer than OR, parentheses closest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from workshop_kit.errors import WrongUsage
from workshop_kit.screen import visible

CHEAT_SHEET = (
    ("timeout", "lines with this text, in upper or lower case"),
    ('"pool timeout"', "lines with exactly these words"),
    ("level:error", "a field with this value"),
    ("level>=warning", "at least this level"),
    ("status>=500", "a number: also > < <= = !="),
    ("status:(500 OR 503)", "one of these values"),
    ("path:/orders/*", "a value that begins so"),
    ("error:*", "lines that have the field"),
    ("-status:200", "without these (or NOT)"),
    ("ts>-5m", "the last five minutes (s, m, h, d)"),
    ("ts>=2026-11-24T16:06", "since then (UTC)"),
    ("error (checkout OR orders)", "both; one of these"),
)
"""Examples and what they find, for a help text."""

WILDCARD = "*"
MAX_CHARACTERS = 500
MAX_DEPTH = 20
_SPACE = re.compile(r"\s*")
_WORD = re.compile(r'[^\s()"]+')
_FIELD = re.compile(r'([^\s()":=<>!]+)\s*(>=|<=|!=|[:=<>])')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')
_LOOKS_LIKE_FIELD = re.compile(r"[:=<>]")


class SearchMistake(WrongUsage):
    """A mistake in a search; ``position`` is the 0-based character (the sentence counts from 1)."""

    def __init__(self, position: int, problem: str, next_step: str) -> None:
        super().__init__(visible(f"At character {position + 1}: {problem}."), visible(next_step))
        self.position = position


@dataclass(frozen=True)
class Text:
    """Lines that contain the ``segments`` in this order, with any text between them."""

    segments: tuple[str, ...]


@dataclass(frozen=True)
class Field:
    """A condition on a field: ``operator`` is one of ``: = != > >= < <=``; a quoted value has one segment."""

    name: str
    operator: str
    segments: tuple[str, ...]
    position: int
    value_position: int

    @property
    def value(self) -> str:
        """The value as it was typed."""
        return WILDCARD.join(self.segments)


@dataclass(frozen=True)
class Not:
    """Lines that do not match the part."""

    part: Node


@dataclass(frozen=True)
class And:
    """Lines that match all parts; without parts every line."""

    parts: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Or:
    """Lines for which one of the parts holds."""

    parts: tuple[Node, ...]


Node = Text | Field | Not | And | Or


def parse(text: str) -> Node:
    """Parse a search. Raises SearchMistake."""
    if len(text) > MAX_CHARACTERS:
        raise SearchMistake(MAX_CHARACTERS, f"a search has {MAX_CHARACTERS} characters at most", "Leave some out.")
    return _Parser(text).parse()


def fields_in(node: Node) -> Iterator[Field]:
    """Yield every condition on a field."""
    if isinstance(node, Field):
        yield node
    elif isinstance(node, Not):
        yield from fields_in(node.part)
    elif isinstance(node, And | Or):
        for part in node.parts:
            yield from fields_in(part)


class _Parser:
    """A recursive-descent parser of one search."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._depth = text, 0, 0
        self._head: Field | None = None  # inside field:( … ), without a value

    def parse(self) -> Node:
        """Parse all of the text."""
        if self._is_at_end():
            return And()
        found = self._or_expression()
        if not self._is_at_end():
            raise self._mistake("this parenthesis closes nothing", "Open one before, or leave it out.")
        return found

    def _is_at_end(self) -> bool:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._at == len(self._text)

    def _mistake(self, problem: str, next_step: str, at: int | None = None) -> SearchMistake:
        return SearchMistake(self._at if at is None else at, problem, next_step)

    def _keyword(self, *names: str) -> str:
        """Consume and return the next word if it is one of these, else return ""."""
        match = None if self._is_at_end() else _WORD.match(self._text, self._at)
        if match and match[0] in names:
            self._at = match.end()
            return match[0]
        return ""

    def _or_expression(self) -> Node:
        parts = [self._and_expression()]
        while self._keyword("OR"):
            parts.append(self._and_expression())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and_expression(self) -> Node:
        parts = [self._unary()]
        while not self._is_at_end() and self._text[self._at] != ")":
            before = self._at
            if self._keyword("OR"):
                self._at = before
                break
            self._keyword("AND")
            parts.append(self._unary())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _unary(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._mistake(f"this is nested more than {MAX_DEPTH} deep", "Take out some parentheses.")
        found = self._primary()
        self._depth -= 1
        return found

    def _primary(self) -> Node:
        self._require_term()
        if self._keyword("NOT"):
            return Not(self._unary())
        if self._text[self._at] == "-" and self._head is None:
            self._at += 1
            if self._text[self._at : self._at + 1].strip(")") == "":
                raise self._mistake("nothing follows the minus", 'Write what to leave out, or "-".', self._at - 1)
            return Not(self._unary())
        return self._group() if self._text[self._at] == "(" else self._term()

    def _require_term(self) -> None:
        """Raise SearchMistake unless a term follows."""
        if self._is_at_end() or self._text[self._at] == ")":
            raise self._mistake("something to look for is missing here", "Write it, or leave out what is before it.")
        before, found = self._at, self._keyword("AND", "OR")
        if found:
            raise self._mistake(f"nothing stands before this {found}", f'Write "{found}" to look for the word.', before)

    def _group(self) -> Node:
        opened = self._at
        self._at += 1
        found = self._or_expression()
        if self._is_at_end():
            raise self._mistake("this parenthesis is not closed", "Close it.", opened)
        self._at += 1
        return found

    def _term(self) -> Node:
        if self._head:
            return self._value(self._head)
        match = _FIELD.match(self._text, self._at)
        if match is None:
            return Text(self._segments())
        head = Field(match[1], match[2], (), self._at, self._at)
        self._at = match.end()
        if self._is_at_end() or self._text[self._at] != "(":
            return self._value(head)
        self._head = head
        found = self._group()
        self._head = None
        return found

    def _value(self, head: Field) -> Field:
        if self._is_at_end() or self._text[self._at] in "()":
            raise self._mistake(f"the value for {head.name}{head.operator} is missing", "Write it after the sign.")
        return replace(head, value_position=self._at, segments=self._segments(plain=False))

    def _segments(self, plain: bool = True) -> tuple[str, ...]:
        """Consume and return the next quoted text, or the next word split at its wildcards."""
        start = self._at
        if self._text[start] == '"':
            return (self._quoted(),)
        match = _WORD.match(self._text, start)
        word = match[0] if match else ""
        if plain and _LOOKS_LIKE_FIELD.search(word):
            raise self._mistake(f"{word!r} is no word, and no field with a value", "Put it in quotes to look for it.")
        self._at += len(word)
        return tuple(word.split(WILDCARD))

    def _quoted(self) -> str:
        match = _QUOTED.match(self._text, self._at)
        if not match:
            raise self._mistake("this quote is not closed", "Close the quote.")
        self._at = match.end()
        return _ESCAPED.sub(r"\1", match[1])
