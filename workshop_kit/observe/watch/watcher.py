"""The watcher: one thread finds the containers, one for each asks it; the sampler and the event log have theirs."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

from workshop_kit.engine.labels import SESSION
from workshop_kit.engine.reach import Engine
from workshop_kit.errors import WrongUsage
from workshop_kit.observe import events, stats
from workshop_kit.observe.engine_api import ContainerGone, EngineRefused, EngineUnavailable, get_json
from workshop_kit.observe.events import EventLog
from workshop_kit.observe.sampler import Sampler
from workshop_kit.observe.watch import scraper
from workshop_kit.observe.watch.health import PROBE_PATHS, Health
from workshop_kit.observe.watch.subjects import Place, Subject, people_s_name
from workshop_kit.observe.watch.tables import Tables, cpu_limit_percent, frame, with_cpu_limits
from workshop_kit.observe.watch.traffic import NO_METRICS, Counters, Traffic

HISTORY_SECONDS = 1800.0
ROWS_OF_HEALTH = 8  # a second: three probes and a few dependencies
METRICS_AGAIN_SECONDS = 10.0  # where there were none; the place may be taken by another container
MOST_NAMES = 2_000
MOST_CONTAINERS = 20  # one after the other under one name: the statistics of older ones are forgotten

Row = TypeVar("Row", Traffic, Health)


@dataclass
class _Watched:
    """One subject in the watcher's hands."""

    subject: Subject
    requests: deque[Traffic]
    health: deque[Health]
    place: Place | None = None
    sampled: list[str] = field(default_factory=list)  # ids whose statistics were added under this name
    limits: deque[tuple[datetime, float]] = field(default_factory=lambda: deque(maxlen=200))
    answered: bool = False  # it has had a place to be asked at
    counters: Counters | None = None
    metrics_due: float = 0.0  # when the metrics are worth asking for again, on the monotonic clock


