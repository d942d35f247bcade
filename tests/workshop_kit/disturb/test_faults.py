"""Faults on the real stack: each is seen from outside while it lasts, and gone without a trace afterwards."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from tests.conftest import LiveStack
from tests.workshop_kit.disturb.conftest import Shop
from workshop_kit.disturb.faults import fault
from workshop_kit.disturb.journal import Journal
from workshop_kit.engine import containers
from workshop_kit.engine.labels import SERVICE, Identity
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.errors import WorkshopError, WrongUsage

pytestmark = pytest.mark.engine

Answer = Callable[[Shop], bool]
SLEEP = ("python3", "-c", "import time; time.sleep(600)")


def failed(shop: Shop) -> bool:
    """Orders fail, and say so in time instead of hanging."""
    replies = [shop.order() for _ in range(3)]
    return all(reply.status == 503 and reply.seconds < 5 for reply in replies)


def slow(shop: Shop) -> bool:
    """Orders take half a second and more, or longer than the service is willing to wait."""
    shop.order()  # finds that its old connections are gone
    return all(reply.seconds > 0.5 for reply in [shop.order() for _ in range(2)])


BROKEN = [
    ("pause", {}, failed),
    ("kill", {}, failed),
    ("stop", {"grace_seconds": 20}, failed),
    ("disconnect", {}, failed),
    ("down", {}, failed),
    ("refuse", {}, failed),
    ("reset", {}, failed),
    ("reset", {"after_ms": 100}, failed),
    ("half_open", {}, failed),
    ("half_open", {"backlog_full": True}, failed),
    ("latency", {"latency_ms": 150, "jitter_ms": 10}, slow),
    ("bandwidth", {"kib_per_second": 0.1}, slow),
    ("slicer", {"slice_bytes": 1, "pause_ms": 20}, slow),
]


@pytest.mark.parametrize(("name", "parameters", "seen"), BROKEN)
def test_a_fault_of_the_database_is_seen_and_ends(
    shop: Shop, name: str, parameters: dict[str, Any], seen: Answer
) -> None:
    """Orders suffer, the service itself stays alive, and after the block all is as before."""
    before = shop.state()
    with fault(name, shop.stack, "master-db", **parameters) as disturbance:
        assert seen(shop)
        assert shop.ask("GET", "/livez").status == 200
        assert disturbance.ended is None
    assert disturbance.ended is not None
    assert disturbance.ended > disturbance.started
    assert name in str(disturbance)
    assert shop.state() == before
    assert shop.recovers()
    assert Journal(shop.stack.session).entries() == []


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
        assert seconds() >= 1.5
    assert seconds() < 1.5


def test_the_cache_behind_latency_is_done_without(shop: Shop) -> None:
    """A slow Redis costs the service what it is willing to wait, and no order."""
    with fault("latency", shop.stack, "redis", latency_ms=5000):
        replies = [shop.order() for _ in range(3)]
        assert {reply.status for reply in replies} == {201}
        assert max(reply.seconds for reply in replies) > 0.15


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


def test_less_memory_kills_what_needs_more(session: Session, images: dict[str, str]) -> None:
    """A program that fitted before the fault and fits after it is killed during it."""
    grow = ("python3", "-c", "x = bytearray(100 * 2**20)")
    with containers.run(session, Spec(images["base"], command=SLEEP)) as running:
        assert running.exec(*grow).exit_code == 0
        with fault("limits", running, memory_mib=32):
            assert running.exec(*grow).exit_code == 137
        assert running.exec(*grow).exit_code == 0


def test_limits_only_go_down(shop: Shop) -> None:
    """More than it has is no fault, and nothing is changed."""
    with pytest.raises(WorkshopError, match=r"redis has .* for Memory, and .* is not lower"):
        fault("limits", shop.stack, "redis", memory_mib=10_000).__enter__()


def test_a_fault_names_its_target_as_people_do(session: Session, images: dict[str, str]) -> None:
    """The service that our label says, where no compose file does; without it the container's own name."""
    for labels, name in (({SERVICE: "naive"}, "naive"), ({}, None)):
        with containers.run(session, Spec(images["base"], command=SLEEP, labels=labels)) as running:
            with fault("pause", running) as disturbance:
                assert disturbance.target == (name or running.name)
            running.stop(0)
            with pytest.raises(WorkshopError, match=f"^{name or running.name} is not running"):
                fault("pause", running).__enter__()


