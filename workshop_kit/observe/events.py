"""The engine's events of containers: create, start, die with an exit code, out of memory, health, kill.

Source: the engine's ``GET /events``, asked again and again. The engine remembers its last few hundred events.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from workshop_kit.engine.labels import SESSION, service_in
from workshop_kit.engine.markers import TARGET
from workshop_kit.engine.reach import Engine
from workshop_kit.observe.engine_api import chunks, get_json

REMEMBERED_MESSAGES = 1_000
"""More than the engine remembers itself."""
_OVERLAP_SECONDS = 2.0  # messages may come out of order
_FILTER = json.dumps({"type": ["container"]})
KILLED = 137
"""The exit code after SIGKILL."""


@dataclass(frozen=True)
class Event:
    """One event, at the engine's time (UTC).

    ``what`` is the engine's word (``create``, ``start``, ``die``, ``oom``, ``health_status``, ``kill``, ``stop``,
    ``destroy`` …). ``container`` is the name of the service, else of the container. ``detail`` is the health; only
    ``die`` has an ``exit_code``.
    """

    time: datetime
    container: str
    id: str
    what: str
    detail: str = ""
    exit_code: int | None = None


def parse(message: Mapping[str, Any]) -> Event | None:
    """Parse the engine's message; None if it is about a command inside a container, such as a health check."""
    action, _, detail = str(message["Action"]).partition(": ")
    if action.startswith("exec"):
        return None

    actor = message["Actor"]
    attributes = actor["Attributes"]
    return Event(
        time=pd.Timestamp(message["timeNano"], tz="UTC").to_pydatetime(warn=False),
        container=service_in(attributes) or attributes.get("name", ""),
        id=actor["ID"],
        what=action,
        detail=detail or message.get("HealthStatus", ""),  # Podman's field
        exit_code=int(attributes["exitCode"]) if action == "die" else None,
    )


class EventLog:
    """The events of a session's containers from now on; ``session`` is the id in the kit's labels.

    Raises EngineUnavailable if the engine does not answer.
    """

    def __init__(self, engine: Engine, session: str) -> None:
        self._engine = engine
        self._session = session
        self._since = pd.Timestamp(get_json(engine, "/info")["SystemTime"]).timestamp()
        self._lead_seconds = self._since - time.time()  # of the engine's clock over this one
        self._known_lines: deque[str] = deque(maxlen=REMEMBERED_MESSAGES)  # the engine repeats some messages
        self._health_by_id: dict[str, str] = {}  # the last health sent for each container

    def poll(self) -> list[Event]:
        """Return the events since the last poll, in the engine's order. Raises EngineUnavailable or EngineRefused."""
        lines = self._read_lines()
        new_lines = [line for line in lines if line not in self._known_lines]
        self._known_lines += new_lines

        messages = [json.loads(line) for line in new_lines]
        events = [parse(message) for message in messages if self._is_own(message["Actor"]["Attributes"])]
        return [event for event in filter(None, events) if self._is_new(event)]

    def _is_own(self, attributes: Mapping[str, str]) -> bool:
        """Return whether an event is of a container of this session, and of no marker, which is never started."""
        return attributes.get(SESSION) == self._session and TARGET not in attributes

    def _read_lines(self) -> list[str]:
        """Return the engine's messages since the last poll, and a few known ones: each is a line of JSON."""
        until = time.time() + self._lead_seconds
        end = self._engine.dialect.end_of_events(f"{until:.6f}")
        parameters = {"since": f"{self._since:.6f}", "filters": _FILTER, **end}
        answer = b"".join(chunks(self._engine.client.api, "/events", parameters))

        self._since = max(self._since, until - _OVERLAP_SECONDS)
        return [line for line in answer.decode().splitlines() if line.strip()]

    def _is_new(self, event: Event) -> bool:
        """Return whether an event says something new, and remember its health: Podman sends it after every check."""
        if event.what != "health_status":
            return True

        last_health = self._health_by_id.get(event.id)
        self._health_by_id[event.id] = event.detail
        return last_health != event.detail


def out_of_memory(events: pd.DataFrame) -> pd.Series:
    """Return which rows of a table of `Event` are kills by the kernel for want of memory.

    The engine does not always send ``oom``: it begins to listen once the container has started, and Podman never sends
    it. So ``die`` with exit code 137 counts, too, if that run of the container got no signal from the engine.
    """
    run_numbers = events["what"].eq("start").groupby(events["id"]).cumsum()
    is_signal = events["what"].isin(["kill", "stop"])
    has_signal_in_run = is_signal.groupby([events["id"], run_numbers]).transform("any")

    has_code_of_kill = events["exit_code"].eq(KILLED).fillna(value=False).astype("bool")
    is_killed = events["what"].eq("die") & has_code_of_kill
    return events["what"].eq("oom") | (is_killed & ~has_signal_in_run)
