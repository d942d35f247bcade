"""The service over its real databases, in containers: orders survive, faults are bounded, recovery needs nobody."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, Protocol

import httpx
import pytest

from workshop_kit.engine.stack import Stack as EngineStack

pytestmark = pytest.mark.engine

PATIENCE_SECONDS = 40
SOON_SECONDS = 6.0  # the service aims for two; a busy machine may be slower


class Stack(Protocol):
    """What the fixture ``live_stack`` offers; names are those of the services in compose.yaml."""

    @property
    def stack(self) -> EngineStack:
        """The kit's own handle."""

    @property
    def url(self) -> str:
        """Where the service answers; may change when it restarts."""

    def pause(self, name: str) -> None:
        """Freeze a container: it keeps its connections and answers nothing."""

    def unpause(self, name: str) -> None:
        """Let it go on."""

    def stop(self, name: str) -> None:
        """Stop a container: connections are refused."""

    def start(self, name: str) -> None:
        """Start it again."""

    def restart_service(self) -> None:
        """Restart the service, as an engine does: SIGTERM first."""

    def service_logs(self) -> list[str]:
        """The service's log so far, line by line."""


class Client:
    """Asks the service, wherever it answers now."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._http = httpx.Client(timeout=30, trust_env=False)

    def get(self, path: str) -> httpx.Response:
        """GET."""
        return self._http.get(self._stack.url + path)

    def post(self, path: str, json: object, headers: dict[str, str] | None = None) -> httpx.Response:
        """POST as JSON."""
        return self._http.post(self._stack.url + path, json=json, headers=headers)


@pytest.fixture
def client(live_stack: Stack) -> Iterator[Client]:
    """A client, once the service is ready; it is ready again when the test ends."""
    client = Client(live_stack)
    wait_until_ready(client)
    yield client
    wait_until_ready(client)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Poll until a condition holds; connections that fail meanwhile are fine."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"not within {PATIENCE_SECONDS} s: {what}")


def wait_until_ready(client: Client) -> None:
    """Readiness says yes."""
    wait_until(lambda: client.get("/readyz").status_code == 200, "the service is ready")


def place(client: Client, item: str = "tea", quantity: int = 1) -> httpx.Response:
    """Place an order."""
    return client.post("/orders", json={"item": item, "quantity": quantity})


def timed(call: Callable[[], httpx.Response]) -> httpx.Response:
    """An answer that came soon."""
    started = time.monotonic()
    response = call()
    assert time.monotonic() - started < SOON_SECONDS
    return response


def listed(client: Client) -> list[dict[str, Any]]:
    """The latest orders, soon; empty while they cannot be had."""
    answer = timed(lambda: client.get("/orders"))
    return list(answer.json()) if answer.status_code == httpx.codes.OK else []


def records(stack: Stack) -> list[dict[str, Any]]:
    """The service's log, parsed; fails on a line that is not JSON."""
    return [json.loads(line) for line in stack.service_logs()]


def test_order_is_placed_and_read(client: Client) -> None:
    """201, found at its Location, in the list first; text comes back as it went in."""
    item = "Grüner Tee 🍵 '; DROP TABLE orders; --"
    placed = place(client, item, 3)
    assert placed.status_code == 201
    order = placed.json()
    assert (order["item"], order["quantity"]) == (item, 3)
    assert client.get(placed.headers["location"]).json() == order
    wait_until(lambda: client.get("/orders?limit=1").json() == [order], "the replica has it, too")


def test_order_is_cached(client: Client) -> None:
    """What was just written or read comes from Redis, and is the same."""
    placed = place(client)

    def read() -> httpx.Response:
        return client.get(placed.headers["location"])

    wait_until(lambda: read().headers["x-cache"] == "hit", "it is in the cache")
    assert read().content == placed.content


def test_no_such_order(client: Client) -> None:
    """An id that nobody has is 404, not an empty answer, and is not remembered as one."""
    for _ in range(2):
        response = client.get("/orders/9000000000000000000")
        assert response.status_code == 404
        assert response.json() == {"error": "There is no order 9000000000000000000."}


def test_health_names_every_dependency(client: Client) -> None:
    """Pass, with how long each took."""
    body = client.get("/health").json()
    assert body["status"] == "pass"
    assert set(body["checks"]) == {f"{name}:responseTime" for name in ("master-db", "replica-db", "redis")}
    assert all(check[0]["observedValue"] > 0 for check in body["checks"].values())


