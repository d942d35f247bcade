"""Health over real databases that fail in every way: truthful, soon, from one check, and well again without help."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.workshop_app import probes
from tests.workshop_app.probes import FAULTS, probe, wait_ready
from workshop_kit.engine import containers
from workshop_kit.engine.spec import like
from workshop_kit.engine.stack import Stack

pytestmark = [pytest.mark.engine, pytest.mark.long]

HEALTH_SECONDS, LIVE_SECONDS = 1.0, 0.1
PROBES, ROUNDS = 10, 3
"""A busy machine delays one round of probes; a service that waits for its dependency delays all of them."""
NO_ORDER = 2_000_000_000
"""The replica does not have it, so the master is asked."""


@pytest.fixture
def ready_stack(stack: Stack) -> Iterator[Stack]:
    """The running stack, ready before and after."""
    wait_ready(stack.url())
    yield stack
    wait_ready(stack.url())


@pytest.mark.parametrize("name", FAULTS)
def test_health_is_truthful_and_soon(ready_stack: Stack, name: str) -> None:
    """In nine faults /health and /readyz are 503 within a second, and /livez 200 within 100 ms (p99)."""
    slowest: list[tuple[float, float]] = []
    with FAULTS[name](ready_stack) as url:
        probes.wait_until(lambda: probe(url, "/readyz").status == 503, "readiness says no")
        while len(slowest) < ROUNDS:
            found = probes.probe_paths(url, PROBES)
            assert {path: {one.status for one in answers} for path, answers in found.items()} == {
                "/health": {503},
                "/readyz": {503},
                "/livez": {200},
            }
            slowest.append((probes.slowest_seconds(found["/health"]), probes.p99_seconds(found["/livez"])))
            if slowest[-1][0] <= HEALTH_SECONDS and slowest[-1][1] <= LIVE_SECONDS:
                return
    pytest.fail(f"/health and /livez took, in seconds: {slowest}")


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
