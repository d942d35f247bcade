"""The engine's events of containers: create, start, die with an exit code, out of memory, health, kill.

Source: the engine's ``GET /events``, asked again and again. The engine remembers its last few hundred events.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from workshop_kit.engine.labels import are_ours
from workshop_kit.engine.reach import Engine
from workshop_kit.observe.engine_api import chunks, get_json

REMEMBERED_MESSAGES = 1_000
"""More than the engine remembers itself."""
_OVERLAP_NANOSECONDS = 2_000_000_000  # messages may come out of order
_FILTER = json.dumps({"type": ["container"]})
KILLED = 137
"""The exit code after SIGKILL."""
_DETAILS = {"kill": "signal", "rename": "oldName"}
"""The attribute of a message that has the detail, by the engine's word."""


@dataclass(frozen=True)
class Event:
    """One event, at the engine's time (UTC).

    ``what`` is the engine's word (``create``, ``start``, ``die``, ``oom``, ``health_status``, ``kill``, ``stop``,
    ``destroy`` …). ``detail`` is the health, the signal's number, or the old name; only ``die`` has an ``exit_code``.
    """

    time: datetime
    container: str
    id: str
    what: str
    detail: str = ""
    exit_code: int | None = None


def parse(message: Mapping[str, Any]) -> Event | None:
    """Parse the engine's message; None for commands that run inside a container, health checks included."""
    action, _, detail = str(message["Action"]).partition(": ")
    if message.get("Type") != "container" or action.startswith("exec"):
        return None

    actor = message["Actor"]
    attributes = actor["Attributes"]
    seconds, nanoseconds = divmod(message["timeNano"], 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=nanoseconds // 1000)

    if not detail:
        detail = message.get("HealthStatus", "")  # Podman's field
    if not detail:
        detail = attributes.get(_DETAILS.get(action, ""), "")

    exit_code: int | None = None
    if action == "die" and "exitCode" in attributes:
        exit_code = int(attributes["exitCode"])
    return Event(moment, attributes.get("name", ""), actor["ID"], action, detail, exit_code)


class EventLog:
    """The events of a session's containers from now on; ``session`` is the id in the kit's labels.

    Raises EngineUnavailable if the engine does not answer.
    """

    def __init__(self, engine: Engine, session: str) -> None:
        self._engine = engine
        self._session = session
        self._since = int(pd.Timestamp(get_json(engine, "/info")["SystemTime"]).value)  # in nanoseconds since 1970
        self._ahead = self._since - time.time_ns()  # of the engine's clock
        self._known_lines: deque[str] = deque(maxlen=REMEMBERED_MESSAGES)  # the engine repeats some messages
        self._health: dict[str, str] = {}  # the last one sent, by container

    def poll(self) -> list[Event]:
        """Return the events since the last poll, in the engine's order. Raises EngineUnavailable or EngineRefused."""
        until = time.time_ns() + self._ahead
        end = self._engine.dialect.end_of_events(_stamp(until))
        parameters = {"since": _stamp(self._since), "filters": _FILTER, **end}
        answer = b"".join(chunks(self._engine.client.api, "/events", parameters))
        self._since = max(self._since, until - _OVERLAP_NANOSECONDS)

        lines = [line for line in answer.decode().splitlines() if line.strip()]
        new_lines = [line for line in lines if line not in self._known_lines]
        self._known_lines += new_lines

        messages = [json.loads(line) for line in new_lines]
        own_messages = [message for message in messages if are_ours(message["Actor"]["Attributes"], self._session)]
        events = filter(None, map(parse, own_messages))
        return [event for event in events if self._is_new(event)]

    def _is_new(self, event: Event) -> bool:
        """Return whether an event says something new: Podman sends the health after every check."""
        if event.what != "health_status":
            return True

        last_health = self._health.get(event.id)
        self._health[event.id] = event.detail
        return last_health != event.detail


def _stamp(nanoseconds: int) -> str:
    return f"{nanoseconds // 10**9}.{nanoseconds % 10**9:09d}"


def out_of_memory(events: pd.DataFrame) -> pd.Series:
    """Return which rows of a table of `Event` are kills by the kernel for want of memory.

    The engine does not always send ``oom``: it begins to listen once the container has started, and Podman never sends
    it. So an end with 137 counts, too, if that run of the container got no signal from the engine.
    """
    starts = events["what"].eq("start").groupby(events["id"]).cumsum()
    by_engine = events["what"].isin(["kill", "stop"]).groupby([events["id"], starts]).transform("any")
    is_killed = events["exit_code"].eq(KILLED).fillna(value=False).astype("bool")
    ends = events["what"].eq("die") & is_killed
    return events["what"].eq("oom") | (ends & ~by_engine)