class Watcher:
    """Gathers about ``subjects`` once a second until it is stopped; a context manager. See `tables.Tables`.

    ``session`` is the id in our labels: only what carries it is looked at. The last ``history_seconds`` are kept.
    Nothing is raised while it gathers: a container that is away, or an engine that does not answer, is said in
    ``conditions`` and shows in the tables.
    """

    def __init__(
        self,
        engine: Engine,
        session: str,
        subjects: Iterable[Subject],
        *,
        interval_seconds: float = 1.0,
        history_seconds: float = HISTORY_SECONDS,
    ) -> None:
        rows = max(1, round(history_seconds / interval_seconds))
        self._engine, self._interval = engine, interval_seconds
        self._watched = {
            one.name: _Watched(one, deque(maxlen=rows), deque(maxlen=rows * ROWS_OF_HEALTH)) for one in subjects
        }
        if not self._watched:
            raise WrongUsage("There is nothing to watch.", 'Name a service of the stack: w.watch("service")')
        self._filters = quote(json.dumps({"label": [f"{SESSION}={session}"]}))
        self._sampler = Sampler(engine, interval_seconds=interval_seconds, history_seconds=history_seconds)
        self._events = EventLog(engine, session)
        self._names: dict[str, str] = {}  # what people call a container, by its id
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._is_away = False

    @property
    def names(self) -> tuple[str, ...]:
        """What is watched, by name."""
        return tuple(self._watched)

    @property
    def is_running(self) -> bool:
        """Whether it still gathers."""
        return bool(self._threads)

    @property
    def conditions(self) -> dict[str, str]:
        """One sentence on each thing that is watched: where it is, or that it is gone."""
        return {name: self._condition(one.place) for name, one in self._watched.items()}

    def start(self) -> Self:
        """Begin to watch; a second call changes nothing. Raises EngineUnavailable if the engine does not answer."""
        if not self._threads:
            self._stop.clear()
            self._look()
            self._events.start()
            self._sampler.start()
            self._threads = [threading.Thread(target=self._follow, name="observe: containers", daemon=True)]
            for watched in self._watched.values():
                self._threads.append(threading.Thread(target=self._scrape, args=(watched,), daemon=True))
            for thread in self._threads:
                thread.start()
        return self

    def stop(self) -> None:
        """End all threads and wait for them; what was gathered stays."""
        self._stop.set()
        while self._threads:
            self._threads.pop().join()
        self._sampler.stop()
        self._events.stop()

    def tables(self, container: str | None = None, *, seconds: float | None = None) -> Tables:
        """What was gathered, of one container or all, in the last ``seconds`` or all that is kept.

        Events are of everything, whatever is asked for: what stopped a service may have happened to its neighbor.
        Raises WrongUsage for a name that is not watched.
        """
        if container is not None and container not in self._watched:
            raise WrongUsage(f"{container!r} is not watched.", f"Watched: {', '.join(self._watched)}.")
        since = datetime.now(tz=UTC) - timedelta(seconds=seconds) if seconds is not None else None
        chosen = [one for name, one in self._watched.items() if container in (None, name)]
        usage = [row for row in self._sampler.rows(seconds=seconds) if container in (None, row.container)]
        return Tables(
            frame(Traffic, _merged([one.requests for one in chosen], since)),
            with_cpu_limits(stats.frame(usage), {one.subject.name: tuple(one.limits) for one in chosen}),
            frame(Health, _merged([one.health for one in chosen], since)),
            events.frame(replace(one, container=self._called(one)) for one in self._events.records()),
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        self.stop()

    def _follow(self) -> None:
        """Look again and again where everything is."""
        while not self._stop.wait(self._interval):
            with contextlib.suppress(EngineUnavailable, EngineRefused):
                self._look()

    def _look(self) -> None:
        try:
            listed = get_json(self._engine, f"/containers/json?all=1&filters={self._filters}")
        except EngineUnavailable:
            self._is_away = True
            raise
        self._is_away = False
        self._names.update((one["Id"], people_s_name(one)) for one in listed)
        for identifier in list(self._names)[:-MOST_NAMES]:
            del self._names[identifier]
        for watched in self._watched.values():
            watched.place = watched.subject.find(listed)
            self._sample(watched)
            self._read_limits(watched)

    def _sample(self, watched: _Watched) -> None:
        """Have the statistics of the container gathered under the subject's name."""
        place = watched.place
        if place is not None and place.id not in watched.sampled:
            self._sampler.add(place.id, watched.subject.name)
            watched.sampled.append(place.id)
        if len(watched.sampled) > MOST_CONTAINERS:
            self._sampler.remove(watched.sampled.pop(0))

    def _read_limits(self, watched: _Watched) -> None:
        """Note a new CPU limit; the first one is taken to have held ever since."""
        if watched.place is None:
            return
        with contextlib.suppress(ContainerGone):
            percent = cpu_limit_percent(get_json(self._engine, f"/containers/{watched.place.id}/json")["HostConfig"])
            if not watched.limits:
                watched.limits.append((datetime.min.replace(tzinfo=UTC), percent))
            elif str(percent) != str(watched.limits[-1][1]):  # as texts: NaN, no limit, equals itself then
                watched.limits.append((datetime.now(tz=UTC), percent))

    def _scrape(self, watched: _Watched) -> None:
        """Ask one container once a second; one that answers late delays its own next requests only."""
        with ThreadPoolExecutor(len(PROBE_PATHS) + 1, f"observe: ask {watched.subject.name}") as pool:
            due = time.monotonic()
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                due = time.monotonic() + self._interval
                self._scrape_once(pool, watched)

    def _scrape_once(self, pool: ThreadPoolExecutor, watched: _Watched) -> None:
        place, name = watched.place, watched.subject.name
        if place is not None and place.url is not None:
            watched.answered = True
            due = time.monotonic() >= watched.metrics_due
            found = scraper.scrape(pool, place.url, name, watched.counters, with_metrics=due)
            if due and found.traffic.state == NO_METRICS:
                watched.metrics_due = time.monotonic() + METRICS_AGAIN_SECONDS
        elif watched.answered:
            found = scraper.without_answer(name, f"it is {place.state}" if place else "it is gone", watched.counters)
        else:
            return  # it never had a port to be asked at
        watched.counters = found.counters
        watched.requests.append(found.traffic)
        watched.health.extend(found.health)

    def _called(self, event: events.Event) -> str:
        return self._names.get(event.id, event.container)

    def _condition(self, place: Place | None) -> str:
        if self._is_away:
            return "The engine does not answer; trying again."
        if place is None:
            return "There is no such container (any more); it is followed again as soon as there is one."
        where = f"; it answers at {place.url}" if place.url else "; it has no port to be asked at"
        return f"It is {place.state}{where if place.runs else ''}."


def _merged(rows: Iterable[deque[Row]], since: datetime | None) -> list[Row]:
    """All rows of some deques since a time, by time."""
    found: list[Row] = []
    for one in rows:
        mine = tuple(one)
        first = bisect_left(mine, since, key=lambda row: row.time) if since is not None else 0
        found += mine[first:]
    return sorted(found, key=lambda row: row.time)
