"""Parse the text of a search into a tree of conditions. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

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
MAX_CHARACTERS = 2_000
MAX_TERMS = 64
MAX_DEPTH = 20
_SPACE = re.compile(r"\s*")
_WORD = re.compile(r'[^\s()"]+')
_FIELD = re.compile(r'([^\s()":=<>!]+)\s*(>=|<=|!=|[:=<>])')
_OPERATOR = re.compile(r"\s*(>=|<=|!=|[:=<>])")
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
    position: int


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


def parse_tree(text: str) -> Node:
    """Parse a search. Raises SearchMistake."""
    if len(text) > MAX_CHARACTERS:
        raise SearchMistake(
            MAX_CHARACTERS, f"a search has {MAX_CHARACTERS:,} characters at most", "Look for a part of the text."
        )
    for position, character in enumerate(text):
        if "\ud800" <= character <= "\udfff":
            raise SearchMistake(position, "half a character (a lone surrogate) is in no log", "Leave it out.")
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


class _Head(NamedTuple):
    """A field and its operator, before the value or values."""

    name: str
    operator: str
    position: int


class _Parser:
    """A recursive-descent parser of one search."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._terms = self._depth = 0
        self._head: _Head | None = None  # inside field:( … )

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
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise self._mistake(f"a search has {MAX_TERMS} parts at most", "Leave some out.")
        if self._head:
            return self._value(self._head)
        start = self._at
        head = self._field()
        if head is None:
            return Text(self._segments(), start)
        if self._is_at_end() or self._text[self._at] != "(":
            return self._value(head)
        self._head = head
        found = self._group()
        self._head = None
        return found

    def _field(self) -> _Head | None:
        """Consume and return a field and its operator, if they come next."""
        start, match = self._at, _FIELD.match(self._text, self._at)
        if match:
            self._at = match.end()
            return _Head(match[1], match[2], start)
        if self._text[start] == '"':
            name = self._quoted()
            operator = _OPERATOR.match(self._text, self._at)
            if operator and name:
                self._at = operator.end()
                return _Head(name, operator[1], start)
            self._at = start
        return None

    def _value(self, head: _Head) -> Field:
        if self._is_at_end() or self._text[self._at] in "()":
            raise self._mistake(f"the value for {head.name}{head.operator} is missing", "Write it after the sign.")
        start = self._at
        return Field(head.name, head.operator, self._segments(plain=False), head.position, start)

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
