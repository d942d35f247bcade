"""Faults on the real stack: each shows from outside while it is in force, and leaves no trace."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from tests.conftest import LiveStack
from tests.workshop_app.probes import wait_until
from tests.workshop_kit.faults.conftest import Shop
from workshop_kit.engine import containers
from workshop_kit.engine.labels import Identity
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.faults.injection import fault
from workshop_kit.faults.journal import Journal

pytestmark = pytest.mark.engine

Answer = Callable[[Shop], bool]
SLEEP = ("python3", "-c", "import time; time.sleep(600)")


def failed(shop: Shop) -> bool:
    """Orders are answered with 503; one that hangs has no status."""
    return all(shop.order().status == 503 for _ in range(2))


def slow(shop: Shop) -> bool:
    """Orders take half a second and more, or longer than the service's time limit."""
    shop.order()  # finds that its old connections are gone
    return all(reply.seconds > 0.5 for reply in [shop.order() for _ in range(2)])


def more(name: str, seen: Answer, **parameters: Any) -> Any:
    """A fault whose mechanism another case shows as well."""
    return pytest.param(name, parameters, seen, marks=pytest.mark.long, id=f"{name} {parameters}")


@pytest.mark.parametrize(
    ("name", "parameters", "seen"),
    [
        ("pause", {}, failed),
        ("kill", {}, failed),
        ("disconnect", {}, failed),
        ("latency", {"latency_ms": 150, "jitter_ms": 10}, slow),
        more("stop", failed, grace_seconds=20),
        more("down", failed),
        more("refuse", failed),
        more("reset", failed, after_ms=100),
        more("half_open", failed),
        more("half_open", failed, backlog_full=True),
        more("bandwidth", slow, kib_per_second=0.1),
        more("slicer", slow, slice_bytes=1, pause_ms=20),
    ],
)
def test_a_fault_of_the_database_is_seen_and_ends(
    shop: Shop, name: str, parameters: dict[str, Any], seen: Answer
) -> None:
    """Orders suffer, the service itself stays alive, and after the block all is as before."""
    before = shop.state()
    with fault(name, shop.stack, "master-db", **parameters) as injected:
        assert seen(shop)
        assert shop.ask("GET", "/livez").status == 200
        assert injected.ended is None
    assert injected.ended is not None
    assert injected.ended > injected.started
    assert name in str(injected)
    assert shop.state() == before
    assert shop.recovers()
    assert Journal(shop.stack.session).entries() == []


def established(shop: Shop, service: str) -> set[tuple[str, str]]:
    """The TCP connections that the kernel of a container holds open: local and remote end, each ADDRESS:PORT in hex."""
    listing: bytes = shop.stack.container(service).exec_run(["cat", "/proc/net/tcp"]).output
    rows = [line.split() for line in listing.decode().splitlines()[1:]]
    return {(row[1], row[2]) for row in rows if row[3] == "01"}


def addresses(shop: Shop, service: str) -> set[str]:
    """A container's addresses in its networks, as /proc/net/tcp writes them."""
    networks = shop.stack.container(service).attrs["NetworkSettings"]["Networks"].values()
    return {socket.inet_aton(network["IPAddress"])[::-1].hex().upper() for network in networks}


def dead_connections(shop: Shop) -> set[tuple[str, str]]:
    """Connections of the database whose own address is gone, or which the service at the other end does not have."""
    clients = {(remote, local) for local, remote in established(shop, "service")}
    own, service = addresses(shop, "master-db"), addresses(shop, "service")
    return {
        (local, remote)
        for local, remote in established(shop, "master-db")
        if local.endswith(":0CEA")  # port 3306
        if local[:8] not in own or (remote[:8] in service and (local, remote) not in clients)
    }


def test_a_fault_leaves_the_database_no_dead_connections(shop: Shop) -> None:
    """MariaDB drops connections that lost their other end to a fault; else they add up to its max_connections."""
    with fault("latency", shop.stack, "master-db", latency_ms=300):
        assert slow(shop)
    assert shop.recovers()
    wait_until(lambda: not dead_connections(shop), "no connection is left without its other end")


def test_a_slow_close_is_heard_late(shop: Shop) -> None:
    """Redis hangs up at once when asked to; who is connected through the proxy hears of it later."""
    hang_up = (
        "import socket,time; s=socket.create_connection(('redis',6379)); t=time.monotonic();"
        "s.sendall(b'QUIT\\r\\n'); r=s.makefile('rb').read(); print(time.monotonic()-t)"
    )

    def seconds() -> float:
        said = shop.one("service").exec_run(["/venv/bin/python", "-c", hang_up])
        return float(said.output)

    with fault("slow_close", shop.stack, "redis", pause_ms=1500):
        late = seconds()
    assert late >= 1.5
    assert seconds() < late


