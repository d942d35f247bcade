"""The watcher: one thread finds the containers, one for each asks it; the sampler and the event log have theirs."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

from workshop_kit.engine.labels import COMPOSE_PROJECT, COMPOSE_SERVICE, SESSION
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.spec import service_in
from workshop_kit.errors import WrongUsage
from workshop_kit.observe import events, stats
from workshop_kit.observe.engine_api import ContainerGone, EngineRefused, EngineUnavailable, get_json
from workshop_kit.observe.events import EventLog
from workshop_kit.observe.sampler import Sampler
from workshop_kit.observe.watch import scraper
from workshop_kit.observe.watch.scraper import PROBE_PATHS, Health
from workshop_kit.observe.watch.tables import Tables, cpu_limit_percent, frame, with_cpu_limits
from workshop_kit.observe.watch.traffic import NO_METRICS, Counters, Traffic

HISTORY_SECONDS = 1800.0
HEALTH_ROWS = 8  # a second: three probes and a few dependencies
METRICS_RETRY_SECONDS = 10.0  # where there were none; another container may take the name
MAX_NAMES = 2_000
MAX_CONTAINERS = 20  # under one name, one after the other; the statistics of older ones are dropped

Row = TypeVar("Row", Traffic, Health)
Listed = Mapping[str, Any]  # a container as the engine's GET /containers/json lists it


@dataclass(frozen=True)
class WatchTarget:
    """What to watch under ``name``: a service of a compose project (or of none), or, with ``id``, one container.

    ``port`` is its HTTP port inside; where it is not published, the container is watched without requests.
    """

    name: str
    project: str = ""
    service: str = ""
    id: str = ""
    port: int = 8080

    def find(self, listed: Iterable[Listed]) -> ContainerStatus | None:
        """Return its container among those listed, a running one first; None if there is none."""
        mine = [one for one in listed if self._matches(one)]
        best = max(mine, key=lambda one: (one["State"] in {"running", "paused"}, one["Created"]), default=None)
        return ContainerStatus(best["Id"], str(best["State"]), _url(best, self.port)) if best else None

    def _matches(self, one: Listed) -> bool:
        if self.id:
            return bool(one["Id"] == self.id)
        labels = one.get("Labels") or {}
        return bool(labels.get(COMPOSE_PROJECT, "") == self.project and labels.get(COMPOSE_SERVICE) == self.service)


@dataclass(frozen=True)
class ContainerStatus:
    """A container: its id, the engine's word for its state, and the URL of its published port."""

    id: str
    state: str
    url: str | None

    @property
    def is_running(self) -> bool:
        """Whether it runs; a paused container does."""
        return self.state in {"running", "paused"}


@dataclass
class _TargetData:
    """The data of one target."""

    target: WatchTarget
    requests: deque[Traffic]
    health: deque[Health]
    status: ContainerStatus | None = None
    sampled: list[str] = field(default_factory=list)  # ids whose statistics were added under this name
    limits: deque[tuple[datetime, float]] = field(default_factory=lambda: deque(maxlen=200))
    had_url: bool = False
    counters: Counters | None = None
    metrics_due: float = 0.0  # on the monotonic clock


