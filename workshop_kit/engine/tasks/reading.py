"""Look at JSON piece by piece and collect what is wrong with it, each with its path; nothing here raises."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from workshop_kit.engine.tasks.definition import Problem

T = TypeVar("T")
SHOWN_CHARACTERS = 40
KINDS: tuple[tuple[type, str], ...] = (
    (bool, "true or false"),
    (int, "a number"),
    (float, "a number"),
    (str, "text"),
    (list, "a list"),
    (dict, "an object"),
    (type(None), "null"),
)


@dataclass(frozen=True)
class Piece:
    """A value somewhere in a document. All pieces of a document share one list of problems."""

    value: Any
    path: str = ""
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, sentence: str) -> None:
        """Note that something is wrong here; ``sentence`` goes on after the path."""
        self.problems.append(Problem(self.path or "The document", sentence))

    def at(self, key: str | int) -> Piece:
        """Return the piece below a key or an index."""
        path = f"{self.path}[{key}]" if isinstance(key, int) else f"{self.path}.{key}".lstrip(".")
        return Piece(self.value[key], path, self.problems)

    def is_a(self, kind: type, wanted: str) -> bool:
        """Whether it has the type; if not, note what is wanted and what is there."""
        if isinstance(self.value, kind) and not (kind is int and isinstance(self.value, bool)):
            return True
        there = next((name for one, name in KINDS if isinstance(self.value, one)), "something else")
        self.wrong(f"has to be {wanted}, and is {there}")
        return False

    def text(self, *, empty: bool = False) -> str | None:
        """Return it as text that a process can be given: no NUL, no broken character."""
        if not self.is_a(str, "text"):
            return None
        value: str = self.value
        if not value and not empty:
            self.wrong("is empty")
            return None
        if "\0" in value:
            self.wrong("contains a NUL character, which no program can be given")
            return None
        if any("\ud800" <= character <= "\udfff" for character in value):
            self.wrong("contains half a character (a lone surrogate)")
            return None
        return value

    def number(self, low: int, high: int, unit: str = "") -> int | None:
        """Return it as a whole number in a range."""
        if not self.is_a(int, f"a whole number of {unit}" if unit else "a whole number"):
            return None
        value: int = self.value
        if low <= value <= high:
            return value
        self.wrong(f"has to be from {low} to {high} {unit}".rstrip())
        return None

    def flag(self) -> bool | None:
        """Return it as true or false."""
        return bool(self.value) if self.is_a(bool, "true or false") else None

    def each(self, read: Callable[[Piece], T | None]) -> tuple[T, ...] | None:
        """Return a list, every member read; None if it is no list."""
        if not self.is_a(list, "a list"):
            return None
        members = (read(self.at(index)) for index in range(len(self.value)))
        return tuple(member for member in members if member is not None)

    def keys(
        self, readers: Mapping[str, Callable[[Piece], Any]], required: Iterable[str], elsewhere: str
    ) -> dict[str, Any] | None:
        """Return an object's values by key, each read; None if it is no object.

        ``elsewhere`` are keys, in one text, that Amazon ECS has and this subset has not.
        """
        if not self.is_a(dict, "an object"):
            return None
        for key in self.value:
            if key not in readers:
                self.wrong(f"has {_unknown(key, readers, elsewhere)}")
        for key in required:
            if key not in self.value:
                self.wrong(f"has no {key}")
        return {key: read(self.at(key)) for key, read in readers.items() if key in self.value}


def _unknown(key: object, readers: Mapping[str, Any], elsewhere: str) -> str:
    name = key if isinstance(key, str) else type(key).__name__
    if name in elsewhere.split():
        return f"the key {name!r}, which Amazon ECS knows and the workshop's runner does not"
    shown = repr(name if len(name) <= SHOWN_CHARACTERS else name[:SHOWN_CHARACTERS] + "…")
    near = difflib.get_close_matches(name[:100], readers, n=1)
    return f"the unknown key {shown}: did you mean {near[0]}" if near else f"the unknown key {shown}"
