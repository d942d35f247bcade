"""Fault proxies between one trial and its dependencies: each can hang or refuse for that trial alone.

The stack is shared by checks that run at the same time, so a check never pauses or stops a part of it. A proxy is a
container of its own; the trial's settings name the proxies as hosts.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from workshop_kit.engine import containers, recipes
from workshop_kit.engine.containers import Running
from workshop_kit.engine.labels import COLLECT
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.stack import Stack
from workshop_kit.faults.handlers import PROXY_MEMORY_BYTES, PROXY_PROGRAM

OPEN, HANGS, REFUSES = "open", "half_open", "down"
"""The states of a proxy: it passes bytes; it accepts connections and never answers; it refuses and resets them."""

VARIABLES = {"master-db": "MASTER_DB_HOST", "replica-db": "REPLICA_DB_HOST", "redis": "REDIS_HOST"}
"""The dependencies of the service, and the variable with the host of each."""
PORTS = {"master-db": 3306, "replica-db": 3306, "redis": 6379}


@dataclass(frozen=True)
class DependencyProxies:
    """The proxies of one trial, by the name of the dependency behind each."""

    proxies: Mapping[str, Running]
    states: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The settings that make a trial connect to the proxies."""
        return {VARIABLES[name]: proxy.id[:12] for name, proxy in self.proxies.items()}

    def set(self, **states: str) -> None:
        """Set the state of some proxies (``redis=HANGS``, ``master_db=OPEN``), and open all others.

        Raises WorkshopError if a proxy does not take its state.
        """
        wanted = {name.replace("_", "-"): state for name, state in states.items()}
        for name, proxy in self.proxies.items():
            state = wanted.get(name, OPEN)
            if self.states.get(name, OPEN) != state:
                _tell(proxy, state)
            self.states[name] = state

    def wait_open(self) -> None:
        """Wait until every proxy has started and is open."""
        for proxy in self.proxies.values():
            _tell(proxy, OPEN)


@contextlib.contextmanager
def start_proxies(stack: Stack, *names: str) -> Iterator[DependencyProxies]:
    """Start an open proxy for each of these dependencies; remove them at the end of the block. The stack must be up."""
    with contextlib.ExitStack() as started:
        yield DependencyProxies(
            {name: started.enter_context(containers.run(stack.session, _spec(stack, name))) for name in names}
        )


def _spec(stack: Stack, name: str) -> Spec:
    return Spec(
        recipes.tags(stack.root)["fault_proxy"],
        command=("serve", name, str(PORTS[name])),
        network=f"{stack.project}_default",
        memory_bytes=PROXY_MEMORY_BYTES,
        labels={COLLECT: "no"},
    )


def _tell(proxy: Running, state: str) -> None:
    """Set the state of a proxy; retry while it starts."""
    faults = {OPEN: [], HANGS: [{"name": HANGS, "backlog_full": False}], REFUSES: [{"name": REFUSES}]}[state]
    words = (*PROXY_PROGRAM, "tell", json.dumps(faults))
    proxy.wait_until(lambda: proxy.exec(*words).exit_code == 0, what="take the fault")
