"""The service with its real databases: orders survive, faults are bounded, recovery needs no restart."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.workshop_app.probes import PATIENCE_SECONDS, wait_until
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.faults.injection import fault

pytestmark = pytest.mark.engine

NO_ORDER = "/orders/9000000000000000000"


class Client:
    """An HTTP client that follows the service to a new port."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._http = httpx.Client(timeout=PATIENCE_SECONDS, trust_env=False)

    def get(self, path: str) -> httpx.Response:
        """GET."""
        return self._http.get(self.stack.url() + path)

    def place(self, item: str = "tea", **headers: str) -> httpx.Response:
        """Place an order."""
        return self._http.post(self.stack.url() + "/orders", json={"item": item, "quantity": 3}, headers=headers)

    def wait_ready(self) -> None:
        """Return once every dependency answers."""
        self.until(lambda: self.get("/health").json()["status"] == "pass", "all dependencies answer")

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Poll; failed connections and error answers count as not yet."""

        def held() -> bool:
            try:
                return holds()
            except (httpx.TransportError, httpx.HTTPStatusError):
                return False

        wait_until(held, what)

    def orders(self) -> list[dict[str, Any]]:
        """The latest orders."""
        found: list[dict[str, Any]] = self.get("/orders").raise_for_status().json()
        return found

    def log(self) -> list[dict[str, Any]]:
        """The service's log so far, parsed; fails on a line that is not JSON."""
        text: bytes = self.stack.container("service").logs()
        return [json.loads(line) for line in text.split(b"\n")[:-1]]


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    """A client of the service, which finds all its dependencies before the test and after it."""
    client = Client(stack)
    client.wait_ready()
    yield client
    client.wait_ready()


def test_order_is_placed_and_read(client: Client) -> None:
    """201, found at its Location, then in the cache and in the list; one id leads to all lines of the request."""
    item, request_id = "Grüner Tee 🍵 '; DROP TABLE orders; --", uuid.uuid4().hex
    placed = client.place(item, **{"X-Request-ID": request_id})
    assert placed.status_code == 201
    order, where = placed.json(), placed.headers["location"]
    assert (order["item"], order["quantity"]) == (item, 3)
    assert client.get(where).json() == order
    client.until(lambda: client.get(where).headers["x-cache"] == "hit", "it is in the cache")
    client.until(lambda: order in client.orders(), "the replica has it, too")
    assert client.get(NO_ORDER).json() == {"error": "There is no order 9000000000000000000."}
    lines = {line["msg"]: line for line in client.log() if line.get("request_id") == request_id}
    assert {"order placed", "request"} <= set(lines)
    assert (lines["request"]["route"], lines["request"]["status"]) == ("/orders", 201)
    assert 0 < lines["request"]["master_db_ms"] <= lines["request"]["duration_ms"]
    assert "replica_db_ms" not in lines["request"]  # it was not asked


@pytest.mark.parametrize("how", ["pause", pytest.param("kill", marks=pytest.mark.long)])
def test_without_the_master(client: Client, how: str) -> None:
    """Orders are read, not placed; alive, not ready; health and log name the master; then it recovers."""
    kept = client.place()
    client.until(lambda: kept.json() in client.orders(), "the replica has it, too")
    with fault(how, client.stack, "master-db"):
        refused = client.place()
        assert (refused.status_code, set(refused.json())) == (503, {"error"})
        assert "master" not in refused.text
        client.until(lambda: kept.json() in client.orders(), "the replica answers")
        assert client.get(NO_ORDER).status_code == 503  # only the master knows
        client.until(lambda: client.get("/readyz").status_code == 503, "readiness says no")
        client.until(
            lambda: client.get("/health").json().get("output") == "no answer from master-db", "health names it alone"
        )
        assert client.get("/livez").status_code == 200
    client.wait_ready()
    assert client.place().status_code == 201
    changes = [
        line["msg"]
        for line in client.log()
        if line.get("dependency") == "master-db" and line["msg"].startswith("dependency ")
    ]
    assert changes[-2:] == ["dependency down", "dependency up"]


