"""An incident without an engine: real releases and causes in a shop whose service is computed; cells run as shipped."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import MagicMock

import matplotlib.pyplot as plt
import pandas as pd

from workshop_kit.exercises.exercise_files import ExerciseFiles
from workshop_kit.exercises.progress import as_json
from workshop_kit.gameday.causes import CAUSES, Cause, plan
from workshop_kit.gameday.customers import TURNED_AWAY, Visit
from workshop_kit.gameday.incident import Incident
from workshop_kit.gameday.shop import DEPENDENCIES, FIRST_RELEASE, PRODUCTION, Release, Shop
from workshop_kit.host import MIB
from workshop_kit.observe.events import Event
from workshop_kit.observe.scrape import Health
from workshop_kit.observe.watcher import Tables, frame
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials.dependency_proxies import HANGS, DependencyProxies, Faults
from workshop_kit.trials.game_records import GameRecord
from workshop_kit.workspace import exercise_list

VISITS = 36
SECRETS = {
    "MASTER_DB_PASSWORD_FILE": (2, "a database's password"),
    "REDIS_PASSWORD_FILE": (2, "a cache's password"),
}
USED_BY = {"master-db": "MASTER_DB_PASSWORD_FILE", "redis": "REDIS_PASSWORD_FILE"}


@dataclass(frozen=True)
class RecordedGateways(DependencyProxies):
    """Gateways that only keep their states."""

    states: dict[str, Faults] = field(default_factory=dict)

    def set(self, state: Faults, *names: str) -> None:
        """Keep the states; all others are open."""
        self.states.clear()
        self.states.update(dict.fromkeys(names, state))


class RecordedService:
    """Versions of the code: some leak."""

    def __init__(self) -> None:
        self.versions = 1
        self.leaks = set[int]()

    def build(self, leak_mib: float = 0.0) -> int:
        """Add a version, which leaks if the former one does."""
        leaks = bool(leak_mib) or self.versions in self.leaks
        self.versions += 1
        self.leaks |= {self.versions} if leaks else set()
        return self.versions


class RecordedShop(Shop):
    """Releases without containers: log lines and served customers are computed from the releases and the gateways."""

    def __init__(self) -> None:
        self.gateways = self.recorded = RecordedGateways({name: MagicMock() for name in DEPENDENCIES})
        self.service: Any = RecordedService()
        self.container = MagicMock()
        self._started = []
        self._lock = threading.RLock()
        self._bytes = 30 * MIB
        self.history = [Release(FIRST_RELEASE, {"LOG_LEVEL": "info"}, SECRETS, time=datetime.now(UTC))]

    def deploy(self, release: Release) -> Release:
        """Number the release and keep it."""
        begun = replace(release, number=self.current.number + 1, time=datetime.now(UTC))
        self.history.append(begun)
        return begun

    def restart(self, name: str) -> None:
        """Restart it; a gateway is open then."""
        super().restart(name)
        self.recorded.states.pop(name, None)

    def pings(self) -> dict[str, str]:
        """The error of each dependency that does not answer a ping."""
        sentences = dict[str, str]()
        for name in DEPENDENCIES:
            variable = USED_BY.get(name, "")
            if self.recorded.states.get(name) == HANGS:
                sentences[name] = "no answer in time"
            elif variable and self.current.secrets[variable][1].strip() != SECRETS[variable][1]:
                sentences[name] = "Access denied for user 'orders'"
        return sentences

    def serves(self) -> bool:
        """Whether customers are served: every critical dependency answers."""
        return not {"master-db", "redis"} & set(self.pings())

    def is_killed(self) -> bool:
        """Whether it exceeds its memory limit, now or soon."""
        return self.current.code in self.service.leaks

    def memory_bytes(self) -> int:
        """The memory, more at each call if the code leaks."""
        self._bytes += 20 * MIB if self.current.code in self.service.leaks else 0
        return self._bytes

    def started_at(self) -> str:
        """No container dies while it is watched."""
        return ""

    def lines(self) -> pd.DataFrame:
        """The newest lines."""
        rows = [(datetime.now(UTC), *line) for line in self._log_lines()]
        return pd.DataFrame(rows, columns=["ts", "msg", "dependency", "error"])

    def _log_lines(self) -> Iterator[tuple[str, str | None, str | None]]:
        yield "service started", None, None
        if self.is_killed():
            yield "service started", None, None  # a killed process logs nothing
        for name, error in self.pings().items():
            yield "dependency not available", name, error
        if not self.serves():
            yield "not ready", None, None


def play(cause: Cause, seed: int) -> RecordedShop:
    """A day's shop after all its changes."""
    shop = RecordedShop()
    random = Random(seed)
    for step in plan(cause, random):
        step(shop, random)
    return shop


