"""The search language: a text → a condition in SQL on the rows of `FrameStore`. Pure: names and values are parameters.

`CHEAT_SHEET` has its forms. Beside them:

- In quotes, ``\\"`` and ``\\\\`` are a quote and a backslash.
- ``level:warn`` is ``warning``, in any case. What is no number, time or level is compared by the alphabet.
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
_AGO = re.compile(r"-(\d{1,5})([smhd])", re.ASCII)
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
    """Return a field's text in SQL: that of a column, of an entry of ``fields``, or of a field inside an entry."""
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
    """Translates one search by recursive descent; the parameters come in the order of their places in the SQL."""

    def __init__(self, text: str, now: datetime) -> None:
        self.parameters: list[object] = []
        self.fields: dict[str, int] = {}
        self._text = text
        self._now = now
        self._at = 0
        self._depth = 0

    def translate(self) -> str:
        """Translate all of the text."""
        condition = "true" if self._is_at_end() else self._any_of()
        if not self._is_at_end():
            raise self._mistake("this parenthesis closes nothing", "Open one before, or leave it out.")
        return condition

    def _is_at_end(self) -> bool:
        self._take(_SPACE)
        return self._at == len(self._text)

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Consume and return what the pattern matches here."""
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return match

    def _is_next(self, *patterns: re.Pattern[str]) -> bool:
        return any(pattern.match(self._text, self._at) for pattern in patterns)

    def _mistake(self, problem: str, next_step: str, at: int | None = None) -> SearchMistake:
        return SearchMistake(self._at if at is None else at, problem, next_step)

    def _any_of(self) -> str:
        parts = [self._all_of()]
        while not self._is_at_end() and self._take(_OR):
            parts.append(self._all_of())
        return f"({' OR '.join(parts)})"

    def _all_of(self) -> str:
        parts = [self._operand()]
        while not self._is_at_end() and not self._is_next(_OR, _CLOSE):
            self._take(_AND)
            parts.append(self._operand())
        return f"({' AND '.join(parts)})"

    def _operand(self) -> str:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._mistake(f"this is nested more than {MAX_DEPTH} deep", "Take out some parentheses.")
        if self._is_at_end() or self._is_next(_OR, _AND, _CLOSE):
            raise self._mistake("something to look for is missing here", "Write it, or put AND and OR in quotes.")

        opening = self._at
        if self._take(_NOT):
            condition = f"NOT {self._operand()}"
        elif self._take(_OPEN):
            condition = self._any_of()
            if not self._take(_CLOSE):
                raise self._mistake("this parenthesis is not closed", "Close it.", opening)
        else:
            condition = f"coalesce({self._term()}, false)"

        self._depth -= 1
        return condition

    def _term(self) -> str:
        field = self._take(_FIELD)
        if field is None:
            value, _ = self._value("")
            self.parameters.append(value)
            return f"contains(lower({_VALUES}), lower(?))"

        name, sign = field.groups()
        self.fields.setdefault(name, field.start())
        self._take(_SPACE)
        position = self._at
        value, has_pattern = self._value(name + sign)
        sql_sign = "=" if sign in {":", "!="} else sign
        condition = self._comparison(name, sql_sign, value, has_pattern, position)
        return f"NOT ({condition})" if sign == "!=" else condition

    def _value(self, before: str) -> tuple[str, bool]:
        """Consume a quoted text or a word; return it, and whether it has a wildcard."""
        if quoted := self._take(_QUOTED):
            return _ESCAPED.sub(r"\1", quoted[1]), False
        if word := self._take(_WORD):
            return word[0], WILDCARD in word[0]
        if self._text.startswith('"', self._at):
            raise self._mistake("this quote is not closed", "Close the quote.")
        raise self._mistake(f"the value for {before} is missing", "Write it after the sign.")

    def _comparison(self, name: str, sign: str, value: str, has_pattern: bool, position: int) -> str:
        """Compare a field with a value; the result is null where a line lacks the field."""
        if has_pattern and sign == "=":
            return self._pattern_match(name, value)
        if name == "level":
            return self._level(sign, value, position)
        if name in TIMES:
            return self._time(name, sign, value, position)

        # A number is compared as a number, but as text if a float cannot hold it exactly.
        number = float(value) if _NUMBER.fullmatch(value) else None
        if number is None or abs(number) >= EXACT_INT:
            return self._field_condition(name, f"{{}} {sign} ?", value)

        comparison = self._field_condition(name, f"try_cast({{}} AS DOUBLE) {sign} ?", number)
        if sign != "=":
            return comparison
        text_comparison = self._field_condition(name, "{} = ?", value)
        return f"coalesce({comparison}, {text_comparison})"

    def _field_condition(self, name: str, comparison: str, value: object) -> str:
        """Return a comparison of a field (its ``{}``) with a value (its ``?``)."""
        condition = comparison.format(value_of(name, self.parameters))
        self.parameters.append(value)
        return condition

    def _pattern_match(self, name: str, pattern: str) -> str:
        if pattern == WILDCARD:
            return f"{value_of(name, self.parameters)} IS NOT NULL"
        escape = str.maketrans({"%": r"\%", "_": r"\_", "\\": r"\\", WILDCARD: "%"})
        return self._field_condition(name, "{} LIKE ? ESCAPE '\\'", pattern.translate(escape))

    def _level(self, sign: str, value: str, position: int) -> str:
        """Compare levels by severity, under all their names."""
        level = value.casefold()
        rank = next((place for place, names in enumerate(LEVELS) if level in names), None)
        if rank is None and sign != "=":
            level_names = ", ".join(names[0] for names in LEVELS)
            raise self._mistake(f"{value!r} is no level", f"Write one of {level_names}.", position)

        matching = [level]
        if rank is not None:
            compare = _SIGNS[sign]
            groups = [names for place, names in enumerate(LEVELS) if compare(place, rank)]
            matching = [name for names in groups for name in names]

        self.parameters.append(matching)
        return "list_contains(CAST(? AS VARCHAR[]), lower(level))"

    def _time(self, name: str, sign: str, value: str, position: int) -> str:
        """Compare times: with ``:`` all of a second, minute, hour or day, else its first moment."""
        period = _period(value, self._now)
        if period is None:
            advice = "Write one as in 2026-11-24T16:06, or how long ago as in -5m."
            raise self._mistake(f"{value!r} is no time", advice, position)

        start, end = (moment.isoformat() for moment in period)
        self.parameters.append(start)
        if sign != "=":
            return f"{name} {sign} CAST(? AS TIMESTAMPTZ_NS)"
        self.parameters.append(end)
        return f"({name} >= CAST(? AS TIMESTAMPTZ_NS) AND {name} < CAST(? AS TIMESTAMPTZ_NS))"


def _period(text: str, now: datetime) -> tuple[datetime, datetime] | None:
    """Return the start and the end (excluded) of a time; None for other texts. Without a zone it is UTC."""
    if ago := _AGO.fullmatch(text):
        start = now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return start, start

    match = _TIME.fullmatch(text)
    if match is None:
        return None
    try:
        period = pd.Period(match[1])
        zone = "UTC" if match[2] in {None, "Z", "z"} else match[2]
        return period.start_time.tz_localize(zone), (period + 1).start_time.tz_localize(zone)
    except ValueError:
        return None