class Watcher:
    """Watches ``targets`` once a second until it is stopped; a context manager. See `tables.Tables`.

    Only containers with the label of ``session`` (an id) are found. The last ``history_seconds`` are kept. While it
    watches, nothing is raised: a missing container or engine shows in ``conditions`` and in the tables.
    """

    def __init__(
        self,
        engine: Engine,
        session: str,
        targets: Iterable[WatchTarget],
        *,
        interval_seconds: float = 1.0,
        history_seconds: float = HISTORY_SECONDS,
    ) -> None:
        rows = max(1, round(history_seconds / interval_seconds))
        self._engine, self._interval = engine, interval_seconds
        self._watched = {
            one.name: _TargetData(one, deque(maxlen=rows), deque(maxlen=rows * HEALTH_ROWS)) for one in targets
        }
        if not self._watched:
            raise WrongUsage("There is nothing to watch.", 'Name a service of the stack: w.watch("service")')
        self._filters = quote(json.dumps({"label": [f"{SESSION}={session}"]}))
        self._sampler = Sampler(engine, interval_seconds=interval_seconds, history_seconds=history_seconds)
        self._events = EventLog(engine, session)
        self._names: dict[str, str] = {}  # service names by container id
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._is_unavailable = False

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the targets."""
        return tuple(self._watched)

    @property
    def is_running(self) -> bool:
        """Whether it watches now."""
        return bool(self._threads)

    @property
    def conditions(self) -> dict[str, str]:
        """One sentence on each target: its state and URL, or that it is gone."""
        return {name: self._condition(one.status) for name, one in self._watched.items()}

    def start(self) -> Self:
        """Begin to watch; a second call changes nothing. Raises EngineUnavailable if the engine does not answer."""
        if not self._threads:
            self._stop.clear()
            self._find_containers()
            self._events.start()
            self._sampler.start()
            self._threads = [threading.Thread(target=self._follow, name="observe: containers", daemon=True)]
            for watched in self._watched.values():
                self._threads.append(threading.Thread(target=self._scrape, args=(watched,), daemon=True))
            for thread in self._threads:
                thread.start()
        return self

    def stop(self) -> None:
        """End all threads and wait for them; the data stays."""
        self._stop.set()
        while self._threads:
            self._threads.pop().join()
        self._sampler.stop()
        self._events.stop()

    def tables(self, container: str | None = None, *, seconds: float | None = None) -> Tables:
        """Return the data of one container or all, of the last ``seconds`` or all that is kept.

        Events are always those of all containers: a neighbor's event may explain a failure.
        Raises WrongUsage for a name that is not watched.
        """
        if container is not None and container not in self._watched:
            raise WrongUsage(f"{container!r} is not watched.", f"Watched: {', '.join(self._watched)}.")
        since = datetime.now(tz=UTC) - timedelta(seconds=seconds) if seconds is not None else None
        chosen = [one for name, one in self._watched.items() if container in (None, name)]
        usage = [row for row in self._sampler.rows(seconds=seconds) if container in (None, row.container)]
        return Tables(
            frame(Traffic, _merged([one.requests for one in chosen], since)),
            with_cpu_limits(stats.frame(usage), {one.target.name: tuple(one.limits) for one in chosen}),
            frame(Health, _merged([one.health for one in chosen], since)),
            events.frame(replace(one, container=self._name_of(one)) for one in self._events.records()),
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        self.stop()

    def _follow(self) -> None:
        """Find the containers once a second."""
        while not self._stop.wait(self._interval):
            with contextlib.suppress(EngineUnavailable, EngineRefused):
                self._find_containers()

    def _find_containers(self) -> None:
        try:
            listed = get_json(self._engine, f"/containers/json?all=1&filters={self._filters}")
        except EngineUnavailable:
            self._is_unavailable = True
            raise
        self._is_unavailable = False
        self._names.update((one["Id"], service_name(one)) for one in listed)
        for identifier in list(self._names)[:-MAX_NAMES]:
            del self._names[identifier]
        for watched in self._watched.values():
            watched.status = watched.target.find(listed)
            self._sample(watched)
            self._read_limits(watched)

    def _sample(self, watched: _TargetData) -> None:
        """Sample the statistics of the container under the target's name."""
        status = watched.status
        if status is not None and status.id not in watched.sampled:
            self._sampler.add(status.id, watched.target.name)
            watched.sampled.append(status.id)
        if len(watched.sampled) > MAX_CONTAINERS:
            self._sampler.remove(watched.sampled.pop(0))

    def _read_limits(self, watched: _TargetData) -> None:
        """Record a new CPU limit; the first one holds for the time before, too."""
        if watched.status is None:
            return
        with contextlib.suppress(ContainerGone):
            percent = cpu_limit_percent(get_json(self._engine, f"/containers/{watched.status.id}/json")["HostConfig"])
            if not watched.limits:
                watched.limits.append((datetime.min.replace(tzinfo=UTC), percent))
            elif str(percent) != str(watched.limits[-1][1]):  # as texts: NaN, no limit, equals itself then
                watched.limits.append((datetime.now(tz=UTC), percent))

    def _scrape(self, watched: _TargetData) -> None:
        """Ask one container once a second; one that answers late delays its own next requests only."""
        threads = ThreadPoolExecutor(len(PROBE_PATHS) + 1, f"observe: ask {watched.target.name}")
        with contextlib.suppress(RuntimeError), threads as pool:  # RuntimeError: the interpreter shuts down
            due = time.monotonic()
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                due = time.monotonic() + self._interval
                self._scrape_once(pool, watched)

    def _scrape_once(self, pool: ThreadPoolExecutor, watched: _TargetData) -> None:
        status, name = watched.status, watched.target.name
        if status is not None and status.url is not None:
            watched.had_url = True
            due = time.monotonic() >= watched.metrics_due
            found = scraper.scrape(pool, status.url, name, watched.counters, with_metrics=due)
            if due and found.traffic.state == NO_METRICS:
                watched.metrics_due = time.monotonic() + METRICS_RETRY_SECONDS
        elif watched.had_url:
            found = scraper.without_answer(name, f"it is {status.state}" if status else "it is gone", watched.counters)
        else:
            return  # it never had a published port
        watched.counters = found.counters
        watched.requests.append(found.traffic)
        watched.health.extend(found.health)

    def _name_of(self, event: events.Event) -> str:
        return self._names.get(event.id, event.container)

    def _condition(self, status: ContainerStatus | None) -> str:
        if self._is_unavailable:
            return "The engine does not answer; trying again."
        if status is None:
            return "There is no such container; the watcher waits for one."
        where = f"; it answers at {status.url}" if status.url else "; it has no published port"
        return f"It is {status.state}{where if status.is_running else ''}."


def _merged(rows: Iterable[deque[Row]], since: datetime | None) -> list[Row]:
    """Return all rows of some deques since a time, by time."""
    found: list[Row] = []
    for one in rows:
        mine = tuple(one)
        first = bisect_left(mine, since, key=lambda row: row.time) if since is not None else 0
        found += mine[first:]
    return sorted(found, key=lambda row: row.time)


def service_name(one: Listed) -> str:
    """Return the name of a container's service, else the container's own name."""
    return str(service_in(one.get("Labels")) or one["Names"][0].lstrip("/"))


def _url(one: Listed, port: int) -> str | None:
    for binding in one.get("Ports") or ():
        if binding.get("PrivatePort") == port and binding.get("PublicPort") and binding.get("Type") == "tcp":
            return f"http://127.0.0.1:{binding['PublicPort']}"
    return None
