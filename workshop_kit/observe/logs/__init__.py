"""Read logs into one DataFrame: every line is a row.

| ``read_container(container)`` | a container's log, from the engine |
| ``read_json_file(file)`` | files of the json-file driver, and of the collector |
| ``LogFollower(container).poll()`` | the new lines of a container, through restarts; see `follower` |

Columns: ``ts`` (the line's own time, else the engine's; UTC), ``received`` (the engine's time), ``stream``, ``labels``
(if the engine keeps them), ``level``, ``logger``, ``msg``, then the 64 most frequent other fields, ``raw`` (the text),
and ``reason`` (why the fields do not hold all of the line). A line belongs to one of these kinds:

| Line | Reason |
| --- | --- |
| a JSON object | none |
| plain text, a traceback; an empty line | ``plain text``; ``empty`` |
| ``null``, ``42``, ``[1]`` | ``JSON, not an object`` |
| JSON that is cut short, not JSON, holds NaN or Infinity | ``JSON cut short``, ``invalid JSON``, ``NaN or Infinity`` |
| duplicate keys, of which the last one counts | ``duplicate keys`` |
| nesting past some hundred levels | ``nested too deep`` |
| in a json-file, no record | ``not a record of the engine's`` |
| no line: the engine has lost lines while they were followed | ``lines are missing here`` |

A ``ts`` that is no ISO 8601 time with its zone is only in ``raw``, and so is a field with the name of a column above.
stdout and stderr each keep their order; the engine defines none between them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from io import BytesIO
from typing import Any

import pandas as pd

from workshop_kit.observe.logs.engine_log import EngineLog
from workshop_kit.observe.logs.follower import LogFollower
from workshop_kit.observe.logs.frame import frame_of
from workshop_kit.observe.logs.lines import assemble, json_file_lines

__all__ = ["LogFollower", "read_container", "read_json_file"]


def read_json_file(content: bytes | Iterable[bytes]) -> pd.DataFrame:
    """Read a file of the engine's json-file driver, given as bytes or as lines (an open file)."""
    lines = BytesIO(content) if isinstance(content, bytes) else content
    return frame_of(json_file_lines(lines))


def read_container(container: Any, *, since: datetime | None = None) -> pd.DataFrame:
    """Read a container's log, or the part since a time with its zone.

    Raises WorkshopError if the container is gone, its log cannot be read, or the engine is away.
    """
    return frame_of(assemble(EngineLog(container).messages(since=since)))