@pytest.mark.parametrize("how", ["kill", pytest.param("pause", marks=pytest.mark.long)])
def test_without_the_replica(client: Client, how: str) -> None:
    """Orders are placed, and read from the master; the service stays ready with a warning."""
    with fault(how, client.stack, "replica-db"):
        placed = client.place()
        assert placed.status_code == 201
        assert client.orders()[0] == placed.json()
        client.until(lambda: client.get("/health").json().get("output") == "no answer from replica-db", "health warns")
        health = client.get("/health")
        assert (health.status_code, health.json()["status"]) == (200, "warn")
        assert client.get("/readyz").status_code == 200
    assert any(line["msg"] == "replica not available" and line["level"] == "warning" for line in client.log())


@pytest.mark.parametrize("how", ["kill", pytest.param("pause", marks=pytest.mark.long)])
def test_without_redis(client: Client, how: str) -> None:
    """Every order is placed and read; the log warns; readiness is 503."""
    with fault(how, client.stack, "redis"):
        placed = client.place()
        assert placed.status_code == 201
        read = client.get(placed.headers["location"])
        assert (read.headers["x-cache"], read.content) == ("miss", placed.content)
        client.until(lambda: client.get("/readyz").status_code == 503, "readiness says no")
        assert client.get("/health").json()["output"] == "no answer from redis"
    assert any(line["msg"] == "cache not available" and line["level"] == "warning" for line in client.log())


def sql_as_root(container: Any, statement: str) -> None:
    """Run a statement as administrator."""
    code, output = container.exec_run(["mariadb", "--execute", statement], user="0")
    assert code == 0, output


@pytest.mark.long
def test_a_replica_that_is_behind(client: Client) -> None:
    """A new order is found at once, also without the cache."""
    replica = client.stack.container("replica-db")
    sql_as_root(replica, "STOP SLAVE SQL_THREAD")
    try:
        with fault("kill", client.stack, "redis"):
            placed = client.place()
            found = client.get(placed.headers["location"])
            assert (found.status_code, found.content) == (200, placed.content)
            client.until(lambda: placed.json() not in client.orders(), "the replica answers")
    finally:
        sql_as_root(replica, "START SLAVE SQL_THREAD")
    client.until(lambda: placed.json() in client.orders(), "the replica has caught up")


@pytest.mark.long
def test_stalling_cache_never_mixes_up_orders(client: Client) -> None:
    """A read given up halfway must not leave its answer lying in the connection for the next reader."""
    orders = [client.place(f"mix {n}").json() for n in range(8)]
    stop, wrong, good = threading.Event(), list[Any](), set[int]()

    def read(order: dict[str, Any]) -> None:
        own = Client(client.stack)
        while not stop.is_set():
            found = own.get(f"/orders/{order['id']}")
            if found.status_code == 200 and found.json() == order:
                good.add(order["id"])
            elif found.status_code != 503:  # that it may say while it is stalled
                wrong.append(found.json())

    with ThreadPoolExecutor(len(orders)) as pool:
        for order in orders:
            pool.submit(read, order)
        for _ in range(2):
            with fault("pause", client.stack, "redis"):
                wait_until(lambda: client.get("/readyz").status_code == 503, "readiness says no")
            client.wait_ready()
        stop.set()
    assert wrong == []
    assert good == {order["id"] for order in orders}


@pytest.mark.long
def test_no_placed_order_is_lost_by_a_restart(client: Client) -> None:
    """Every order that got a 201 before or during SIGTERM is found afterwards; later ones do not fail."""
    stop, placed = threading.Event(), list[httpx.Response]()

    def order() -> None:
        own = Client(client.stack)
        while not stop.is_set():
            try:
                response = own.place()
            except (httpx.TransportError, WorkshopError):  # nothing listens, or there is no port
                continue
            if response.status_code == 201:
                placed.append(response)

    with ThreadPoolExecutor(2) as pool:
        for _ in range(2):
            pool.submit(order)
        wait_until(lambda: len(placed) >= 20, "orders are placed")
        client.stack.container("service").restart()
        client.wait_ready()
        stop.set()
    for response in placed:
        assert client.get(response.headers["location"]).content == response.content
    client.stack.container("master-db").restart()
    client.until(lambda: client.place().status_code == 201, "orders are placed again")
    with ThreadPoolExecutor(5) as pool:
        assert {r.status_code for r in pool.map(lambda _: client.place(), range(10))} == {201}
