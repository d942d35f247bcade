"""How a field is compared with what was typed, by the type of its column. Pure."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import datetime

from workshop_kit.observe.logs.lines import LEVELS
from workshop_kit.search.query.language import Field, SearchMistake
from workshop_kit.search.query.values import BOOL, NUMBER, TIME, number, period, truth

ORDER: Mapping[str, Callable[[int, int], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def quoted(name: str) -> str:
    """A column's name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def like(pieces: tuple[str, ...]) -> str:
    """The pieces with anything between them, as LIKE wants it."""
    escape = str.maketrans({"%": r"\%", "_": r"\_", "\\": r"\\"})
    return "%".join(piece.translate(escape) for piece in pieces)


def in_column(field: Field, column: str, kind: str, parameters: list[object], now: datetime | None) -> str:
    """The condition on a column; null where it has no value. Raises SearchMistake for a value of another type."""
    name = quoted(column)
    if kind == TIME:
        return _time(field, name, parameters, now)
    if len(field.pieces) > 1:
        return _matches(field, f"CAST({name} AS VARCHAR)", parameters)
    if kind == NUMBER:
        return _compared(field, name, _number(field, column), parameters)
    if kind == BOOL:
        return _truth(field, column, parameters)
    if column == "level":
        return _level(field, name, parameters)
    return _compared(field, name, field.value, parameters)


def in_json(field: Field, value: str, parameters: list[object]) -> str:
    """For a value that is of no column's type: as a number if it is asked for one, else as text."""
    if field.pieces == ("", ""):
        return f"{value} IS {'' if field.operator == '!=' else 'NOT '}NULL"
    if len(field.pieces) > 1:
        return _matches(field, value, parameters)
    asked = number(field.value)
    if asked is not None and field.operator != "!=":  # for that, what is no number is another value, too
        return _compared(field, f"try_cast({value} AS DOUBLE)", asked, parameters)
    return _compared(field, value, field.value, parameters)


def _compared(field: Field, value: str, asked: object, parameters: list[object]) -> str:
    parameters.append(asked)
    return f"{value} {'=' if field.operator == ':' else field.operator} ?"


def _matches(field: Field, value: str, parameters: list[object]) -> str:
    parameters.append(like(field.pieces))
    return f"{value} {'NOT ' if field.operator == '!=' else ''}LIKE ? ESCAPE '\\'"


def _number(field: Field, column: str) -> float | int:
    found = number(field.value)
    if found is None:
        raise SearchMistake(
            field.value_position, f"{column} is a number, {field.value!r} is none", f"Write a number, as in {column}>0."
        )
    return found


def _truth(field: Field, column: str, parameters: list[object]) -> str:
    found = truth(field.value)
    if found is None or field.operator in ORDER:
        raise SearchMistake(field.value_position, f"{column} is true or false", f"Write {column}:true.")
    return _compared(field, quoted(column), found, parameters)


def _time(field: Field, name: str, parameters: list[object], now: datetime | None) -> str:
    """A time that is asked to be equal stands for all of its second, minute, hour or day; else for its first moment."""
    found = period(field.value, now)
    if found is None:
        raise SearchMistake(
            field.value_position,
            f"{field.value!r} is no time",
            "Write one as in 2026-11-24T16:06, or how long ago as in -5m.",
        )
    first, end = found
    if field.operator in ORDER:
        parameters.append(first)
        return f"{name} {field.operator} CAST(? AS TIMESTAMPTZ_NS)"
    parameters += [first, end]
    inside = f"{name} >= CAST(? AS TIMESTAMPTZ_NS) AND {name} < CAST(? AS TIMESTAMPTZ_NS)"
    return f"NOT ({inside})" if field.operator == "!=" else f"({inside})"


def _level(field: Field, name: str, parameters: list[object]) -> str:
    """By severity, and whatever a library calls it."""
    asked = field.value.casefold()
    rank = next((place for place, names in enumerate(LEVELS) if asked in names), None)
    if field.operator not in ORDER:
        names: list[str] = list(LEVELS[rank]) if rank is not None else [asked]
    elif rank is None:
        known = ", ".join(one[0] for one in LEVELS)
        raise SearchMistake(field.value_position, f"{field.value!r} is no level", f"Write one of {known}.")
    else:
        fits = ORDER[field.operator]
        names = [one for place, same in enumerate(LEVELS) if fits(place, rank) for one in same]
    parameters += names
    listed = ", ".join("?" * len(names))
    if not names:
        return "false"
    return f"lower({name}) {'NOT ' if field.operator == '!=' else ''}IN ({listed})"
