"""Doors between one trial and what it needs: each can be shut, or lead nowhere, for that trial and nobody else.

The stack is shared by checks that run at the same time, so nothing of it may be paused or stopped for one of them. A
door is the fault proxy in a container of its own; the trial is told to find its dependency there, and everybody else
goes on asking the dependency itself.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from workshop_kit.engine import containers, images
from workshop_kit.engine.containers import Running
from workshop_kit.engine.labels import COLLECT
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.stack import Stack
from workshop_kit.faults.handlers import PROXY_MEMORY_BYTES, PROXY_PROGRAM

OPEN, HANGS, REFUSES = "open", "half_open", "down"
"""How a door may be: bytes pass; connections are made and never answered; nobody listens, and open ones are reset."""

VARIABLES = {"master-db": "MASTER_DB_HOST", "replica-db": "REPLICA_DB_HOST", "redis": "REDIS_HOST"}
"""The dependencies of the service, and the variable that tells it where each is."""
PORTS = {"master-db": 3306, "replica-db": 3306, "redis": 6379}


@dataclass(frozen=True)
class Doors:
    """The doors of one trial, by the name of the dependency behind each."""

    proxies: Mapping[str, Running]
    states: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that send a trial through the doors."""
        return {VARIABLES[name]: proxy.id[:12] for name, proxy in self.proxies.items()}

    def set(self, **states: str) -> None:
        """Let these doors be so (``redis=HANGS``, ``master_db=OPEN``), and all others open.

        Raises WorkshopError if one of them does not take it.
        """
        wanted = {name.replace("_", "-"): state for name, state in states.items()}
        for name, proxy in self.proxies.items():
            state = wanted.get(name, OPEN)
            if self.states.get(name, OPEN) != state:
                _tell(proxy, state)
            self.states[name] = state

    def wait_open(self) -> None:
        """Wait until every door lets somebody through: one that has just been started listens to nobody yet."""
        for proxy in self.proxies.values():
            _tell(proxy, OPEN)


@contextlib.contextmanager
def between(stack: Stack, *names: str) -> Iterator[Doors]:
    """Put a door before each of these dependencies, open at first; gone with the block. The stack has to be up."""
    with contextlib.ExitStack() as all_of_them:
        proxies = {name: all_of_them.enter_context(containers.run(stack.session, _spec(stack, name))) for name in names}
        yield Doors(proxies)


def _spec(stack: Stack, name: str) -> Spec:
    return Spec(
        images.tags(stack.root)["fault_proxy"],
        command=("serve", name, str(PORTS[name])),
        network=f"{stack.project}_default",
        memory_bytes=PROXY_MEMORY_BYTES,
        labels={COLLECT: "no"},
    )


def _tell(proxy: Running, state: str) -> None:
    """Tell the proxy; one that has just been started listens to nobody yet, so it is told again."""
    faults = {OPEN: [], HANGS: [{"name": HANGS, "backlog_full": False}], REFUSES: [{"name": REFUSES}]}[state]
    words = (*PROXY_PROGRAM, "tell", json.dumps(faults))
    proxy.wait_until(lambda: proxy.exec(*words).exit_code == 0, what="take the fault")