@pytest.mark.parametrize(("break_it", "mend"), [("pause", "unpause"), ("stop", "start")])
def test_without_the_database(client: Client, live_stack: Stack, break_it: str, mend: str) -> None:
    """Orders get 503 soon, but can still be read; alive, not ready; all is well again once it is back."""
    kept = place(client)
    wait_until(lambda: kept.json() in client.get("/orders").json(), "the replica has it, too")
    getattr(live_stack, break_it)("master-db")
    try:
        refused = timed(lambda: place(client))
        assert refused.status_code == 503
        assert set(refused.json()) == {"error"}
        assert "master" not in refused.text
        wait_until(lambda: kept.json() in listed(client), "the replica answers")
        assert timed(lambda: client.get("/orders/9000000000000000000")).status_code == 503  # only the master knows
        assert timed(lambda: client.get(kept.headers["location"])).content == kept.content
        wait_until(lambda: client.get("/readyz").status_code == 503, "readiness says no")
        wait_until(
            lambda: timed(lambda: client.get("/health")).json().get("output") == "no answer from master-db",
            "health names it alone",
        )
        assert timed(lambda: client.get("/livez")).status_code == 200
    finally:
        getattr(live_stack, mend)("master-db")
    wait_until_ready(client)
    assert place(client).status_code == 201
    changes = [
        line["msg"] for line in records(live_stack) if line.get("dependency") == "master-db" and "duration_ms" in line
    ]
    assert changes[-2:] == ["dependency down", "dependency up"]


@pytest.mark.parametrize(("break_it", "mend"), [("pause", "unpause"), ("stop", "start")])
def test_without_the_replica(client: Client, live_stack: Stack, break_it: str, mend: str) -> None:
    """Everything is served, by the master; ready all the same, since it is only a warning; the log says so."""
    getattr(live_stack, break_it)("replica-db")
    try:
        placed = place(client)
        assert placed.status_code == 201
        answers = [timed(lambda: client.get("/orders?limit=1")) for _ in range(3)]
        assert [answer.json() for answer in answers] == [[placed.json()]] * 3
        wait_until(lambda: client.get("/health").json().get("output") == "no answer from replica-db", "health warns")
        health = client.get("/health")
        assert (health.status_code, health.json()["status"]) == (200, "warn")
        assert client.get("/readyz").status_code == 200
    finally:
        getattr(live_stack, mend)("replica-db")
    wait_until(lambda: client.get("/health").json()["status"] == "pass", "health passes again")
    assert any(line["msg"] == "replica not available" and line["level"] == "warning" for line in records(live_stack))


@pytest.mark.parametrize("cached", [True, False])
def test_whoever_placed_an_order_finds_it_at_once(client: Client, live_stack: Stack, cached: bool) -> None:
    """However far the replica is behind, with the cache or without: a new order is never 404."""
    replica = live_stack.stack.container("replica-db")
    sql_as_root(replica, "STOP SLAVE SQL_THREAD")
    try:
        if not cached:
            live_stack.stop("redis")
        placed = place(client)
        found = client.get(placed.headers["location"])
        assert (found.status_code, found.content) == (200, placed.content)
        # The list comes from the replica, which is behind.
        wait_until(lambda: placed.json() not in (listed(client) or [placed.json()]), "the replica answers")
    finally:
        sql_as_root(replica, "START SLAVE SQL_THREAD")
        live_stack.start("redis")
    wait_until(lambda: placed.json() in client.get("/orders").json(), "the replica has caught up")


def sql_as_root(container: Any, statement: str) -> None:
    """What only an administrator may do."""
    code, output = container.exec_run(["mariadb", "--execute", statement], user="0")
    assert code == 0, output


@pytest.mark.parametrize(("break_it", "mend"), [("pause", "unpause"), ("stop", "start")])
def test_without_redis_no_order_is_lost(client: Client, live_stack: Stack, break_it: str, mend: str) -> None:
    """Every order is placed and read all the same; the log warns; readiness tells."""
    getattr(live_stack, break_it)("redis")
    try:
        placed = [timed(lambda: place(client)) for _ in range(5)]
        assert [response.status_code for response in placed] == [201] * 5
        for response in placed:
            read = timed(lambda response=response: client.get(response.headers["location"]))  # type: ignore[misc]
            assert (read.headers["x-cache"], read.content) == ("miss", response.content)
        wait_until(lambda: client.get("/readyz").status_code == 503, "readiness says no")
        wait_until(
            lambda: client.get("/health").json().get("output") == "no answer from redis", "health names it alone"
        )
    finally:
        getattr(live_stack, mend)("redis")
    wait_until_ready(client)
    assert any(line["msg"] == "cache not available" and line["level"] == "warning" for line in records(live_stack))


