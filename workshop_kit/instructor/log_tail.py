"""The newest lines of the service's log, read as they are written, through restarts: for counts, and to be searched."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from workshop_kit.errors import WorkshopError
from workshop_kit.instructor.engine_errors import engine_needed
from workshop_kit.observe.engine_api import ContainerGone
from workshop_kit.observe.logs.follower import BUSY_SECONDS, Poller
from workshop_kit.observe.logs.lines import Line, parse_fields

KEPT = 40_000
MOST_LINE_BYTES = 16 * 1024
COLUMNS = ["time", "level", "msg", "request_id", "text"]
MESSAGE = ("event", "msg", "message")

Row = tuple[datetime, str, str, str, str]


class LogLines:
    """Reads in a thread of its own from ``start`` to ``stop``. ``find`` gives the container that is to be read now."""

    def __init__(self, find: Callable[[], Any]) -> None:
        self._find = find
        self._rows: deque[Row] = deque(maxlen=KEPT)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin with what is written from now on."""
        self._thread = threading.Thread(target=self._read, name="desk: lines", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it; what was read stays."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def frame(self, *, seconds: float | None = None) -> pd.DataFrame:
        """A row a line, oldest first: ``time`` (UTC), ``level`` and ``msg`` ("" unknown), ``request_id``, ``text``."""
        rows = list(self._rows)
        if seconds is not None:
            since = datetime.now(UTC).timestamp() - seconds
            rows = [row for row in rows if row[0].timestamp() >= since]
        return pd.DataFrame(rows, columns=COLUMNS).astype({"time": "datetime64[us, UTC]"})

    def _read(self) -> None:
        newest, poller = datetime.now(UTC), None
        while not self._stop.wait(BUSY_SECONDS):
            with contextlib.suppress(WorkshopError), engine_needed():  # it is away, or the engine is: look again
                try:
                    poller = poller or Poller(self._find(), since=newest, max_line_bytes=MOST_LINE_BYTES)
                    lines = poller.poll()
                except ContainerGone:
                    poller = None
                    continue
                for line in lines:
                    time = datetime.fromisoformat(line.received or "")
                    newest = max(newest, time)
                    self._rows.append(row_of(line, time))


def row_of(line: Line, time: datetime) -> Row:
    """What is known of a line; one that is no JSON object has its text alone."""
    fields = parse_fields(line.text)
    message = next((fields[name] for name in MESSAGE if name in fields), "")
    level = str(fields.get("level", "")).lower()
    return time, level, str(message), str(fields.get("request_id", "")), line.text
