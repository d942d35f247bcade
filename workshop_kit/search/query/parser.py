"""The text of a search → what it is made of. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from workshop_kit.search.query.conditions import column_of, condition
from workshop_kit.search.query.language import WILDCARD, All, Any, Field, Node, Not, SearchMistake, Text

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


@dataclass(frozen=True)
class Search:
    """A search that can be read: its text, and what it is made of."""

    text: str
    root: Node

    def where(self, columns: Mapping[str, str], now: datetime | None = None) -> tuple[str, list[object]]:
        """The condition in DuckDB's SQL, true or false for every row of a table with these columns, and its parameters.

        ``columns`` is name → DuckDB type. ``now`` is what ``ts>-5m`` counts from. Raises SearchMistake for a value
        that is none of the column's type.
        """
        parameters: list[object] = []
        return condition(self.root, columns, parameters, now), parameters

    @property
    def names(self) -> set[str]:
        """The fields that it asks for, in lower case."""
        return {field.name.casefold() for field in _fields(self.root)}

    def unknown(self, columns: Mapping[str, str]) -> list[Field]:
        """The parts that name a field which is no column: they can only find what is in ``rest`` or inside a field."""
        return [field for field in _fields(self.root) if column_of(field.name, columns) is None]


def parse(text: str) -> Search:
    """Read what was typed. Raises SearchMistake."""
    if len(text) > MAX_CHARACTERS:
        raise SearchMistake(
            MAX_CHARACTERS, f"a search has {MAX_CHARACTERS:,} characters at most", "Look for a part of the text."
        )
    for position, character in enumerate(text):
        if "\ud800" <= character <= "\udfff":
            raise SearchMistake(position, "half a character (a lone surrogate) is in no log", "Leave it out.")
    return Search(text, _Parser(text).whole())


def _fields(node: Node) -> Iterator[Field]:
    if isinstance(node, Field):
        yield node
    elif isinstance(node, Not):
        yield from _fields(node.part)
    elif isinstance(node, All | Any):
        for part in node.parts:
            yield from _fields(part)


class _Head(NamedTuple):
    """A field that waits for its value or values."""

    name: str
    operator: str
    position: int


class _Parser:
    """Goes through the text once, from left to right."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._terms = self._depth = 0
        self._head: _Head | None = None  # inside field:( … )

    def whole(self) -> Node:
        """All of it."""
        if self._done():
            return All()
        found = self._either()
        if not self._done():
            raise self._mistake("this parenthesis closes nothing", "Open one before, or leave it out.")
        return found

    def _done(self) -> bool:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._at == len(self._text)

    def _mistake(self, problem: str, next_step: str, at: int | None = None) -> SearchMistake:
        return SearchMistake(self._at if at is None else at, problem, next_step)

    def _keyword(self, *names: str) -> str:
        """The next word if it is one of these, which is then behind us."""
        match = None if self._done() else _WORD.match(self._text, self._at)
        if match and match[0] in names:
            self._at = match.end()
            return match[0]
        return ""

    def _either(self) -> Node:
        parts = [self._both()]
        while self._keyword("OR"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def _both(self) -> Node:
        parts = [self._one()]
        while not self._done() and self._text[self._at] != ")":
            before = self._at
            if self._keyword("OR"):
                self._at = before
                break
            self._keyword("AND")
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _one(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._mistake(f"this is nested more than {MAX_DEPTH} deep", "Take out some parentheses.")
        found = self._negated()
        self._depth -= 1
        return found

    def _negated(self) -> Node:
        self._something()
        if self._keyword("NOT"):
            return Not(self._one())
        if self._text[self._at] == "-" and self._head is None:
            self._at += 1
            if self._text[self._at : self._at + 1].strip(")") == "":
                raise self._mistake("nothing follows the minus", 'Write what to leave out, or "-".', self._at - 1)
            return Not(self._one())
        return self._group() if self._text[self._at] == "(" else self._term()

    def _something(self) -> None:
        """Something must come now."""
        if self._done() or self._text[self._at] == ")":
            raise self._mistake("something to look for is missing here", "Write it, or leave out what is before it.")
        before, found = self._at, self._keyword("AND", "OR")
        if found:
            raise self._mistake(f"nothing stands before this {found}", f'Write "{found}" to look for the word.', before)

    def _group(self) -> Node:
        opened = self._at
        self._at += 1
        found = self._either()
        if self._done():
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
            return Text(self._pieces(), start)
        if self._done() or self._text[self._at] != "(":
            return self._value(head)
        self._head = head
        found = self._group()
        self._head = None
        return found

    def _field(self) -> _Head | None:
        """The field and the operator that come next, if they do."""
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
        if self._done() or self._text[self._at] in "()":
            raise self._mistake(f"the value for {head.name}{head.operator} is missing", "Write it after the sign.")
        start = self._at
        return Field(head.name, head.operator, self._pieces(plain=False), head.position, start)

    def _pieces(self, plain: bool = True) -> tuple[str, ...]:
        """The next quoted text, or the next word cut at its wildcards."""
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
