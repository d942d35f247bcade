"""The tree of a search → a condition in SQL. Pure: names are quoted, everything else is a parameter."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from workshop_kit.search.query.comparisons import (
    NUMBER,
    ORDER,
    TEXT,
    TIME,
    in_column,
    in_json,
    kind_of,
    like,
    number,
    quoted,
)
from workshop_kit.search.query.parser import And, Field, Node, Not, Or, SearchMistake, Text, fields_in, parse_tree

META_COLUMNS = frozenset({"stream", "attrs", "reason", "service", "environment", "container", "row"})
"""Columns about the line, not part of it: a search for text leaves them out."""
Columns = Mapping[str, str]


@dataclass(frozen=True)
class Search:
    """A parsed search."""

    text: str
    root: Node

    def where(self, columns: Mapping[str, str], now: datetime | None = None) -> tuple[str, list[object]]:
        """Return the condition in DuckDB's SQL (true or false for every row) and its parameters.

        ``columns`` is name → DuckDB type. ``ts>-5m`` counts from ``now``. Raises SearchMistake for a value
        of another type than the column's.
        """
        parameters: list[object] = []
        return condition(self.root, columns, parameters, now), parameters

    @property
    def names(self) -> set[str]:
        """The names of the fields in it, in lower case."""
        return {field.name.casefold() for field in fields_in(self.root)}

    def unknown(self, columns: Mapping[str, str]) -> list[Field]:
        """Return the conditions on fields that are no columns; they match in ``rest`` or inside a field."""
        return [field for field in fields_in(self.root) if column_of(field.name, columns) is None]


def parse(text: str) -> Search:
    """Parse a search. Raises SearchMistake."""
    return Search(text, parse_tree(text))


def condition(node: Node, columns: Columns, parameters: list[object], now: datetime | None) -> str:
    """Return a condition that is true or false for every row, never null; append to the parameters."""
    if isinstance(node, Not):
        return f"NOT {condition(node.part, columns, parameters, now)}"
    if isinstance(node, And | Or):
        parts = [condition(part, columns, parameters, now) for part in node.parts]
        return f"({(' AND ' if isinstance(node, And) else ' OR ').join(parts)})" if parts else "true"
    found = _text(node, columns, parameters) if isinstance(node, Text) else _field(node, columns, parameters, now)
    return f"coalesce({found}, false)"


def column_of(name: str, columns: Columns) -> str | None:
    """Return the column of this name, in any case."""
    if name in columns:
        return name
    return next((column for column in columns if column.casefold() == name.casefold()), None)


def no_such_field(field: Field, columns: Columns) -> SearchMistake:
    """Return the mistake for a field that no line has."""
    near = difflib.get_close_matches(field.name.casefold(), [name.casefold() for name in columns], 1)
    advice = f"Did you mean {column_of(near[0], columns)}?" if near else "Put it in quotes to look for it as text."
    return SearchMistake(field.position, f"no line has a field {field.name}", advice)


def value_of(field: Field, columns: Columns, parameters: list[object]) -> str:
    """The text of a field that is no column: out of ``rest``, or from inside a column that holds JSON.

    Raises SearchMistake if there is no column in which it could be.
    """
    column = column_of(field.name, columns)
    if column is not None:
        return f"CAST({quoted(column)} AS VARCHAR)"
    places = [("rest", [field.name])] if "rest" in columns else []
    parts = field.name.split(".")
    for cut in range(1, len(parts)):
        outer, inner = column_of(".".join(parts[:cut]), columns), parts[cut:]
        if outer is not None and kind_of(columns[outer]) == TEXT:
            places.append((outer, [".".join(inner)]))
            places += [(outer, inner)] if len(inner) > 1 else []
    if len(parts) > 1 and "rest" in columns:
        places.append(("rest", parts))
    if not places:
        raise no_such_field(field, columns)
    return f"coalesce({', '.join(_inside(outer, inner, parameters) for outer, inner in places)}, NULL)"


def _inside(column: str, keys: list[str], parameters: list[object]) -> str:
    """Return the text of a value in a column's JSON."""
    parameters.append("".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys))
    name = quoted(column)
    return f"CASE WHEN json_valid({name}) THEN json_extract_string({name}, ?) END"


def _text(node: Text, columns: Columns, parameters: list[object]) -> str:
    """Match a text in any text field, or a number in any number field."""
    if not any(node.segments):
        return "true"
    found = []
    for name, kind in columns.items():
        if name in META_COLUMNS:
            continue
        if kind_of(kind) == TEXT:
            found.append(_contains(quoted(name), node.segments, parameters))
        elif kind_of(kind) == NUMBER and len(node.segments) == 1 and number(node.segments[0]) is not None:
            parameters.append(number(node.segments[0]))
            found.append(f"{quoted(name)} = ?")
    return f"({' OR '.join(f'coalesce({one}, false)' for one in found)})" if found else "false"


def _contains(name: str, segments: tuple[str, ...], parameters: list[object]) -> str:
    if len(segments) == 1:
        parameters.append(segments[0])
        return f"contains(lower({name}), lower(?))"
    parameters.append("%" + like(segments) + "%")
    return f"{name} ILIKE ? ESCAPE '\\'"


def _field(field: Field, columns: Columns, parameters: list[object], now: datetime | None) -> str:
    column = column_of(field.name, columns)
    if field.operator in ORDER and len(field.segments) > 1:
        raise SearchMistake(
            field.value_position, f"{field.operator} cannot be asked of a text with *", "Write : instead."
        )
    if column is None:
        return in_json(field, value_of(field, columns, parameters), parameters)
    kind = kind_of(columns[column])
    if field.segments == ("", ""):
        found = f"{quoted(column)} IS NOT NULL"
        found = f"({found} OR {_misfit(column, parameters)} IS NOT NULL)" if _may_misfit(column, columns) else found
        return f"NOT {found}" if field.operator == "!=" else found
    found = in_column(field, column, kind, parameters, now)
    if kind == TIME or not _may_misfit(column, columns) or (column == "level" and field.operator in ORDER):
        return found
    return f"coalesce({found}, {in_json(field, _misfit(column, parameters), parameters)})"


def _may_misfit(column: str, columns: Columns) -> bool:
    """Whether values of another type than the column's may be in ``rest``."""
    return "rest" in columns and column not in META_COLUMNS | {"rest", "raw", "received"}


def _misfit(column: str, parameters: list[object]) -> str:
    return _inside("rest", [column], parameters)