def test_less_cpu_throttles(shop: Shop) -> None:
    """The service is throttled where it was not, and has its share back afterwards."""

    def throttled() -> int:
        stats = shop.one("service").stats(stream=False, one_shot=True)
        return int(stats["cpu_stats"]["throttling_data"]["throttled_periods"])

    burn = "import time\nwhile time.process_time() < 0.1: pass"
    with fault("limits", shop.stack, "service", cpus=0.1):
        start = throttled()
        shop.one("service").exec_run(["/venv/bin/python", "-I", "-S", "-c", burn])
        assert throttled() > start
        assert shop.one("service").attrs["HostConfig"]["NanoCpus"] == 100_000_000
    assert shop.one("service").attrs["HostConfig"]["NanoCpus"] == 1_000_000_000


IN_FORCE: dict[str, Callable[[dict[str, Any], list[str]], bool]] = {
    "pause": lambda attributes, _: attributes["State"]["Paused"],
    "kill": lambda attributes, _: not attributes["State"]["Running"],
    "limits": lambda attributes, _: attributes["HostConfig"]["NanoCpus"] in {100_000_000, 200_000_000},
    "disconnect": lambda attributes, _: attributes["NetworkSettings"]["Networks"] == {},
    "latency": lambda _, names: "redis" not in names,
    "down": lambda _, names: "redis" not in names,
}


@pytest.mark.parametrize(
    ("pair", "first_ends_first"),
    [
        ((("pause", {}), ("kill", {})), True),
        ((("limits", {"cpus": 0.2}), ("limits", {"cpus": 0.1})), True),
        ((("latency", {}), ("disconnect", {})), True),
        ((("latency", {}), ("down", {})), False),
    ],
    ids=["pause+kill", "limits+limits", "latency+disconnect", "latency+down nested"],
)
def test_two_faults_on_one_target_end_in_any_order(shop: Shop, pair: Any, first_ends_first: bool) -> None:
    """The longer one stays in force when the other ends; after both, all is as before."""

    def in_force(name: str) -> bool:
        attributes = shop.one("redis").attrs
        endpoints = attributes["NetworkSettings"]["Networks"].values()
        return IN_FORCE[name](attributes, [alias for one in endpoints for alias in one["Aliases"] or []])

    before = shop.state()
    with ExitStack() as outer, ExitStack() as inner:
        for stack, (name, parameters) in zip((outer, inner), pair, strict=True):
            stack.enter_context(fault(name, shop.stack, "redis", **parameters))
            assert in_force(name)
        ending, lasting = (outer, pair[1]) if first_ends_first else (inner, pair[0])
        ending.close()
        assert in_force(lasting[0])
        if lasting[0] == "limits":
            assert shop.one("redis").attrs["HostConfig"]["NanoCpus"] == lasting[1]["cpus"] * 1e9
    assert shop.state() == before
    assert shop.recovers()


@pytest.mark.long
def test_no_proxy_outlives_its_target(live_stack: LiveStack) -> None:
    """The target is made anew during the fault: the end removes the proxy and leaves the new target alone."""
    stack = live_stack.stack
    with fault("latency", stack, "redis", latency_ms=10):
        [entry] = Journal(stack.session).entries()
        stack.container("redis").remove(force=True)
        stack.up()
        made_anew = stack.container("redis").attrs
    assert entry.proxy not in {
        one.id for one in stack.session.engine.client.containers.list(all=True, ignore_removed=True)
    }
    assert Journal(stack.session).entries() == []
    now = stack.container("redis").attrs
    assert (now["Id"], now["NetworkSettings"]) == (made_anew["Id"], made_anew["NetworkSettings"])
    assert Shop(stack).recovers()


def test_a_container_of_another_workspace_is_not_touched(shop: Shop, session: Session, images: dict[str, str]) -> None:
    """Without labels, with those of another session, and with forged labels: one sentence."""
    client = session.engine.client
    someone = Identity("ffffffff", "someone@else").labels("kernel")
    for labels in ({}, someone, session.identity.labels("kernel")):
        foreign = client.containers.run(images["base"], SLEEP, detach=True, labels=labels, network_mode="none")
        try:
            for name in ("pause", "kill", "latency"):
                with pytest.raises(WorkshopError, match="is not a container that this workspace made"):
                    fault(name, containers.Running(session, foreign)).__enter__()
            foreign.reload()
            assert foreign.status == "running"
        finally:
            foreign.remove(force=True)
    assert Journal(session).entries() == []


def test_a_target_must_be_named_and_run(shop: Shop, session: Session, images: dict[str, str]) -> None:
    """One sentence each: not named, not there, not running, no port for a proxy."""
    with pytest.raises(WrongUsage, match="several containers"):
        fault("pause", shop.stack).__enter__()
    with pytest.raises(WorkshopError, match="no container 'postgres'"):
        fault("pause", shop.stack, "postgres").__enter__()
    with containers.run(session, Spec(images["base"], command=SLEEP)) as running:
        with pytest.raises(WrongUsage, match="is one container"):
            fault("pause", running, "redis").__enter__()
        with pytest.raises(WorkshopError, match="No proxy can stand before"):
            fault("latency", running).__enter__()
        running.stop(0)
        with pytest.raises(WorkshopError, match=r"is not running \(exited\)"):
            fault("pause", running).__enter__()
    with pytest.raises(WorkshopError, match="is gone"):
        fault("pause", running).__enter__()