def test_stalling_cache_never_mixes_up_orders(client: Client, live_stack: Stack) -> None:
    """A read given up halfway must not leave its answer lying in the connection for the next reader."""
    orders = [place(client, f"mix {n}").json() for n in range(8)]
    stop = threading.Event()
    wrong: list[Any] = []
    good: list[int] = []

    def read(order: dict[str, Any]) -> None:
        own = Client(live_stack)
        while not stop.is_set():
            found = own.get(f"/orders/{order['id']}")
            if found.status_code == 200 and found.json() == order:
                good.append(order["id"])
            elif found.status_code != 503:  # that it may say while it is stalled
                wrong.append(found.json())

    with ThreadPoolExecutor(len(orders)) as pool:
        for order in orders:
            pool.submit(read, order)
        for _ in range(4):
            live_stack.pause("redis")
            time.sleep(0.4)
            live_stack.unpause("redis")
            time.sleep(0.3)
        stop.set()
    assert wrong == []
    assert set(good) == {order["id"] for order in orders}


def test_restarted_database_fails_no_later_order(client: Client, live_stack: Stack) -> None:
    """Connections that died with it are noticed before they are used."""
    with ThreadPoolExecutor(5) as pool:
        assert {r.status_code for r in pool.map(lambda _: place(client), range(10))} == {201}
    live_stack.stop("master-db")
    live_stack.start("master-db")
    wait_until(lambda: place(client).status_code == 201, "orders are placed again")
    with ThreadPoolExecutor(5) as pool:
        assert {r.status_code for r in pool.map(lambda _: place(client), range(10))} == {201}


def test_orders_outlive_the_service(client: Client, live_stack: Stack) -> None:
    """The service keeps nothing to itself."""
    placed = place(client)
    live_stack.restart_service()
    wait_until_ready(client)
    assert client.get(placed.headers["location"]).content == placed.content


def test_no_placed_order_is_lost_by_a_restart(client: Client, live_stack: Stack) -> None:
    """Whoever got a 201 before or during SIGTERM finds the order afterwards."""
    marker, url = uuid.uuid4().hex, live_stack.url
    stop = threading.Event()
    placed: list[int] = []

    def order() -> None:
        own = Client(SimpleNamespace(url=url))  # the address before the restart
        while not stop.is_set():
            try:
                response = place(own, marker)
            except httpx.TransportError:  # nobody listens in between
                time.sleep(0.05)
                continue
            if response.status_code == 201:
                placed.append(response.json()["id"])

    with ThreadPoolExecutor(3) as pool:
        for _ in range(3):
            pool.submit(order)
        time.sleep(0.5)
        live_stack.restart_service()
        wait_until_ready(client)
        stop.set()
    assert placed
    for order_id in placed:
        found = client.get(f"/orders/{order_id}")
        assert (found.status_code, found.json()["item"]) == (200, marker)


def test_log_is_json_lines_with_the_request_id(client: Client, live_stack: Stack) -> None:
    """One id leads to all lines of a request."""
    request_id = uuid.uuid4().hex
    client.post("/orders", json={"item": "tea", "quantity": 1}, headers={"X-Request-ID": request_id})

    def found() -> list[dict[str, Any]]:
        return [line for line in records(live_stack) if line.get("request_id") == request_id]

    wait_until(lambda: len(found()) >= 2, "the lines of the request are in the log")
    lines = {line["msg"]: line for line in found()}
    assert {"order placed", "request"} <= set(lines)
    line = lines["request"]
    assert (line["route"], line["status"]) == ("/orders", 201)
    assert 0 < line["master_db_ms"] + line["redis_ms"] <= line["duration_ms"]
    assert "replica_db_ms" not in line  # it was not asked


LAG = """
import asyncio, os, sys
from workshop_app import config
from workshop_app.dependencies import Dependencies, replication_lag_seconds
async def main():
    dependencies = Dependencies.of(config.load(os.environ))
    dependencies.connect()
    print(await replication_lag_seconds(dependencies.master_db, dependencies.replica_db, float(sys.argv[1])))
    await dependencies.close()
asyncio.run(main())
"""


def test_replication_lag_is_the_truth(client: Client, live_stack: Stack) -> None:
    """Soon caught up: a small number; what does not catch up within the time given is None, not 0."""
    service, replica = (live_stack.stack.container(name) for name in ("service", "replica-db"))

    def lag(within_seconds: float) -> str:
        code, output = service.exec_run(["/venv/bin/python", "-c", LAG, str(within_seconds)])
        assert code == 0, output
        return str(output.decode().strip())

    place(client)
    assert 0 <= float(lag(10)) < 10
    sql_as_root(replica, "STOP SLAVE SQL_THREAD")
    try:
        place(client)
        assert lag(0.3) == "None"
    finally:
        sql_as_root(replica, "START SLAVE SQL_THREAD")
    assert 0 <= float(lag(10)) < 10
