"""The engine's events of containers: create, start, die with an exit code, out of memory, health, kill.

Source: the engine's ``GET /events``. The engine remembers only its last few hundred events, so events may be missing
after it did not answer; then a record with ``what == "gap"`` says so.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import pandas as pd

from workshop_kit.engine.labels import are_ours
from workshop_kit.engine.reach import Engine
from workshop_kit.observe.engine_api import EngineRefused, EngineUnavailable, Stream, get_json

GAP = "gap"
HISTORY_EVENTS = 10_000
REMEMBERED_MESSAGES = 1_000
"""More than the engine remembers itself."""
_RETRY_SECONDS = 0.5
_FILTER = json.dumps({"type": ["container"]})


@dataclass(frozen=True)
class Event:
    """One event, at the engine's time (UTC).

    ``what`` is the engine's word (``create``, ``start``, ``die``, ``oom``, ``health_status``, ``kill``, ``stop``,
    ``destroy`` …) or ``gap``. ``detail`` is the health, the signal's number, the old name, or the length of the gap;
    only ``die`` has an ``exit_code``.
    """

    time: datetime
    container: str
    id: str
    what: str
    detail: str = ""
    exit_code: int | None = None


def parse(message: Mapping[str, Any]) -> Event | None:
    """Parse the engine's message; None for commands that run inside a container, health checks included."""
    what, _, detail = str(message["Action"]).partition(": ")
    if message.get("Type") != "container" or what.startswith("exec_"):
        return None
    actor = message["Actor"]
    attributes = actor["Attributes"]
    seconds, nanoseconds = divmod(message["timeNano"], 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=nanoseconds // 1000)
    detail = detail or attributes.get({"kill": "signal", "rename": "oldName"}.get(what, ""), "")
    code = int(attributes["exitCode"]) if what == "die" and "exitCode" in attributes else None
    return Event(moment, attributes.get("name", ""), actor["ID"], what, detail, code)


def frame(events: Iterable[Event]) -> pd.DataFrame:
    """One row an event: ``time`` datetime64[us, UTC], ``exit_code`` Int64 (missing unless ``die``), the others str."""
    columns = [column.name for column in fields(Event)]
    table = pd.DataFrame([tuple(vars(event).values()) for event in events], columns=columns)
    types = dict.fromkeys(columns, "str")
    return table.astype({**types, "time": "datetime64[us, UTC]", "exit_code": "Int64"})


class EventLog:
    """Follows the events of a session's containers in a thread from ``start`` on; a context manager.

    ``session`` is the id in the kit's labels. When the engine does not answer, the log waits for it and records a gap.
    """

    def __init__(self, engine: Engine, session: str) -> None:
        self._engine = engine
        self._session = session
        self._since_nanoseconds = 0
        self._seen: dict[str, None] = {}  # the newest messages, oldest first: the engine may repeat one
        self._events: deque[Event] = deque(maxlen=HISTORY_EVENTS)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._unavailable_since: float | None = None

    def start(self) -> Self:
        """Begin to follow: no event after this call is missed.

        Raises EngineUnavailable if the engine does not answer.
        """
        if self._thread is None:
            if not self._since_nanoseconds:  # by the engine's clock: ours may differ from it
                self._since_nanoseconds = _nanoseconds(get_json(self._engine, "/info")["SystemTime"])
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="observe: events", daemon=True)
            self._thread.start()
        return self

    def stop(self) -> None:
        """End the thread and wait for it; the events stay."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def records(self) -> list[Event]:
        """Return the events so far, in the engine's order."""
        with self._lock:
            return list(self._events)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        self.stop()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self._connect() as stream:
                    self._record_gap()
                    for message in _messages(stream):
                        self._take(message)
            except (EngineUnavailable, EngineRefused):  # an engine that is just starting may refuse
                pass
            if not self._stop.is_set():
                self._unavailable_since = self._unavailable_since or time.monotonic()
                self._stop.wait(_RETRY_SECONDS)

    def _connect(self) -> Stream:
        seconds, nanoseconds = divmod(self._since_nanoseconds, 1_000_000_000)
        params = {"since": f"{seconds}.{nanoseconds:09d}", "filters": _FILTER}
        return Stream(self._engine.client.api, "/events", params, self._stop)

    def _record_gap(self) -> None:
        if self._unavailable_since is None:
            return
        seconds = time.monotonic() - self._unavailable_since
        self._unavailable_since = None
        detail = f"The engine did not answer for {seconds:.1f} s; events may have been missed."
        self._keep(Event(datetime.now(tz=UTC), "", "", GAP, detail))

    def _take(self, message: Mapping[str, Any]) -> None:
        moment, key = message["timeNano"], json.dumps(message, sort_keys=True)
        self._since_nanoseconds = max(moment, self._since_nanoseconds)  # they may come out of order
        if key in self._seen:
            return
        self._seen[key] = None
        if len(self._seen) > REMEMBERED_MESSAGES:
            del self._seen[next(iter(self._seen))]
        event = parse(message)
        if event and are_ours(message["Actor"]["Attributes"], self._session):
            self._keep(event)

    def _keep(self, event: Event) -> None:
        with self._lock:
            self._events.append(event)


def _messages(stream: Stream) -> Iterator[Mapping[str, Any]]:
    waiting = bytearray()
    for chunk in stream:
        *whole, rest = (waiting + chunk).split(b"\n")
        waiting = rest
        yield from (json.loads(message) for message in whole if message.strip())


def _nanoseconds(stamp: str) -> int:
    """``2026-11-24T16:06:14.797497811Z`` in nanoseconds since 1970: datetime would drop the last three digits."""
    whole, _, fraction = stamp.rstrip("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole + "+00:00").timestamp())
    return seconds * 1_000_000_000 + int(fraction.ljust(9, "0")[:9] or 0)
