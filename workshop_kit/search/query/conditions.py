"""What a search is made of → a condition in SQL. Pure: names are quoted, everything else is a parameter."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import datetime

from workshop_kit.search.query.comparisons import ORDER, in_column, in_json, like, quoted
from workshop_kit.search.query.language import All, Any, Field, Node, Not, SearchMistake, Text
from workshop_kit.search.query.values import NUMBER, TEXT, TIME, kind_of, number

OURS = frozenset({"stream", "attrs", "reason", "service", "environment", "container", "row"})
"""Columns that are about the line, not of it: free text is not looked for in them."""
Columns = Mapping[str, str]


def condition(node: Node, columns: Columns, parameters: list[object], now: datetime | None) -> str:
    """True or false for every row, never null; appends to the parameters."""
    if isinstance(node, Not):
        return f"NOT {condition(node.part, columns, parameters, now)}"
    if isinstance(node, All | Any):
        parts = [condition(part, columns, parameters, now) for part in node.parts]
        return f"({(' AND ' if isinstance(node, All) else ' OR ').join(parts)})" if parts else "true"
    found = _text(node, columns, parameters) if isinstance(node, Text) else _field(node, columns, parameters, now)
    return f"coalesce({found}, false)"


def column_of(name: str, columns: Columns) -> str | None:
    """The column that is meant, in whatever case it is written."""
    if name in columns:
        return name
    return next((column for column in columns if column.casefold() == name.casefold()), None)


def no_such_field(field: Field, columns: Columns) -> SearchMistake:
    """The mistake of naming a field that no line has."""
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
    """The text of what stands in a column's JSON."""
    parameters.append("".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys))
    name = quoted(column)
    return f"CASE WHEN json_valid({name}) THEN json_extract_string({name}, ?) END"


def _text(node: Text, columns: Columns, parameters: list[object]) -> str:
    """The text stands in one of the line's own texts, or is one of its numbers."""
    if not any(node.pieces):
        return "true"
    found = []
    for name, kind in columns.items():
        if name in OURS:
            continue
        if kind_of(kind) == TEXT:
            found.append(_contains(quoted(name), node.pieces, parameters))
        elif kind_of(kind) == NUMBER and len(node.pieces) == 1 and number(node.pieces[0]) is not None:
            parameters.append(number(node.pieces[0]))
            found.append(f"{quoted(name)} = ?")
    return f"({' OR '.join(f'coalesce({one}, false)' for one in found)})" if found else "false"


def _contains(name: str, pieces: tuple[str, ...], parameters: list[object]) -> str:
    if len(pieces) == 1:
        parameters.append(pieces[0])
        cased = pieces[0].lower() != pieces[0].upper()
        return f"contains(lower({name}), lower(?))" if cased else f"contains({name}, ?)"  # half the time
    parameters.append("%" + like(pieces) + "%")
    return f"{name} ILIKE ? ESCAPE '\\'"


def _field(field: Field, columns: Columns, parameters: list[object], now: datetime | None) -> str:
    column = column_of(field.name, columns)
    if field.operator in ORDER and len(field.pieces) > 1:
        raise SearchMistake(
            field.value_position, f"{field.operator} cannot be asked of a text with *", "Write : instead."
        )
    if column is None:
        return in_json(field, value_of(field, columns, parameters), parameters)
    kind = kind_of(columns[column])
    if field.pieces == ("", ""):
        found = f"{quoted(column)} IS NOT NULL"
        found = f"({found} OR {_misfit(column, parameters)} IS NOT NULL)" if _may_misfit(column, columns) else found
        return f"NOT {found}" if field.operator == "!=" else found
    found = in_column(field, column, kind, parameters, now)
    if kind == TIME or not _may_misfit(column, columns) or (column == "level" and field.operator in ORDER):
        return found
    return f"coalesce({found}, {in_json(field, _misfit(column, parameters), parameters)})"


def _may_misfit(column: str, columns: Columns) -> bool:
    """A line's value that is none of the column's type may stand in ``rest``."""
    return "rest" in columns and column not in OURS | {"rest", "raw", "received"}


def _misfit(column: str, parameters: list[object]) -> str:
    return _inside("rest", [column], parameters)
