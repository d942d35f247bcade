"""Watch a container once a second: its traffic, health, resources and events.

``Watcher`` gathers data in two threads until it is stopped: one asks the engine, one asks the container. ``Tables``
holds the data. A container is followed by its service's name, so that rows continue under that name after a restart
(another port) and a replacement (another id). Unknown values are missing, never zero.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from typing import Any, Self
from urllib.parse import quote

import pandas as pd

from workshop_kit.engine.labels import COMPOSE_PROJECT, COMPOSE_SERVICE, SESSION
from workshop_kit.engine.reach import Engine
from workshop_kit.observe.engine_api import ContainerGone, EngineRefused, EngineUnavailable, get_json
from workshop_kit.observe.events import Event, EventLog
from workshop_kit.observe.scrape import PROBE_PATHS, Counters, Health, Traffic, scrape, without_answer
from workshop_kit.observe.stats import Meter, Usage

PORT = 8080
INTERVAL_SECONDS = 1.0
HISTORY_ROWS = 1800
HEALTH_ROWS = 8 * HISTORY_ROWS  # three probes and a few dependencies a second
HISTORY_EVENTS = 10_000
SAME_MOMENT = pd.Timedelta(seconds=1.5)
"""The longest time between two answers that stand in one row of the measurements."""
TIME = "datetime64[us, UTC]"
_TYPES = {"datetime": TIME, "str": "str", "bool": "bool", "int | None": "Int64"}

Listed = Mapping[str, Any]  # a container as the engine's GET /containers/json lists it


def frame(kind: type[Any], rows: Iterable[Any]) -> pd.DataFrame:
    """Return instances of a dataclass as a table with a column for each field.

    Times are in UTC; numbers are float64, or Int64 for a field of type ``int | None``.
    """
    types = {column.name: _TYPES.get(str(column.type), "float64") for column in fields(kind)}
    values = [tuple(vars(row).values()) for row in rows]
    return pd.DataFrame(values, columns=list(types)).astype(types)


@dataclass(frozen=True)
class Tables:
    """Four tables, each by ``time`` (UTC), oldest first; ``container`` is the target's name.

    ``requests`` and ``resources`` have a row for each second, see `scrape.Traffic` and `stats.Usage`. ``health`` has a
    row for each probe and dependency, see `scrape.Health`. ``events`` has the events of all containers of the
    workspace, see `events.Event`.
    """

    requests: pd.DataFrame = field(default_factory=lambda: frame(Traffic, ()))
    resources: pd.DataFrame = field(default_factory=lambda: frame(Usage, ()))
    health: pd.DataFrame = field(default_factory=lambda: frame(Health, ()))
    events: pd.DataFrame = field(default_factory=lambda: frame(Event, ()))

    def measurements(self) -> pd.DataFrame:
        """Return the data of one container in one table, a row a second.

        It has the columns of `scrape.Traffic` and `stats.Usage`, ``memory_percent`` (see `with_shares`), and the state
        of each probe and dependency in a column of its name.
        """
        usage = with_shares(self.resources).drop(columns=["container", "state"])
        traffic = self.requests
        if traffic.empty:  # no port is published
            traffic = self.resources[["time", "container"]]
        states = self.health.pivot_table(index="time", columns="what", values="state", aggfunc="last").reset_index()

        measured = pd.merge_asof(traffic, usage, on="time", direction="nearest", tolerance=SAME_MOMENT)
        if states.empty:
            return measured
        return pd.merge_asof(measured, states, on="time", direction="nearest", tolerance=SAME_MOMENT)


def with_shares(resources: pd.DataFrame) -> pd.DataFrame:
    """Return usage with ``cpu_percent`` and ``memory_percent`` as shares of the limits that were in force at that time.

    Without a limit CPU is in percent of a core, and memory in percent of the machine's. A limit may have been lowered
    since the row before, so the higher one of the two counts.
    """
    limits = resources["cpu_limit_percent"].fillna(100.0)
    highest_limits = limits.rolling(2, min_periods=1).max()
    return resources.assign(
        cpu_percent=100 * resources["cpu_percent"] / highest_limits,
        memory_percent=100 * resources["memory_bytes"] / resources["memory_limit_bytes"],
    )


@dataclass(frozen=True)
class WatchTarget:
    """What to watch under ``name``: a service of a compose project (or of none), or, with ``id``, one container.

    Where its port 8080 is not published, the container is watched without requests.
    """

    name: str
    project: str = ""
    service: str = ""
    id: str = ""

    def find(self, listed: Iterable[Listed]) -> Listed | None:
        """Return the target's container among those listed; None if there is none.

        Of several containers it is a running one if there is any, and the newest of these.
        """
        matches = [container for container in listed if self._matches(container)]
        return max(matches, key=_preference, default=None)

    def _matches(self, container: Listed) -> bool:
        """Return whether a container is this target's: by its id, or by its compose project and service."""
        if self.id:
            return bool(container["Id"] == self.id)
        labels = container.get("Labels") or {}
        return bool(labels.get(COMPOSE_PROJECT, "") == self.project and labels.get(COMPOSE_SERVICE) == self.service)


