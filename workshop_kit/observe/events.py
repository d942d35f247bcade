"""What the engine says happens to containers: created, started, died with a code, out of memory, unhealthy, killed.

Source: the engine's ``GET /events``. The engine keeps only its last few hundred events, in memory: what was lost while
it was away, or in a burst before a reconnection, nobody can know. Then a record with ``what == "gap"`` says so.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import pandas as pd

from workshop_kit.engine.labels import are_ours
from workshop_kit.engine.reach import Engine
from workshop_kit.errors import WorkshopError
from workshop_kit.observe.wire import Away, Refused, Stream, asker, sdk

GAP = "gap"
HISTORY_EVENTS = 10_000
REMEMBERED_MESSAGES = 1_000
"""More than the engine remembers itself."""
_RETRY_SECONDS = 0.5
_FILTER = json.dumps({"type": ["container"]})


@dataclass(frozen=True)
class Event:
    """One event, at the engine's time (UTC).

    ``what`` is the engine's word: ``create``, ``start``, ``die``, ``oom``, ``health_status``, ``kill``, ``stop``,
    ``destroy`` … or our ``gap``. ``detail`` is what belongs to it: the health, the signal's number, the old name, or
    how long the gap was; ``exit_code`` stands with ``die`` alone.
    """

    time: datetime
    container: str
    id: str
    what: str
    detail: str = ""
    exit_code: int | None = None


def parse(message: Mapping[str, Any]) -> Event | None:
    """An event from the engine's message; None for what is noise here: commands run inside, health checks included."""
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
    """Follows the engine's events in a thread, from the moment ``start`` is called (or ``since``); a context manager.

    It keeps events of the given containers and, with ``session`` (the id in our labels), of everything that session
    makes. When the engine goes away it waits for it, says so in ``condition``, and records the gap.
    """

    def __init__(
        self,
        engine: Engine,
        containers: Iterable[Any] = (),
        *,
        session: str | None = None,
        since: datetime | None = None,
    ) -> None:
        self._engine = engine
        self._ids = {sdk(container).id for container in containers}
        self._session = session
        self._since_nanoseconds = round(since.timestamp() * 1e9) if since else None
        self._seen: dict[str, None] = {}  # the newest messages, oldest first: the engine may tell one again
        self._events: deque[Event] = deque(maxlen=HISTORY_EVENTS)
        self._news = threading.Condition()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._away_since: float | None = None

    def add(self, container: Any) -> None:
        """Keep the events of one more container from now on."""
        self._ids = self._ids | {sdk(container).id}

    def start(self) -> Self:
        """Begin to follow. Whatever happens after this call is caught, however long the connection takes.

        Raises Away if the engine does not answer now.
        """
        if self._thread is None:
            if self._since_nanoseconds is None:  # by the engine's clock: ours may differ from it
                self._since_nanoseconds = _nanoseconds(asker(self._engine)("/info")["SystemTime"])
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
        """What has happened so far, in the engine's order."""
        with self._news:
            return list(self._events)

    def frame(self) -> pd.DataFrame:
        """``records`` as a DataFrame, see ``events.frame``."""
        return frame(self.records())

    def wait_for(self, holds: Callable[[Event], bool], *, within_seconds: float = 20.0) -> Event:
        """The first event, past or coming, for which ``holds``. Raises WorkshopError when the time is up."""
        deadline = time.monotonic() + within_seconds
        with self._news:
            while True:
                if found := next((event for event in self._events if holds(event)), None):
                    return found
                if not self._news.wait(deadline - time.monotonic()):
                    seen = ", ".join(event.what for event in list(self._events)[-10:]) or "none"
                    sentence = f"The awaited event did not come within {within_seconds:g} s; the last ones: {seen}."
                    raise WorkshopError(sentence, "Look at the container's state, then try again.")

    @property
    def condition(self) -> str:
        """One sentence on what it does now."""
        if self._thread is None:
            return "Events are not followed."
        if self._away_since is not None:
            return f"The engine has not answered for {time.monotonic() - self._away_since:.0f} s; trying again."
        return "Following the engine's events."

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        self.stop()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self._connect() as stream:
                    self._back()
                    for message in _messages(stream):
                        self._take(message)
            except (Away, Refused):  # an engine that is just starting may refuse
                pass
            if not self._stop.is_set():
                self._away_since = self._away_since or time.monotonic()
                self._stop.wait(_RETRY_SECONDS)

    def _connect(self) -> Stream:
        seconds, nanoseconds = divmod(self._since_nanoseconds or 0, 1_000_000_000)
        params = {"since": f"{seconds}.{nanoseconds:09d}", "filters": _FILTER}
        return Stream(self._engine.client.api, "/events", params, self._stop)

    def _back(self) -> None:
        if self._away_since is None:
            return
        away = time.monotonic() - self._away_since
        self._away_since = None
        detail = f"The engine did not answer for {away:.1f} s; events may have been missed."
        self._keep(Event(datetime.now(tz=UTC), "", "", GAP, detail))

    def _take(self, message: Mapping[str, Any]) -> None:
        moment, key = message["timeNano"], json.dumps(message, sort_keys=True)
        self._since_nanoseconds = max(moment, self._since_nanoseconds or 0)  # they may come out of order
        if key in self._seen:
            return
        self._seen[key] = None
        if len(self._seen) > REMEMBERED_MESSAGES:
            del self._seen[next(iter(self._seen))]
        event = parse(message)
        if event and (event.id in self._ids or self._is_of_session(message["Actor"]["Attributes"])):
            self._keep(event)

    def _is_of_session(self, labels: dict[str, str]) -> bool:
        return self._session is not None and are_ours(labels, self._session)

    def _keep(self, event: Event) -> None:
        with self._news:
            self._events.append(event)
            self._news.notify_all()


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