def test_an_exception_undoes(shop: Shop) -> None:
    """Whatever ends the block ends the fault, and is passed on."""
    before = shop.state()
    with pytest.raises(ZeroDivisionError), fault("latency", shop.stack, "redis"), fault("pause", shop.stack, "redis"):
        raise ZeroDivisionError
    assert shop.state() == before
    with pytest.raises(KeyboardInterrupt), fault("disconnect", shop.stack, "redis"):
        raise KeyboardInterrupt
    assert shop.state() == before


IN_FORCE: dict[str, Callable[[dict[str, Any], list[str]], bool]] = {
    "pause": lambda attributes, _: attributes["State"]["Paused"],
    "kill": lambda attributes, _: not attributes["State"]["Running"],
    "stop": lambda attributes, _: not attributes["State"]["Running"],
    "limits": lambda attributes, _: attributes["HostConfig"]["NanoCpus"] in {100_000_000, 200_000_000},
    "disconnect": lambda attributes, _: attributes["NetworkSettings"]["Networks"] == {},
    "latency": lambda _, names: "redis" not in names,
    "down": lambda _, names: "redis" not in names,
}
PAIRS = [
    (("pause", {}), ("pause", {})),
    (("pause", {}), ("kill", {})),
    (("pause", {}), ("stop", {"grace_seconds": 1})),
    (("pause", {}), ("latency", {})),
    (("limits", {"cpus": 0.2}), ("limits", {"cpus": 0.1})),
    (("limits", {"cpus": 0.2}), ("kill", {})),
    (("disconnect", {}), ("disconnect", {})),
    (("disconnect", {}), ("kill", {})),
    (("latency", {}), ("down", {})),
    (("latency", {}), ("disconnect", {})),
    (("latency", {}), ("kill", {})),
    (("latency", {}), ("pause", {})),
]


@pytest.mark.parametrize("first_ends_first", [False, True], ids=["nested", "crossed"])
@pytest.mark.parametrize("pair", PAIRS, ids=["+".join(name for name, _ in pair) for pair in PAIRS])
def test_two_faults_on_one_target_end_in_any_order(shop: Shop, pair: Any, first_ends_first: bool) -> None:
    """The one that lasts longer stays in force when the other ends; after both nothing is left of either."""

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


def test_what_a_later_fault_stopped_stays_down(session: Session, images: dict[str, str]) -> None:
    """Killed, started by hand, stopped by another fault: only the end of the last one starts it."""
    with containers.run(session, Spec(images["base"], command=SLEEP)) as running, ExitStack() as last:
        with fault("kill", running):
            running.container.start()
            last.enter_context(fault("stop", running, grace_seconds=0))
        assert not running.inspect()["State"]["Running"]
        last.close()
        assert running.inspect()["State"]["Running"]


def test_the_proxy_serves_all_faults_of_its_target(shop: Shop) -> None:
    """Two network faults are one container, and both are felt."""
    with fault("latency", shop.stack, "master-db", latency_ms=100):
        shop.order()
        one = shop.order().seconds
        with fault("latency", shop.stack, "master-db", latency_ms=200):
            assert len({entry.proxy for entry in Journal(shop.stack.session).entries()}) == 1
            both = shop.order().seconds
    assert one > 0.3
    assert both > 0.9


def test_bringing_the_stack_up_does_not_end_a_fault(live_stack: LiveStack, shop: Shop) -> None:
    """Compose finds nothing to do while a proxy stands in: the same containers, the fault in force."""
    with fault("latency", shop.stack, "master-db", latency_ms=30):
        before = shop.state()
        live_stack.stack.up()
        assert shop.state() == before
        shop.order()
        assert shop.order().seconds > 0.1


def test_a_target_that_is_gone_is_fine(session: Session, images: dict[str, str]) -> None:
    """Removed in mid-fault: nothing to restore, no line in the journal."""
    with (
        containers.run(session, Spec(images["base"], command=SLEEP)) as running,
        fault("pause", running),
        fault("limits", running, cpus=0.1),
    ):
        running.remove()
    assert Journal(session).entries() == []


def test_no_proxy_outlives_its_target(live_stack: LiveStack) -> None:
    """The target is removed and made anew in mid-fault: the proxy goes at the end, the new target is left alone."""
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


def test_faults_touch_nothing_of_others(shop: Shop, session: Session, images: dict[str, str]) -> None:
    """No labels, labels of another session, forged labels: refused in a sentence, and not touched."""
    client = session.engine.client
    someone = Identity("ffffffff", "someone@else").labels("kernel")
    for labels in ({}, someone, session.who.labels("kernel")):
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
    """One sentence each: which, not there, not running, nothing to stand in for."""
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
