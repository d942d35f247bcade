"""Health over real databases that fail in every way: truthful, soon, from one check, and well again without help."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.workshop_app import probing
from tests.workshop_app.probing import FAULTS, probe, wait_ready
from workshop_kit.engine import containers
from workshop_kit.engine.spec import like
from workshop_kit.engine.stack import Stack

pytestmark = [pytest.mark.engine, pytest.mark.long]

HANGS_SECONDS = 10.0  # the service aims for one; benchmarks/health has the figures
PROBES = 5
DIFFERENT = ("refusing", "slow", "wrong password", "half open", "two at once")
NO_ORDER = 2_000_000_000
"""The replica does not have it, so the master is asked."""


@pytest.fixture
def ready_stack(stack: Stack) -> Iterator[Stack]:
    """The running stack, ready before and after."""
    wait_ready(stack.url())
    yield stack
    wait_ready(stack.url())


@pytest.mark.parametrize("name", DIFFERENT)
def test_health_is_truthful(ready_stack: Stack, name: str) -> None:
    """Whatever a critical dependency does, probes get their answer; liveness does not care; then it is over."""
    with FAULTS[name](ready_stack) as url:
        probing.wait_until(lambda: probe(url, "/readyz").status == 503, "readiness says no")
        found = probing.probes(url, PROBES)
    assert {one.status for one in found["/health"]} == {503}
    assert {one.status for one in found["/readyz"]} == {503}
    assert {one.status for one in found["/livez"]} == {200}
    slowest = {path: probing.slowest_seconds(one) for path, one in found.items()}
    assert max(slowest.values()) < HANGS_SECONDS, slowest


def test_it_stops_while_dependencies_hang(stack: Stack) -> None:
    """SIGTERM with open connections to databases that answer nothing any more, and requests waiting for them."""
    with containers.run(stack.session, like(stack.container("service"))) as running, ThreadPoolExecutor(4) as pool:
        url = running.url()
        running.wait_ready(within_seconds=60)
        with FAULTS["two at once"](stack):
            waiting = [pool.submit(probe, url, f"/orders/{NO_ORDER}") for _ in range(4)]
            time.sleep(1)  # under way, and with two seconds still to wait
            running.stop(timeout_seconds=30)
            ended = running.wait_ended()
            assert {one.result().status for one in waiting} == {503}
        assert ended.code == 0
    wait_ready(stack.url())