class RecordedCustomers:
    """Customers that suffered right after the cause, and are served now as the shop serves."""

    def __init__(self, shop: RecordedShop, injected: datetime) -> None:
        self.shop = shop
        self.injected = injected

    def since(self, moment: datetime) -> list[Visit]:
        """The customers since a time."""
        if moment <= self.injected:
            return list(self._after_the_cause())
        return [Visit(moment, 200 if self.shop.serves() else 503, 0.01)] * VISITS

    def _after_the_cause(self) -> Iterator[Visit]:
        for number in range(VISITS):
            yield Visit(self.injected + timedelta(seconds=number), 503, 0.0, TURNED_AWAY)


def incident(folder: Path, day: str, seed: int = 1) -> Incident:
    """A day's incident after all its changes; its record is in ``folder``."""
    injected = datetime.now(UTC)
    shop = play(CAUSES[day], seed)
    session = SimpleNamespace(folder=folder)
    return Incident(
        record=GameRecord(f"{day}-{seed}", day, seed, injected, injected),
        lesson=cast(
            Any,
            SimpleNamespace(stack=SimpleNamespace(session=session), exercise_service=SimpleNamespace(root=CHECKOUT)),
        ),
        cause=CAUSES[day],
        shop=shop,
        customers=cast(Any, RecordedCustomers(shop, injected)),
        watcher=cast(Any, SimpleNamespace(tables=lambda *_, **__: _tables(shop, datetime.now(UTC)))),
        _block=ExitStack(),
    )


def _tables(shop: RecordedShop, moment: datetime) -> Tables:
    """The watcher's newest tables."""
    health = [Health(moment, PRODUCTION, what, "fail") for what in shop.pings()]
    health.append(Health(moment, PRODUCTION, "/readyz", "pass" if shop.serves() else "fail"))
    requests = {
        "time": [pd.Timestamp(moment)],
        "container": PRODUCTION,
        "served_percent": 100.0 * shop.serves(),
        "memory_percent": 95.0 if shop.is_killed() else 30.0,
        **{"error_percent": 0.0, "p95_ms": 9.0},
    }
    events = [Event(moment, PRODUCTION, PRODUCTION, "oom")]
    return Tables(health=frame(Health, health), requests=pd.DataFrame(requests), events=frame(Event, events))


def starter(identifier: str, names: Mapping[str, Any]) -> Any:
    """What the cell of an exercise hands in as it comes."""
    return handed_in(identifier, names, lambda files: files.starter_cell())


def solution(identifier: str, names: Mapping[str, Any]) -> Any:
    """What the cell of an exercise hands in with the solution."""
    return handed_in(identifier, names, lambda files: files.solution[files.exercise.path])


def handed_in(identifier: str, names: Mapping[str, Any], text_of: Callable[[ExerciseFiles], str]) -> Any:
    """What a text of an exercise's cell hands in."""
    exercise = exercise_list.find(exercise_list.load(CHECKOUT), identifier)
    values: list[Any] = []
    task = SimpleNamespace(hand_in=lambda value: values.append(as_json(identifier, value)))
    exec(text_of(ExerciseFiles(CHECKOUT, CHECKOUT, exercise)), {"json": json, "plt": plt, "task": task, **names})
    assert values, "nothing was handed in"
    return values[-1]
