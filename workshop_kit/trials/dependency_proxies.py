"""The fault proxies between one trial and its dependencies.

The stack is shared by checks that run at the same time, so a check never pauses or stops a part of it. A fault proxy is
a container of its own between one trial and a dependency; the settings of the trial name the proxies as hosts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from workshop_kit.engine import containers, recipes
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.containers import Running
from workshop_kit.engine.labels import COLLECT
from workshop_kit.engine.stack import Stack
from workshop_kit.faults.handlers import PROXY_MEMORY_BYTES, tell

Faults = Sequence[Mapping[str, Any]]
OPEN: Faults = ()
HANGS: Faults = ({"name": "half_open", "backlog_full": False},)
REFUSES: Faults = ({"name": "down"},)
"""The states of a proxy: it passes bytes; it accepts connections and never answers; it refuses and resets them."""
HOST_VARIABLES = {"master-db": "MASTER_DB_HOST", "replica-db": "REPLICA_DB_HOST", "redis": "REDIS_HOST"}
"""The dependencies of the service, and the variable with the host of each."""
TCP_TABLE = "/proc/net/tcp"
ESTABLISHED = "01"
TCP_STATISTICS = "/proc/net/snmp"
DEPENDENCY_PORTS = {"master-db": 3306, "replica-db": 3306, "redis": 6379}


@dataclass(frozen=True)
class DependencyProxies:
    """The proxies of one trial, by the name of the dependency behind each; the end of a ``with`` block removes them.

    It is a class and no generator, because a shop of game day keeps its proxies until the kernel ends: a generator
    would run its clean-up in an interpreter that is ending.
    """

    proxies: Mapping[str, Running]
    _started: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._started.close()

    @property
    def environment(self) -> dict[str, str]:
        """The settings that make a trial connect to the proxies."""
        return {HOST_VARIABLES[name]: proxy.id[:12] for name, proxy in self.proxies.items()}

    def set(self, state: Faults, *names: str) -> None:
        """Set the state of the proxies of these dependencies, and open all others; wait until each proxy takes it.

        Raises WorkshopError if a proxy does not take its state.
        """
        for dependency, proxy in self.proxies.items():
            new_state = state if dependency in names else OPEN
            tell(proxy, new_state)

    def connection_count(self) -> int:
        """Return how many connections to the dependencies are open."""
        count = 0
        for name, proxy in self.proxies.items():
            table = proxy.read("cat", TCP_TABLE)
            count += connections_in(table, DEPENDENCY_PORTS[name])
        return count

    def packet_count(self) -> int:
        """Return how many packets of TCP have come to the proxies: a service that asks a dependency sends some."""
        return sum(packets_in(proxy.read("cat", TCP_STATISTICS)) for proxy in self.proxies.values())


def start_proxies(stack: Stack, *names: str) -> DependencyProxies:
    """Start an open proxy for each of these dependencies. The stack must be up."""
    image = recipes.tags(stack.root)["fault_proxy"]
    proxies = {}
    with contextlib.ExitStack() as started:
        for name in names:
            command = ("serve", name, str(DEPENDENCY_PORTS[name]))
            spec = Spec(image, command, network=stack.network, memory_bytes=PROXY_MEMORY_BYTES, labels={COLLECT: "no"})
            proxies[name] = started.enter_context(containers.run(stack.session, spec))
        return DependencyProxies(proxies, started.pop_all())


def connections_in(table: str, port: int) -> int:
    """Return the number of open connections to a port in ``/proc/net/tcp``.

    >>> connections_in("sl local_address rem_address st\\n0: 040013AC:0CEA 030013AC:D2F0 01 00000000:00000000", 3306)
    1
    """
    count = 0
    for line in table.splitlines()[1:]:
        _, address, _, state, *_ = line.split()
        if address.endswith(f":{port:04X}") and state == ESTABLISHED:
            count += 1
    return count


def packets_in(statistics: str) -> int:
    """Return the number of packets of TCP that have come, from ``/proc/net/snmp``: a line of names, one of numbers.

    >>> packets_in("Tcp: RtoMin InSegs\\nTcp: 200 17\\nUdp: InDatagrams\\nUdp: 2")
    17
    """
    names, numbers = (line.split() for line in statistics.splitlines() if line.startswith("Tcp:"))
    return int(numbers[names.index("InSegs")])
