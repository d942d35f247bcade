"""The search language: text → a condition on the rows of a log, ``parse(text).where(columns)``.

| Search | Lines |
| --- | --- |
| ``timeout`` | that have it anywhere in their text, in any case; a number also as the value of a field |
| ``"pool timeout"`` | that have these words in a row (``\\"`` and ``\\\\`` are a quote and a backslash) |
| ``time*out`` | with anything between the two |
| ``status:500``, ``status=500`` | whose field has exactly this value; ``level:warn`` is ``warning``, in any case |
| ``path:/orders/*`` | whose field begins so |
| ``status:(500 OR 503)`` | whose field has one of the values |
| ``error:*`` | that have the field |
| ``status>=500`` | by size: numbers, times, levels (``level>=warning``), else the alphabet |
| ``status!=200`` | that have the field with another value; ``-status:200`` also those that lack it |
| ``ts>=2026-11-24T16:06`` | since then, in UTC or with a zone; ``ts:2026-11-24T16`` is that hour |
| ``ts>-5m`` | of the last five minutes; also ms, s, h, d |
| ``error.type:KeyError`` | by a field inside a field |
| ``a b``, ``a AND b`` | with both |
| ``a OR b`` | with one of them; AND binds closer, parentheses closest |
| ``-a``, ``NOT a`` | without it |

A text that is not in this language raises SearchMistake with the position. Field names enter the SQL quoted, values as
parameters. A value in ``rest`` is found there.
"""

from workshop_kit.search.query.conditions import Search, no_such_field, parse, value_of
from workshop_kit.search.query.parser import CHEAT_SHEET, Field, SearchMistake

__all__ = ["CHEAT_SHEET", "Field", "Search", "SearchMistake", "no_such_field", "parse", "value_of"]
