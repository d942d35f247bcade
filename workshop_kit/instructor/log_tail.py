"""The newest lines of the service's log, each graded: error, warning or other."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from docker.errors import DockerException

from workshop_kit.errors import WorkshopError
from workshop_kit.observe.engine_api import ContainerGone
from workshop_kit.observe.logs import BUSY_SECONDS, Poller
from workshop_kit.observe.logs.lines import level_group, parse_fields
from workshop_kit.observe.scrape import PROBES

ERROR, WARNING, OTHER = GRADES = ("error", "warning", "other")
LINE_COLUMNS = ["time", "grade", "request_id", "text"]
LINES_KEPT, MOST_LINE_BYTES = 40_000, 16 * 1024


def grade(fields: Mapping[str, Any]) -> str:
    """Return the grade of a line. A request that failed is an error, as in the metrics; a failed probe is none.

    >>> grade({"level": "warning", "status": 503, "route": "/orders"}), grade({"level": "INFO", "status": 201})
    ('error', 'other')
    """
    status = fields.get("status", 200)
    failed = status is None or (isinstance(status, int) and status >= 500)
    if failed and str(fields.get("route")) not in PROBES:
        return ERROR
    level = level_group(fields.get("level"))
    return level if level in (ERROR, WARNING) else OTHER


class LogTail:
    """The newest log lines of a container, read in a thread; ``find`` returns the container, also after a restart."""

    def __init__(self, find: Callable[[], Any]) -> None:
        self._find = find
        self._rows: deque[tuple[datetime, str, str, str]] = deque(maxlen=LINES_KEPT)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Read what is written from now on."""
        self._thread = threading.Thread(target=self._read, name="desk: lines", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it; the lines stay."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def frame(self) -> pd.DataFrame:
        """Return a row for each line, oldest first: ``time`` (UTC), ``grade``, ``request_id``, ``text``."""
        return pd.DataFrame(list(self._rows), columns=LINE_COLUMNS).astype({"time": "datetime64[us, UTC]"})

    def _read(self) -> None:
        newest, poller = datetime.now(UTC), None
        while not self._stop.wait(BUSY_SECONDS):
            with contextlib.suppress(WorkshopError, DockerException, OSError):  # away: try again
                try:
                    poller = poller or Poller(self._find(), since=newest, max_line_bytes=MOST_LINE_BYTES)
                    lines = poller.poll()
                except ContainerGone:
                    poller = None
                    continue
                for line in lines:
                    moment = datetime.fromisoformat(line.received or "")
                    newest = max(newest, moment)
                    fields = parse_fields(line.text)  # of a line that is no JSON object: none
                    self._rows.append((moment, grade(fields), str(fields.get("request_id", "")), line.text))
