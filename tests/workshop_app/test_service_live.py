"""The service with its real databases: orders survive, health tells the truth in time, recovery needs no restart."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.conftest import like
from tests.workshop_app import probes
from tests.workshop_app.probes import FAULTS, PATIENCE_SECONDS, probe, wait_answer, wait_ready
from workshop_kit.engine import containers
from workshop_kit.engine.stack import Stack
from workshop_kit.faults.injection import fault
from workshop_kit.observe import http

ORDER = {"item": "tea", "quantity": 1}
NO_ORDER = "/orders/900000000000000000"
"""The replica does not have it, so the master is asked."""
HEALTH_SECONDS = 1.0
LIVE_SECONDS = 0.1
ORDER_SECONDS = 2.5
PROBES = 10
ROUNDS = 3
"""A busy machine delays one round of probes; a service that waits for its dependency delays all of them."""


class Client:
    """An HTTP client that follows the service to a new port."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._http = httpx.Client(timeout=PATIENCE_SECONDS, trust_env=False)

    def get(self, path: str) -> httpx.Response:
        """GET."""
        return self._http.get(self.stack.url() + path)

    def place(self) -> httpx.Response:
        """Place an order."""
        return self._http.post(self.stack.url() + "/orders", json=ORDER)

    def wait_ready(self) -> None:
        """Return once every dependency answers."""
        wait_answer(lambda: self.get("/health").json()["status"] == "pass")

    def wait_replicated(self, placed: httpx.Response) -> None:
        """Wait until an order is among the latest."""
        wait_answer(lambda: placed.json() in self.get("/orders").raise_for_status().json())


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    """A client of the service, which finds all its dependencies before the test and after it."""
    client = Client(stack)
    client.wait_ready()
    yield client
    client.wait_ready()


@pytest.mark.parametrize(
    ("service", "how", "placed_status", "ready_status", "health"),
    [
        ("master-db", "pause", 503, 503, "fail"),
        ("replica-db", "kill", 201, 200, "warn"),
        ("redis", "kill", 201, 503, "fail"),
    ],
)
def test_without_a_dependency(
    client: Client, service: str, how: str, placed_status: int, ready_status: int, health: str
) -> None:
    """What is known is read; the service is alive; health names the dependency; then it recovers without a restart."""
    known = client.place()
    client.wait_replicated(known)
    with fault(how, client.stack, service):
        assert client.place().status_code == placed_status
        assert client.get(f"/orders/{known.json()['id']}").content == known.content
        wait_answer(lambda: client.get("/health").json()["away"] == {service: f"no answer from {service}"})
        assert client.get("/health").json()["status"] == health
        assert client.get("/readyz").status_code == ready_status
        assert client.get("/livez").status_code == 200
    client.wait_ready()
    assert client.place().status_code == 201


@pytest.mark.alone
@pytest.mark.parametrize("name", FAULTS)
def test_health_is_truthful_and_soon(client: Client, name: str) -> None:
    """In nine faults /health and /readyz are 503 within a second, and /livez 200 within 100 ms (p99)."""
    slowest: list[tuple[float, float]] = []
    with FAULTS[name](client.stack) as url:
        wait_answer(lambda: probe(url, "/readyz").status == 503)
        while len(slowest) < ROUNDS:
            answers = probes.probe_paths(url, PROBES)
            for path, status in (("/health", 503), ("/readyz", 503), ("/livez", 200)):
                assert {answer.status for answer in answers[path]} == {status}, path
            slowest.append((probes.slowest_seconds(answers["/health"]), probes.p99_seconds(answers["/livez"])))
            if slowest[-1][0] <= HEALTH_SECONDS and slowest[-1][1] <= LIVE_SECONDS:
                return
    pytest.fail(f"/health and /livez took, in seconds: {slowest}")


CUSTOMERS = 30
PAUSED_SECONDS = 6
AFTERWARDS_SECONDS = 8


def seconds_of_orders(stack: Stack) -> list[float]:
    """Place orders all the time while the master is paused and after it goes on; how long each took."""
    seconds: list[float] = []
    over = threading.Event()

    def order() -> None:
        while not over.is_set():
            answer = http.request("POST", f"{stack.url()}/orders", json_body=ORDER, timeout_seconds=PATIENCE_SECONDS)
            assert answer.status in {201, 503}, answer
            seconds.append(answer.seconds)

    with ThreadPoolExecutor(CUSTOMERS) as pool:
        customers = [pool.submit(order) for _ in range(CUSTOMERS)]
        with fault("pause", stack, "master-db"):
            time.sleep(PAUSED_SECONDS)
        time.sleep(AFTERWARDS_SECONDS)
        over.set()
    for customer in customers:
        customer.result()
    return seconds


@pytest.mark.alone
def test_no_order_takes_longer_than_its_limit(client: Client) -> None:
    """1.5 s, and what a busy machine adds: also for those that begin when the database goes on."""
    slowest: list[float] = []
    while len(slowest) < ROUNDS:
        slowest.append(max(seconds_of_orders(client.stack)))
        client.wait_ready()
        if slowest[-1] <= ORDER_SECONDS:
            return
    pytest.fail(f"The slowest order took, in seconds: {slowest}")


@pytest.mark.long
def test_it_stops_while_dependencies_hang(stack: Stack) -> None:
    """SIGTERM with open connections to databases that answer nothing any more, and requests waiting for them."""
    with containers.run(stack.session, like(stack.container("service"))) as running, ThreadPoolExecutor(4) as pool:
        url = running.url()
        running.wait_ready(within_seconds=60)
        with FAULTS["two at once"](stack):
            waiting = [pool.submit(probe, url, NO_ORDER) for _ in range(4)]
            time.sleep(1)  # under way, and with two seconds still to wait
            running.container.stop(timeout=30)
            code = running.wait_ended()
            assert {future.result().status for future in waiting} == {503}
        assert code == 0
    wait_ready(stack.url())