class Watcher:
    """Watches one container once a second until it is stopped. See `Tables`.

    Only a container with the label of ``session`` (an id) is found. The last half hour is kept. While it watches,
    nothing is raised: a missing container or engine shows in the tables.
    """

    def __init__(self, engine: Engine, session: str, target: WatchTarget) -> None:
        self.target = target
        self._engine = engine
        self._filters = quote(json.dumps({"label": [f"{SESSION}={session}"]}))
        self._event_log = EventLog(engine, session)
        self._meter = Meter(engine, target.name)
        self._container: Listed | None = None
        self._counters: Counters | None = None

        self._requests: deque[Traffic] = deque(maxlen=HISTORY_ROWS)
        self._usage: deque[Usage] = deque(maxlen=HISTORY_ROWS)
        self._health: deque[Health] = deque(maxlen=HEALTH_ROWS)
        self._events: deque[Event] = deque(maxlen=HISTORY_EVENTS)

        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask_engine_until_stopped, daemon=True),
            threading.Thread(target=self._scrape_until_stopped, daemon=True),
        ]

    def start(self) -> Self:
        """Begin to watch. Raises EngineUnavailable if the engine does not answer."""
        self._ask_engine()
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """End all threads and wait for them; the data stays."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def tables(self) -> Tables:
        """Return the data that is kept. A neighbor's event may explain a failure, so all events are there."""
        return Tables(
            frame(Traffic, tuple(self._requests)),  # copies: the threads may append meanwhile
            frame(Usage, tuple(self._usage)),
            frame(Health, tuple(self._health)),
            frame(Event, tuple(self._events)),
        )

    def _ask_engine_until_stopped(self) -> None:
        """Ask the engine once a second; while it does not answer, nothing new is known."""
        while not self._stop.wait(INTERVAL_SECONDS):
            with contextlib.suppress(EngineUnavailable, EngineRefused):
                self._ask_engine()

    def _ask_engine(self) -> None:
        """Ask the engine for the status and the usage of the container, and for the new events."""
        listed = get_json(self._engine, f"/containers/json?all=1&filters={self._filters}")
        self._container = self.target.find(listed)
        if self._container is not None:
            with contextlib.suppress(ContainerGone, EngineRefused):  # it is being started or removed
                self._measure_usage(self._container["Id"])
        self._events += self._event_log.poll()

    def _measure_usage(self, container_id: str) -> None:
        """Add the present usage of the container to the data."""
        host_config = get_json(self._engine, f"/containers/{container_id}/json")["HostConfig"]
        self._usage.append(self._meter.read(container_id, cpu_limit_percent(host_config)))

    def _scrape_until_stopped(self) -> None:
        """Ask the container once a second; late answers delay the next requests, not the engine's answers."""
        threads = ThreadPoolExecutor(len(PROBE_PATHS) + 1, f"observe: ask {self.target.name}")
        with contextlib.suppress(RuntimeError), threads as pool:  # RuntimeError: the interpreter shuts down
            due = time.monotonic()
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                due = time.monotonic() + INTERVAL_SECONDS
                self._scrape_once(pool)

    def _scrape_once(self, pool: ThreadPoolExecutor) -> None:
        """Add the present traffic and health of the container to the data."""
        name = self.target.name
        container = self._container
        url = url_of(container) if container else None
        if url is not None:
            traffic, health, self._counters = scrape(pool, url, name, self._counters)
        elif self._requests:
            reason = f"it is {container['State']}" if container else "it is gone"
            traffic, health = without_answer(name, reason)
        else:
            return  # it never had a published port

        self._requests.append(traffic)
        self._health.extend(health)


def _preference(container: Listed) -> tuple[bool, Any]:
    """Return the key by which containers are compared: a running one is greater, and of several a newer one."""
    return container["State"] in {"running", "paused"}, container["Created"]


def cpu_limit_percent(host_config: Mapping[str, Any]) -> float:
    """Return the CPU limit in ``docker inspect``'s HostConfig: 100 is one core; NaN for none."""
    nano_cpus = host_config.get("NanoCpus")
    if nano_cpus:
        return float(nano_cpus / 1e7)

    quota = host_config.get("CpuQuota") or 0
    period = host_config.get("CpuPeriod") or 100_000
    return 100.0 * quota / period if quota > 0 else float("nan")


def url_of(container: Listed) -> str | None:
    """Return the address at which the container's port 8080 is published; None if it is not."""
    for binding in container.get("Ports") or ():
        if binding.get("PrivatePort") == PORT and binding.get("PublicPort") and binding.get("Type") == "tcp":
            return f"http://127.0.0.1:{binding['PublicPort']}"
    return None
