"""Translate a search into a condition in SQL on the rows of `FrameStore`. Pure: names and values are parameters.

`CHEAT_SHEET` has its forms. Beside them:

- In quotes, ``\\"`` and ``\\\\`` are a quote and a backslash.
- ``level:warn`` is ``warning``, in upper or lower case. Other values than numbers, times and levels compare as text.
- ``status!=200`` finds lines that have the field with another value; ``-status:200`` also those that lack it.
- ``ts:2026-11-24T16`` is all of that hour; ``error.type:KeyError`` is a field inside a field.
- AND binds closer than OR, parentheses closest.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pandas as pd

from workshop_kit.errors import WrongUsage
from workshop_kit.observe.logs.lines import EXACT_INT, LEVELS
from workshop_kit.untrusted_text import visible

CHEAT_SHEET = (
    ("timeout", "lines with this text, in upper or lower case"),
    ('"pool timeout"', "lines with exactly these words"),
    ("level:error", "a field with this value"),
    ("level>=warning", "at least this level"),
    ("status>=500", "a number: also > < <= = !="),
    ("path:/orders/*", "a value that begins so"),
    ("error:*", "lines that have the field"),
    ("-status:200", "without these (or NOT)"),
    ("ts>-5m", "the last five minutes (s, m, h, d)"),
    ("ts>=2026-11-24T16:06", "since then (UTC)"),
    ("error (checkout OR orders)", "both; one of these"),
)
"""Examples and what they find, for a help text."""
COLUMNS = ("stream", "service", "environment", "container", "logger", "msg", "raw", "reason")
"""The columns with a text besides ``level``; all other fields are in the map ``fields``."""
TIMES = ("ts", "received")

WILDCARD = "*"
MAX_CHARACTERS = 500
MAX_DEPTH = 20
_SPACE = re.compile(r"\s*")
_WORD = re.compile(r'[^\s()"]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')
_FIELD = re.compile(r'([^\s()":=<>!]+)\s*(>=|<=|!=|[:=<>])')
_OR = re.compile(r'OR(?![^\s()"])')
_AND = re.compile(r'AND(?![^\s()"])')
_NOT = re.compile(r'NOT(?![^\s()"])|-(?=[^\s)])')
_OPEN = re.compile(r"\(")
_CLOSE = re.compile(r"\)")
_VALUES = "concat_ws(chr(10), level, logger, msg, raw, array_to_string(map_values(fields), chr(10)))"
_NUMBER = re.compile(r"[+-]?(\d{1,16}(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
_TIME_AGO = re.compile(r"-(\d{1,5})([smhd])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_TIME = re.compile(
    r"((?:1[7-9]|2[01])\d\d-\d\d-\d\d(?:[Tt]\d\d(?::\d\d(?::\d\d(?:\.\d{1,9})?)?)?)?)([Zz]|[+-]\d\d:?\d\d)?", re.ASCII
)
_SIGNS: Mapping[str, Callable[[int, int], bool]] = {
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


class SearchMistake(WrongUsage):
    """A mistake in a search; ``position`` is the 0-based character (the sentence counts from 1)."""

    def __init__(self, position: int, problem: str, next_step: str) -> None:
        super().__init__(visible(f"At character {position + 1}: {problem}."), visible(next_step))
        self.position = position


class Condition(NamedTuple):
    """A condition in SQL that is true or false for every row, its parameters, and its fields with their positions."""

    sql: str
    parameters: list[object]
    fields: Mapping[str, int]


def translate(text: str, now: datetime | None = None) -> Condition:
    """Translate a search; ``ts>-5m`` counts from ``now``. Raises SearchMistake."""
    if len(text) > MAX_CHARACTERS:
        raise SearchMistake(MAX_CHARACTERS, f"a search has {MAX_CHARACTERS} characters at most", "Leave some out.")
    translator = _Translator(text, now or datetime.now(UTC))
    return Condition(translator.translate(), translator.parameters, translator.fields)


def is_column(name: str) -> bool:
    """Return whether a field of this name has a column of its own."""
    return name in COLUMNS or name in TIMES or name == "level"


def value_of(name: str, parameters: list[object]) -> str:
    """Return SQL for a field's text, and add its parameters to ``parameters``.

    The field is a column, an entry of ``fields``, or, with a dot, a field inside the JSON text of an entry.
    """
    if is_column(name):
        return f"CAST({name} AS VARCHAR)"

    parameters.append(name)
    outer, dot, inner = name.partition(".")
    if not dot:
        return "fields[?]"

    pointer = "/" + inner.replace("~", "~0").replace("/", "~1").replace(".", "/")
    parameters += [outer, outer, pointer]
    return "coalesce(fields[?], CASE WHEN json_valid(fields[?]) THEN json_extract_string(fields[?], ?) END)"


class _Translator:
    """Translates one search by recursive descent: each method consumes a part of the text and returns its SQL.

    ``parameters`` come in the order of their places in the SQL; ``fields`` has the position of each field.
    """

    def __init__(self, text: str, now: datetime) -> None:
        self.parameters: list[object] = []
        self.fields: dict[str, int] = {}
        self._text = text
        self._now = now
        self._position = 0  # of the first character that is not consumed
        self._depth = 0

    def translate(self) -> str:
        """Translate all of the text."""
        condition = "true" if self._is_at_end() else self._translate_or()
        if not self._is_at_end():
            raise self._mistake("this parenthesis closes nothing", "Open one before, or leave it out.")
        return condition

    def _is_at_end(self) -> bool:
        """Consume spaces; return whether nothing follows."""
        self._consume(_SPACE)
        return self._position == len(self._text)

    def _consume(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Consume and return what the pattern matches here."""
        match = pattern.match(self._text, self._position)
        if match is not None:
            self._position = match.end()
        return match

    def _is_next(self, *patterns: re.Pattern[str]) -> bool:
        return any(pattern.match(self._text, self._position) for pattern in patterns)

    def _mistake(self, problem: str, next_step: str, position: int | None = None) -> SearchMistake:
        """Return the error for a mistake at a position, by default at the first character not consumed."""
        return SearchMistake(self._position if position is None else position, problem, next_step)

    def _translate_or(self) -> str:
        """Translate one or several parts with OR between them."""
        parts = [self._translate_and()]
        while not self._is_at_end() and self._consume(_OR):
            parts.append(self._translate_and())
        return f"({' OR '.join(parts)})"

    def _translate_and(self) -> str:
        """Translate one or several operands with AND, or only a space, between them."""
        parts = [self._translate_operand()]
        while not self._is_at_end() and not self._is_next(_OR, _CLOSE):
            self._consume(_AND)
            parts.append(self._translate_operand())
        return f"({' AND '.join(parts)})"

    def _translate_operand(self) -> str:
        """Translate a term, an operand after NOT, or what is in parentheses."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._mistake(f"this is nested more than {MAX_DEPTH} deep", "Take out some parentheses.")
        if self._is_at_end() or self._is_next(_OR, _AND, _CLOSE):
            raise self._mistake("something to look for is missing here", "Write it, or put AND and OR in quotes.")

        opening = self._position
        if self._consume(_NOT):
            condition = f"NOT {self._translate_operand()}"
        elif self._consume(_OPEN):
            condition = self._translate_or()
            if not self._consume(_CLOSE):
                raise self._mistake("this parenthesis is not closed", "Close it.", opening)
        else:
            condition = f"coalesce({self._translate_term()}, false)"

        self._depth -= 1
        return condition

    def _translate_term(self) -> str:
        """Translate a text to look for, or a field with a sign and a value."""
        field = self._consume(_FIELD)
        if field is None:
            text, _ = self._consume_value("")
            self.parameters.append(text)
            return f"contains(lower({_VALUES}), lower(?))"

        name, sign = field.groups()
        self.fields.setdefault(name, field.start())
        self._consume(_SPACE)
        position = self._position
        value, has_wildcard = self._consume_value(name + sign)

        if has_wildcard and sign in {":", "=", "!="}:
            condition = self._pattern_condition(name, value)
        else:
            sql_sign = "=" if sign in {":", "!="} else sign
            condition = self._comparison(name, sql_sign, value, position)
        return f"NOT ({condition})" if sign == "!=" else condition

    def _consume_value(self, field_and_sign: str) -> tuple[str, bool]:
        """Consume a quoted text or a word; return it, and whether it has a wildcard."""
        quoted = self._consume(_QUOTED)
        if quoted is not None:
            return _ESCAPED.sub(r"\1", quoted[1]), False
        word = self._consume(_WORD)
        if word is not None:
            return word[0], WILDCARD in word[0]

        if self._text.startswith('"', self._position):
            raise self._mistake("this quote is not closed", "Close the quote.")
        raise self._mistake(f"the value for {field_and_sign} is missing", "Write it after the sign.")

    def _comparison(self, name: str, sign: str, value: str, position: int) -> str:
        """Return SQL that compares a field with a value; it is null where a line lacks the field.

        ``sign`` is one of SQL's, and ``position`` that of the value.
        """
        if name == "level":
            return self._level_comparison(sign, value, position)
        if name in TIMES:
            return self._time_comparison(name, sign, value, position)

        # A number is compared as a number, but as text if a float cannot hold it exactly.
        number = float(value) if _NUMBER.fullmatch(value) else None
        if number is None or abs(number) >= EXACT_INT:
            return self._field_condition(name, f"{{}} {sign} ?", value)

        comparison = self._field_condition(name, f"try_cast({{}} AS DOUBLE) {sign} ?", number)
        if sign != "=":
            return comparison
        text_comparison = self._field_condition(name, "{} = ?", value)
        return f"coalesce({comparison}, {text_comparison})"

    def _field_condition(self, name: str, template: str, value: object) -> str:
        """Return the template with the field in place of ``{}``; the value is the parameter of its ``?``."""
        condition = template.format(value_of(name, self.parameters))
        self.parameters.append(value)
        return condition

    def _pattern_condition(self, name: str, pattern: str) -> str:
        """Return SQL that compares a field with a value that has wildcards."""
        if pattern == WILDCARD:
            return f"{value_of(name, self.parameters)} IS NOT NULL"
        sql_characters = str.maketrans({"%": r"\%", "_": r"\_", "\\": r"\\", WILDCARD: "%"})
        return self._field_condition(name, "{} LIKE ? ESCAPE '\\'", pattern.translate(sql_characters))

    def _level_comparison(self, sign: str, value: str, position: int) -> str:
        """Return SQL that compares levels by severity, whichever of its names a level has."""
        level = value.casefold()
        rank = next((number for number, names in enumerate(LEVELS) if level in names), None)
        if rank is None and sign != "=":
            level_names = ", ".join(names[0] for names in LEVELS)
            raise self._mistake(f"{value!r} is no level", f"Write one of {level_names}.", position)

        matching_names = [level]
        if rank is not None:
            compare = _SIGNS[sign]
            groups = [names for number, names in enumerate(LEVELS) if compare(number, rank)]
            matching_names = [name for names in groups for name in names]

        self.parameters.append(matching_names)
        return "list_contains(CAST(? AS VARCHAR[]), lower(level))"

    def _time_comparison(self, name: str, sign: str, value: str, position: int) -> str:
        """Return SQL that compares times.

        With ``=`` it is true for all of a second, minute, hour or day; other signs compare with its first moment.
        """
        period = _parse_period(value, self._now)
        if period is None:
            advice = "Write one as in 2026-11-24T16:06, or how long ago as in -5m."
            raise self._mistake(f"{value!r} is no time", advice, position)

        start, end = period
        self.parameters.append(start.isoformat())
        if sign != "=":
            return f"{name} {sign} CAST(? AS TIMESTAMPTZ_NS)"
        self.parameters.append(end.isoformat())
        return f"({name} >= CAST(? AS TIMESTAMPTZ_NS) AND {name} < CAST(? AS TIMESTAMPTZ_NS))"


def _parse_period(text: str, now: datetime) -> tuple[datetime, datetime] | None:
    """Return the start and the end (excluded) of a time; None for other texts. Without a zone it is UTC.

    A time ago, such as ``-5m``, starts and ends at one moment.
    """
    time_ago = _TIME_AGO.fullmatch(text)
    if time_ago is not None:
        unit = _UNITS[time_ago[2]]
        moment = now - timedelta(**{unit: int(time_ago[1])})
        return moment, moment

    match = _TIME.fullmatch(text)
    if match is None:
        return None
    try:
        period = pd.Period(match[1])
        zone = "UTC" if match[2] in {None, "Z", "z"} else match[2]
        next_period = period + 1
        return period.start_time.tz_localize(zone), next_period.start_time.tz_localize(zone)
    except ValueError:
        return None
