"""What a search is made of, and what may be wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

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


class SearchMistake(WrongUsage):
    """A search that cannot be read; ``position`` is the 0-based character (the sentence counts from 1)."""

    def __init__(self, position: int, problem: str, next_step: str) -> None:
        super().__init__(visible(f"At character {position + 1}: {problem}."), visible(next_step))
        self.position = position


@dataclass(frozen=True)
class Text:
    """Lines that have this somewhere; in ``pieces`` with anything between them."""

    pieces: tuple[str, ...]
    position: int


@dataclass(frozen=True)
class Field:
    """Lines whose field compares so: ``operator`` is one of ``: = != > >= < <=``; a quoted value has one piece."""

    name: str
    operator: str
    pieces: tuple[str, ...]
    position: int
    value_position: int

    @property
    def value(self) -> str:
        """The value as it was typed."""
        return WILDCARD.join(self.pieces)


@dataclass(frozen=True)
class Not:
    """Lines for which the part does not hold."""

    part: Node


@dataclass(frozen=True)
class All:
    """Lines for which all parts hold; without parts every line."""

    parts: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Any:
    """Lines for which one of the parts holds."""

    parts: tuple[Node, ...]


Node = Text | Field | Not | All | Any
