"""Backing services beside a clone: clones of a compose project's containers, with empty volumes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence

from workshop_kit.audit import clones
from workshop_kit.audit.targets import Target
from workshop_kit.engine import mounted_files
from workshop_kit.engine.containers import Running
from workshop_kit.engine.labels import COMPOSE_SERVICE
from workshop_kit.engine.session import Session

HEALTHY_SECONDS = 30.0


@contextlib.contextmanager
def bring_up(session: Session, services: Sequence[Target], network: str) -> Iterator[None]:
    """Start a clone of each service under its compose name and wait until all are healthy; remove them at the end."""
    with contextlib.ExitStack() as stack:
        started = []
        for target in services:
            assert target.container is not None  # noqa: S101 - only containers are named by a project
            environment = dict(pair.split("=", 1) for pair in target.config.get("Env") or () if "=" in pair)
            name = (target.config.get("Labels") or {}).get(COMPOSE_SERVICE) or target.name
            copies = stack.enter_context(
                mounted_files.copied(session, target.image["Id"], mounted_files.read(session, target.container))
            )
            made = clones.make(session, clones.recipe(target, environment, network, copies, aliases=(name,)))
            started.append(stack.enter_context(made))
            made.container.start()
        deadline = time.monotonic() + HEALTHY_SECONDS
        while time.monotonic() < deadline and not all(map(_settled, started)):
            time.sleep(0.1)
        yield


def _settled(running: Running) -> bool:
    state = running.inspect()["State"]
    health = (state.get("Health") or {}).get("Status")
    return state["Status"] in {"exited", "dead"} or health in {None, "healthy"}
