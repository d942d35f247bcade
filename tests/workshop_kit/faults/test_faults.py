"""Faults on the real stack: each shows from outside while it is in force, and leaves no trace; and load."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, cast

import pandas as pd
import pytest

from tests.workshop_kit.faults.conftest import ORDER, Shop
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.faults import active_fault
from workshop_kit.faults.handlers import find_proxy
from workshop_kit.faults.injection import fault
from workshop_kit.faults.load import load
from workshop_kit.observe.logs import read_container
from workshop_kit.patience import wait_for

Answer = Callable[[Shop], bool]


def failed(shop: Shop) -> bool:
    """Orders are answered with 503; one that hangs has no status."""
    return all(shop.order().status == 503 for _ in range(2))


def slow(shop: Shop) -> bool:
    """Orders take half a second and more, or longer than the service's time limit."""
    shop.order()  # finds that its old connections are gone
    replies = [shop.order() for _ in range(2)]
    return all(reply.seconds > 0.5 for reply in replies)


def more(name: str, effect: Answer, **parameters: Any) -> Any:
    """A fault whose mechanism another case shows as well."""
    return pytest.param(name, parameters, effect, marks=pytest.mark.long, id=f"{name} {parameters}")


@pytest.mark.parametrize(
    ("name", "parameters", "effect"),
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
    shop: Shop, name: str, parameters: dict[str, Any], effect: Answer
) -> None:
    """Orders suffer, the service itself stays alive, and after the block all is as before."""
    before = shop.state()
    with fault(name, shop.stack, "master-db", **parameters) as injected:
        assert effect(shop)
        assert shop.get("/livez").status == 200
        assert injected.ended is None
    assert injected.ended is not None
    assert injected.ended > injected.started
    assert name in str(injected)
    assert shop.state() == before
    assert shop.recovers()
    assert active_fault.find(shop.stack.session) == []


def established(shop: Shop, service: str, end: int) -> set[str]:
    """The local (1) or remote (2) ends, ADDRESS:PORT in hex, of the TCP connections that a container holds open."""
    listing: bytes = shop.stack.container(service).exec_run(["cat", "/proc/net/tcp"]).output
    rows = [line.split() for line in listing.decode().splitlines()[1:]]
    return {row[end] for row in rows if row[3] == "01"}


def test_a_fault_leaves_the_database_no_dead_connections(shop: Shop) -> None:
    """MariaDB drops connections that lost their other end to a fault; else they add up to its max_connections."""
    with fault("latency", shop.stack, "master-db", latency_ms=300):
        assert slow(shop)
    assert shop.recovers()
    holders = ("service", "replica-db", "master-db")  # the last one is its own health check's client
    assert wait_for(
        lambda: established(shop, "master-db", 2) <= set().union(*(established(shop, holder, 1) for holder in holders)),
        40,
    )


def test_a_slow_close_is_heard_late(shop: Shop) -> None:
    """Redis hangs up at once when asked to; who is connected through the proxy hears of it later."""
    hang_up = (
        "import socket,time; s=socket.create_connection(('redis',6379)); t=time.monotonic();"
        "s.sendall(b'QUIT\\r\\n'); r=s.makefile('rb').read(); print(time.monotonic()-t)"
    )

    def seconds() -> float:
        service = shop.stack.container("service")
        # A busy engine may lose the output of a command.
        return float(wait_for(lambda: service.exec_run(["/venv/bin/python", "-c", hang_up]).output, 60))

    with fault("slow_close", shop.stack, "redis", pause_ms=1500):
        late = seconds()
    assert late >= 1.5
    assert seconds() < late


@pytest.mark.parametrize(
    ("ending", "lasting", "is_nested"),
    [
        (("pause", {}), ("kill", {}), False),
        (("limits", {"cpus": 0.2}), ("limits", {"cpus": 0.1}), False),
        (("latency", {}), ("disconnect", {}), False),
        (("down", {}), ("latency", {}), True),
    ],
    ids=["pause+kill", "limits+limits", "latency+disconnect", "latency+down nested"],
)
def test_two_faults_on_one_target_end_in_any_order(shop: Shop, ending: Any, lasting: Any, is_nested: bool) -> None:
    """After the end of one the target is as if the other were alone; after both, all is as before."""
    before = shop.state()
    with fault(lasting[0], shop.stack, "redis", **lasting[1]):
        alone = shop.state()
    assert alone != before
    with ExitStack() as outer, ExitStack() as inner:
        both = (lasting, ending) if is_nested else (ending, lasting)
        for block, (name, parameters) in zip((outer, inner), both, strict=True):
            block.enter_context(fault(name, shop.stack, "redis", **parameters))
        (inner if is_nested else outer).close()
        assert shop.state() == alone
    assert shop.state() == before
    assert shop.recovers()


@pytest.mark.long
def test_no_proxy_outlives_its_target(live_stack: Stack) -> None:
    """The target is made anew during the fault: the end removes the proxy and leaves the new target alone."""
    stack = live_stack
    with fault("latency", stack, "redis", latency_ms=10):
        redis = stack.container("redis")
        assert find_proxy(stack.session, redis.id)
        redis.remove(force=True)
        stack.up()
        made_anew = stack.container("redis").attrs
    assert find_proxy(stack.session, redis.id) is None
    assert active_fault.find(stack.session) == []
    now = stack.container("redis").attrs
    assert (now["Id"], now["NetworkSettings"]) == (made_anew["Id"], made_anew["NetworkSettings"])
    assert Shop(stack).recovers()


def test_a_target_must_run(shop: Shop) -> None:
    """One sentence each: not there, not running, no name that a proxy could take."""
    with pytest.raises(WorkshopError, match="no container 'postgres'"):
        fault("pause", shop.stack, "postgres").__enter__()
    with (
        fault("disconnect", shop.stack, "redis"),
        pytest.raises(WorkshopError, match="No proxy can stand before redis"),
    ):
        fault("latency", shop.stack, "redis").__enter__()
    with fault("kill", shop.stack, "redis"), pytest.raises(WorkshopError, match=r"is not running \(exited\)"):
        fault("pause", shop.stack, "redis").__enter__()


def test_slow_answers_do_not_slow_the_load(shop: Shop) -> None:
    """Every request is sent on schedule while the database hangs, and answered."""
    with (
        fault("pause", shop.stack, "master-db") as injected,
        load(shop.stack, request="POST /orders", json=ORDER, rate_per_second=10, seconds=3) as sending,
    ):
        assert sending.wait_ended(within_seconds=60) == 0

    def orders() -> pd.DataFrame:
        lines = read_container(shop.stack.container("service"))
        return lines[(lines["method"] == "POST") & (lines["ts"] > injected.started)]

    assert wait_for(lambda: len(orders()) >= 28, 60)  # the engine may receive lines late
    assert len(orders()) <= 31
    assert (orders()["status"] == 503).all()


def test_a_wrong_plan_of_load_is_refused() -> None:
    """The address is always the service's; rate and time have limits."""
    for plan in (
        {"request": "GET http://example.org/"},
        {"request": "GET /\n"},
        {"rate_per_second": 301},
        {"seconds": 0},
    ):
        with pytest.raises(WrongUsage, match=r"is no method and path|is a whole number from 1 to"):
            load(cast(Any, None), **cast(Any, plan))
