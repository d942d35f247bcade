"""Random sequences of faults, the same for the same seed, and what must hold after any of them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx

from workshop_kit.disturb.catalog import FAULTS
from workshop_kit.disturb.journal import Journal
from workshop_kit.disturb.targets import snapshot
from workshop_kit.engine.labels import SCOPE, SESSION
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.game.desk.stage import Stage

WELL_WITHIN_SECONDS = 60.0  # mostly a tenth of it
TARGETS = ("service", "master-db", "replica-db", "redis")
LIMITS = (
    {"cpus": 0.05},
    {"cpus": 0.3},
    {"memory_mib": 6},
    {"memory_mib": 20},
    {"memory_mib": 45, "cpus": 0.1},
    {"memory_mib": 60},
)
GRADES: dict[str, tuple[dict[str, Any], ...]] = {
    "limits": LIMITS,
    "stop": ({"grace_seconds": 1}, {"grace_seconds": 5}),
    "latency": ({"latency_ms": 50.0}, {"latency_ms": 900.0, "jitter_ms": 300.0}),
    "reset": ({"after_ms": 0.0}, {"after_ms": 200.0}),
    "half_open": ({}, {"backlog_full": True}),
    "bandwidth": ({"kib_per_second": 0.5}, {"kib_per_second": 20.0}),
}


@dataclass(frozen=True)
class Act:
    """One thing that a presenter does: strike (``seconds``: for so long), or undo the fault struck ``nth``."""

    fault: str = ""
    target: str = ""
    grade: tuple[tuple[str, Any], ...] = ()
    seconds: float | None = None
    nth: int = -1
    pause_seconds: float = 0.0


def sequence(seed: int) -> Iterator[Act]:
    """Three to eight faults, several on one target, some ending by themselves, some undone in between."""
    random = Random(seed)
    targets = random.sample(TARGETS, random.choice([1, 2, 4]))
    for struck in range(random.randint(3, 8)):
        pause = random.choice([0.0, 0.0, 0.3, 2.0])
        if struck and random.random() < 0.2:
            yield Act(nth=random.randrange(struck), pause_seconds=pause)
        name = random.choice(list(FAULTS))
        grade = random.choice(GRADES.get(name, ({},)))
        yield Act(name, random.choice(targets), tuple(grade.items()), random.choice([None, None, 0.5, 3.0]), -1, pause)


def play(stage: Stage, seed: int) -> list[str]:
    """Do a sequence; return what was done. What cannot be (a target that is down already) is a sentence, no error."""
    done: list[str] = []
    ids: list[str] = []
    for act in sequence(seed):
        if act.nth >= 0:
            undone = bool(ids) and bool(ids[act.nth % len(ids)]) and stage.force.undo(ids[act.nth % len(ids)])
            done.append(f"undo {act.nth}: {undone}")
        else:
            identifier = ""
            try:
                identifier = stage.strike(act.fault, act.target, dict(act.grade), act.seconds)
                done.append(f"{act.fault} of {act.target} {dict(act.grade)} for {act.seconds}")
            except WorkshopError as error:
                done.append(f"{act.fault} of {act.target}: {error}")
            ids.append(identifier)
        time.sleep(act.pause_seconds)
    return done


def states(stack: Stack) -> dict[str, Any]:
    """Every container: which it is, its networks and its limits."""
    return {name: (one.id, snapshot(one)) for name, one in stack.containers().items()}


def is_well(stack: Stack) -> bool:
    """Everything runs and is healthy, the service finds all it depends on, and an order is placed."""
    if any((one.status, one.health) != ("running", "healthy") for one in stack.containers().values()):
        return False
    with contextlib.suppress(httpx.HTTPError, WorkshopError), httpx.Client(trust_env=False, timeout=5) as web:
        url = stack.url()
        health, ready = web.get(f"{url}/health"), web.get(f"{url}/readyz")
        order = web.post(f"{url}/orders", json={"item": "tea", "quantity": 1})
        found = (health.status_code, health.json()["status"], ready.status_code, order.status_code)
        return found == (200, "pass", 200, 201)
    return False


def holds_after(stage: Stage, seed: int, before: dict[str, Any]) -> None:
    """After a sequence, `undo_all` makes everything well in time, and nothing of ours is left."""
    done = play(stage, seed)
    began = time.monotonic()
    stage.undo_all()
    while not is_well(stage.stack):
        waited = time.monotonic() - began
        assert waited < WELL_WITHIN_SECONDS, "\n".join([*done, *map(str, stage.services())])
        time.sleep(0.2)
    session = stage.stack.session
    assert Journal(session).entries() == [], done
    mine = {"label": [f"{SESSION}={session.who.session}", f"{SCOPE}=kernel"]}
    assert session.engine.client.containers.list(all=True, filters=mine, ignore_removed=True) == [], done
    assert states(stage.stack) == before, done
    assert stage.force.problems == [], done
