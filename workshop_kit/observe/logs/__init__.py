"""Logs to one typed DataFrame: every line is a row, whatever it holds, and the frame says what it met.

| ``read_lines(bytes)`` | lines as a program wrote them, or as ``docker logs`` shows them |
| ``read_stamped(bytes)`` | the same with ``--timestamps`` |
| ``read_json_file(bytes)`` | the content of the json-file driver's files |
| ``read_file(path)`` | any of these in a file, gzipped or not |
| ``read_container(container)`` | all a container has written, through the engine |
| ``follow(container, stop)`` | frame after frame while it is written, through restarts |
| ``follow_pipe(file)`` | frame after frame of a pipe |

Columns: ``ts`` (the line's own time, else the engine's; UTC, nanoseconds), ``received`` (the engine's time), ``stream``,
``attrs`` (labels, if the engine was told to keep them), ``level``, ``logger``, ``msg``, then a column for each other
field, the most frequent first (64 at most), then ``rest`` (a JSON object of what fits no column), ``raw`` (the text) and
``reason`` (why the text is there). ``raw`` is set exactly where ``reason`` is: else all of the line stands in columns.
``record(frame, row)`` puts a line together again.

| What comes | What becomes of it |
| --- | --- |
| plain text, a traceback, an empty line | a row each: ``raw``, reason ``plain text`` or ``empty`` |
| ``null``, ``42``, ``[1]`` | ``raw``, reason ``JSON, not an object`` |
| JSON that is cut short, not JSON, holds NaN or Infinity | ``raw``, reason ``JSON cut short``, ``invalid JSON``, ``NaN or Infinity`` |
| a field never seen before, or rare | its column, whether it comes early or late; past 64 fields ``rest`` |
| a field of several types | the column has the type of most values, the others stand in ``rest``; integers and fractions make numbers |
| a field named like one of ours (``raw``, ``stream`` …), or like another but for upper case | ``rest`` |
| an integer past 64 bits, or past 2**53 among fractions; 1e400 | ``rest``, digit for digit |
| ``null`` | an empty cell |
| nested values | a column of JSON text (``attrs["json_columns"]``); its numbers may be written anew (1E2 as 100.0) |
| nesting past about 1,000 levels | a column, or, if it fits none, ``raw`` with reason ``nested too deep`` |
| duplicate keys | the last value counts; ``raw`` has all, reason ``duplicate keys``; inside nested values all stay |
| a ``ts`` that is no RFC 3339 time, or has no zone | ``rest``; ``ts`` is the engine's. A leap second is the second after it, and in ``rest`` |
| a clock that is wrong | rows stay in the order they came; ``attrs["skew_seconds"]``: least and most of received − own |
| CRLF | one line end, counted in ``attrs["crlf"]``; a lone CR, U+2028 or form feed is text |
| bytes that are not UTF-8 | U+FFFD, counted in ``attrs["replacements"]`` with those the container wrote itself |
| pieces of 16 KiB | one line, counted in ``attrs["pieces_joined"]``; a line stands where its first piece stood |
| a line of a megabyte | a line; past 64 MiB (followed: 2 MiB) the rest is left out, counted in ``attrs["cut_bytes"]`` |
| stdout and stderr | each in its order, ``stream`` tells which; between the two the engine defines none |
| a line in a json-file that is no record | ``raw``, reason ``not a record of the engine's`` |
| an interruption, then lines that do not continue what came before | a ``Gap`` in ``attrs["gaps"]`` of the next frame |
| a gzipped file that is cut or damaged | what stands before that; a ``Gap`` after the last line says which of the two |
| files of the log that the engine skipped while it was followed | asked for again; a ``Gap`` if it no longer has them |

``attrs`` also has ``lines`` (equal to the rows), ``malformed`` (rows with a reason), ``reasons`` (how many of each),
``in_rest`` and ``own_times``. What is shown of a log goes through ``visible`` or ``as_html`` first.
"""  # noqa: E501 — a table has long lines

from workshop_kit.observe.logs.containers import read_container
from workshop_kit.observe.logs.following import Following, follow
from workshop_kit.observe.logs.frame import record
from workshop_kit.observe.logs.live import follow_pipe
from workshop_kit.observe.logs.reading import (
    FORMATS,
    Reader,
    kind_of,
    read_file,
    read_json_file,
    read_lines,
    read_stamped,
)
from workshop_kit.observe.logs.window import Gap
from workshop_kit.screen import as_html, visible

__all__ = [
    "FORMATS",
    "Following",
    "Gap",
    "Reader",
    "as_html",
    "follow",
    "follow_pipe",
    "kind_of",
    "read_container",
    "read_file",
    "read_json_file",
    "read_lines",
    "read_stamped",
    "record",
    "visible",
]
