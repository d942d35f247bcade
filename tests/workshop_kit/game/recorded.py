"""An incident without an engine: real releases, causes and judge over a shop whose customers are computed."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import MagicMock

import pandas as pd

from workshop_kit.game.causes import CAUSES, ORDERS, harmless
from workshop_kit.game.incident import Incident
from workshop_kit.game.shop import DEPENDENCIES, MIB, Release, Shop
from workshop_kit.game.visitors import TURNED_AWAY, Visit
from workshop_kit.learn.exercise.doors import OPEN, Doors
from workshop_kit.learn.exercise.game_records import Record
from workshop_kit.observe.watching import Tables
from workshop_kit.observe.watching.health import Health
from workshop_kit.observe.watching.tables import frame

VISITS = 36
ENOUGH_CPUS = 0.5
SECRETS = {
    "MASTER_DB_PASSWORD_FILE": (2, "a database's password"),
    "REDIS_PASSWORD_FILE": (2, "a cache's password"),
}


class RecordedGateways(Doors):
    """Gateways that take every state and tell nobody."""

    def set(self, **states: str) -> None:
        """Keep the states; all others are open."""
        self.states.clear()
        self.states.update({name.replace("_", "-"): state for name, state in states.items()})


class RecordedShop(Shop):
    """Releases without containers; customers are served if the releases and the gateways allow it."""

    def __init__(self, root: Path, environments: Sequence[str]) -> None:
        self.stack = cast(Any, SimpleNamespace(root=root))
        self.gateways = RecordedGateways({name: MagicMock() for name in DEPENDENCIES})
        self.running, self.retired, self.history = {}, [], []
        self.recorded = pd.DataFrame({"ts": [], "error": []})
        self._lock, self._bytes = threading.RLock(), 30 * MIB
        for number, name in enumerate(environments, 40):
            self.deploy(Release(number, name, {"LOG_LEVEL": "info"}, SECRETS, {}))

    def deploy(self, release: Release) -> Release:
        """Number the release and keep it."""
        number = max((one.number + 1 for one in self.history), default=release.number)
        begun = replace(release, number=number, time=datetime.now(UTC))
        self.running[begun.environment] = MagicMock()
        self.history.append(begun)
        return begun

    def serves(self, environment: str) -> bool:
        """Whether customers of an environment are served, and in time."""
        now = self.current(environment)
        needed = now.settings.get("HEALTH_CRITICAL", "master-db,redis").split(",")
        reached = all(self.gateways.states.get(name, OPEN) == OPEN for name in needed)
        return reached and now.secrets == SECRETS and now.cpus >= ENOUGH_CPUS

    def memory_bytes(self, environment: str) -> int:
        """What an environment uses: more each time, if its code leaks."""
        self._bytes += 20 * MIB if ORDERS in self.current(environment).modules else 0
        return self._bytes

    def starts(self) -> tuple[str, ...]:
        """No container dies."""
        return ()

    def lines(self) -> pd.DataFrame:
        """The recorded log."""
        return self.recorded


class RecordedVisitors:
    """Customers who suffered right after the cause, and now are served as the shop serves."""

    def __init__(self, shop: RecordedShop, injected: datetime) -> None:
        self.shop, self.injected = shop, injected

    def since(self, moment: datetime, door: str | None = None) -> list[Visit]:
        """The customers since a time."""
        if moment <= self.injected:
            return list(self._after_the_cause())
        served = self.shop.serves(door or "production")
        return [Visit(moment, str(door), 200 if served else None, 0.01)] * VISITS

    def _after_the_cause(self) -> Iterator[Visit]:
        for number in range(VISITS):
            yield Visit(self.injected + timedelta(seconds=number), "production", None, 0.0, TURNED_AWAY)


class RecordedIncident(Incident):
    """An incident that is judged once, at once."""

    def told(self, *, within_seconds: float = 0.0) -> dict[str, str]:
        """What the check needs."""
        return super().told(within_seconds=within_seconds)


def incident(root: Path, folder: Path, day: str, seed: int = 1) -> RecordedIncident:
    """A day's incident after its cause was put in place, between two harmless releases; its record is in ``folder``."""
    cause, random = CAUSES[day], Random(seed)
    shop = RecordedShop(root, cause.environments)
    harmless(shop, random)
    injected = datetime.now(UTC)
    cause.strike(shop, random)
    struck = datetime.now(UTC)
    harmless(shop, random)
    shop.recorded = pd.DataFrame({"ts": [pd.Timestamp(struck)], "error": ["Access denied for user 'shop'"]})
    return RecordedIncident(
        id=f"{day}-{seed}",
        lesson=cast(Any, SimpleNamespace(stack=stack(folder))),
        cause=cause,
        seed=seed,
        shop=shop,
        visitors=cast(Any, RecordedVisitors(shop, injected)),
        _watch=cast(Any, SimpleNamespace(frames=_frames(shop, struck))),
        _block=ExitStack(),
        record=Record(f"{day}-{seed}", day, seed, injected, injected),
    )


def stack(folder: Path) -> Any:
    """A stack of which only the place of the session's files is known."""
    return SimpleNamespace(session=SimpleNamespace(ledger=SimpleNamespace(path=folder / "ledger.jsonl")))


def _frames(shop: RecordedShop, moment: datetime) -> Tables:
    """What was watched: a throttled container, a failing dependency and probe, a kill for want of memory."""
    hanging = next((name for name, state in shop.gateways.states.items() if state != OPEN), "redis")
    suffering = next((name for name in shop.environments if not shop.serves(name)), "production")
    health = [Health(moment, suffering, what, "fail") for what in ("/readyz", hanging)]
    resources = [{"time": pd.Timestamp(moment), "container": suffering, "throttled_percent": 80.0}]
    events = [{"time": pd.Timestamp(moment), "container": suffering, "what": "oom"}]
    return Tables(health=frame(Health, health), resources=pd.DataFrame(resources), events=pd.DataFrame(events))
