"""Read logs into one typed DataFrame: every line is a row.

| ``read_container(container)`` | a container's log, from the engine |
| ``read_json_file(file)`` | files of the json-file driver, and of the collector |
| ``LogFollower(container, stop)`` | frames of new lines, through restarts |

Columns: ``ts`` (the line's own time, else the engine's; UTC, nanoseconds), ``received`` (the engine's time), ``stream``,
``attrs`` (labels, if the engine keeps them), ``level``, ``logger``, ``msg``, then the other fields, the most frequent
first (64 at most), then ``rest`` (a JSON object of the values that fit no column), ``raw`` (the text) and ``reason``
(both only where the columns do not hold all of the line). ``record(frame, row)`` returns all fields of a line.

| Line | Row |
| --- | --- |
| plain text, a traceback, an empty line | a row each: ``raw``, reason ``plain text`` or ``empty`` |
| ``null``, ``42``, ``[1]`` | ``raw``, reason ``JSON, not an object`` |
| JSON that is cut short, not JSON, holds NaN or Infinity | ``raw``, reason ``JSON cut short``, ``invalid JSON``, ``NaN or Infinity`` |
| duplicate keys | the last value counts; ``raw`` has all, reason ``duplicate keys`` |
| nested values | a column of JSON text (``attrs["json_columns"]``); its numbers may be written anew (1E2 as 100.0, 1e400 as a text) |
| nesting past some hundred levels | ``raw``, reason ``nested too deep`` |
| a field of several types | the column has the type of most values, the others stand in ``rest``; integers and fractions make numbers |
| a number past 64 bits, an integer past 2**53 among fractions | JSON text, digit for digit |
| a field named like a column of the reader (``raw``, ``stream``, ``row`` …), or like another but for upper case | ``rest`` |
| a ``ts`` that is no ISO 8601 time with its zone | ``rest``; ``ts`` is the engine's |
| CRLF; a lone CR, U+2028, a form feed; bytes that are not UTF-8 | one line end; text; U+FFFD |
| parts of 16 KiB | one line; past 64 MiB (followed: 2 MiB) it is cut, reason ``longer than can be kept: cut`` |
| stdout and stderr | each in its order, ``stream`` tells which; the engine defines no order between them |
| a line in a json-file that is no record | ``raw``, reason ``not a record of the engine's`` |
| lines that the engine lost while they were followed | the reason in ``attrs["gaps"]`` of the next frame |
"""  # noqa: E501 — a table has long lines

from workshop_kit.observe.logs.frame import record
from workshop_kit.observe.logs.reader import LogFollower, read_container, read_json_file

__all__ = ["LogFollower", "read_container", "read_json_file", "record"]
