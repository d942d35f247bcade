"""The application in this process: orders, probes, metrics, limits and refusals, over dependencies made of code.

What each path answers while real dependencies are away: test_service_live.py, and the checks of lesson 04. That
requests are counted where they belong, and make few series: the check of monitoring.metrics.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from structlog.typing import EventDict

import cache
import health
from database import Database, Unavailable
from tests.workshop_app.conftest import SETTINGS, application, ask, load
from workshop_kit.observe.scrape import samples

pytestmark = pytest.mark.anyio
DEPENDENCIES = ("master-db", "replica-db", "redis")
MOST_SECONDS = 30
"""A limit for what must end; none of these tests measures time."""
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678000)
ROW = {"id": 7, "item": "tea", "quantity": 2, "created_at": MOMENT}
ORDER = {"id": 7, "item": "tea", "quantity": 2, "created_at": "2026-01-02T03:04:05.678000Z"}
NEW = b'{"item": "tea", "quantity": 2}'


class FakeDatabase:
    """A database that returns these rows, or is away."""

    def __init__(self, rows: list[dict[str, Any]] | None) -> None:
        self.rows = rows
        self.statements: list[str] = []

    async def run(self, statement: str, **_: Any) -> list[dict[str, Any]]:
        """Return the rows."""
        self.statements.append(statement)
        if self.rows is None:
            raise Unavailable("a database") from TimeoutError()
        return self.rows


class FakeRedis:
    """Redis, as a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def execute_command(self, name: str, key: str, *values: Any) -> bytes | None:
        """GET or SET."""
        if name == "SET":
            self.kept[key] = values[0]
        return self.kept.get(key)


def shop(master: list[Any] | None, replica: list[Any] | None) -> Starlette:
    """An application over databases with these rows; None is one that is away."""
    shop = application()
    shop.state.master = FakeDatabase(master)
    shop.state.replica = FakeDatabase(replica)
    shop.state.redis = FakeRedis()
    return shop


async def test_a_new_order_is_kept_for_its_customer() -> None:
    """It is answered as it was stored, with its time in UTC, and read from the cache before the replica has it."""
    app = shop(master=[ROW], replica=[])
    placed = await ask(app, "/orders", "POST", NEW)
    assert (placed.status_code, placed.json()) == (201, ORDER)
    assert "x-cache" not in placed.headers

    read = await ask(app, "/orders/7")
    assert (read.json(), read.headers["x-cache"]) == (ORDER, "hit")
    assert app.state.replica.statements == []


@pytest.mark.parametrize(
    ("replica", "master", "status", "asked"),
    [([ROW], [], 200, 0), ([], [ROW], 200, 1), (None, [ROW], 200, 1), ([], [], 404, 1), (None, None, 503, 1)],
    ids=["replica has it", "replica is behind", "replica is away", "nobody has it", "both are away"],
)
async def test_an_order_is_read_from_the_replica_else_the_master(
    replica: list[Any] | None, master: list[Any] | None, status: int, asked: int
) -> None:
    """What was read is kept; what is not there, is not."""
    app = shop(master, replica)
    answer = await ask(app, "/orders/7")
    assert answer.status_code == status
    assert "x-cache" not in answer.headers
    assert len(app.state.replica.statements) == 1
    assert len(app.state.master.statements) == asked
    assert bool(app.state.redis.kept) == (status == 200)


async def test_an_order_without_an_answer_may_have_been_placed() -> None:
    """A limit may have ended a COMMIT of which only the answer was missing; readers lose nothing."""
    app = shop(master=None, replica=None)
    placed = await ask(app, "/orders", "POST", NEW)
    assert placed.status_code == 503
    assert "The order may have been placed" in placed.json()["error"]
    read = await ask(app, "/orders")
    assert read.json() == {"error": "The database gave no answer in time. Please try again shortly."}


def database() -> Database:
    """A database whose limit is over at once."""
    return Database("master-db", load(SETTINGS).master_db, limit_seconds=0)


async def test_nobody_waits_for_a_transaction_that_cleans_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rollback on a connection that hangs takes longer than the limit; the customer has the answer before."""
    cleaned_up = asyncio.Event()
    may_end = asyncio.Event()

    async def hang(*_: Any) -> list[dict[str, Any]]:
        try:
            await asyncio.Event().wait()
        finally:
            await may_end.wait()
            cleaned_up.set()
        raise AssertionError("it was not canceled")

    database_with_rollback = database()
    monkeypatch.setattr(database_with_rollback, "transaction", hang)
    with pytest.raises(Unavailable) as caught:
        await asyncio.wait_for(database_with_rollback.run("SELECT 1"), MOST_SECONDS)
    assert isinstance(caught.value.__cause__, TimeoutError)
    assert not cleaned_up.is_set()
    may_end.set()
    await asyncio.wait_for(cleaned_up.wait(), MOST_SECONDS)


async def test_a_cache_without_an_answer_is_no_error(log_lines: list[EventDict]) -> None:
    """The cache answers None after the limit, whatever the client raises; one line says why."""
    for wrong in (hang, refuse):
        redis: Any = SimpleNamespace(execute_command=wrong)
        assert await cache.ask(redis, "GET", "order:7") is None
    assert [line["event"] for line in log_lines] == ["cache not available"] * 2


async def hang(*_: Any) -> None:
    """Give no answer."""
    await asyncio.Event().wait()


async def refuse(*_: Any) -> None:
    """Refuse."""
    raise ConnectionRefusedError("canary: 10.0.0.7:6379")


async def well() -> None:
    """Answer."""


def pinged(pings: Mapping[str, Callable[[], Awaitable[None]]], critical: str = "master-db,redis") -> Starlette:
    """An application whose dependencies do this when they are pinged; the others answer."""
    app = application(HEALTH_CRITICAL=critical)
    app.state.pings = {name: pings.get(name, well) for name in DEPENDENCIES}
    return app


@pytest.mark.parametrize(
    ("critical", "away", "status", "health", "ready"),
    [
        ("master-db,replica-db,redis", (), 200, "pass", 200),
        ("master-db,redis", ("replica-db",), 200, "warn", 200),
        ("master-db,redis", ("redis",), 503, "fail", 503),
        ("none", ("redis", "master-db"), 200, "warn", 200),
        ("replica-db", ("replica-db",), 503, "fail", 503),
    ],
)
async def test_probes_say_what_is_away(
    critical: str, away: tuple[str, ...], status: int, health: str, ready: int
) -> None:
    """Critical dependencies decide; the reason stands in the log alone; no cache keeps the answer."""
    app = pinged(dict.fromkeys(away, refuse), critical)
    answer = await ask(app, "/health")
    assert answer.status_code == status
    assert answer.json() == {"status": health, "away": {name: f"no answer from {name}" for name in sorted(away)}}
    assert answer.headers["cache-control"] == "no-store"
    assert (await ask(app, "/readyz")).status_code == ready
    assert (await ask(app, "/livez")).json() == {"status": "pass", "away": {}}


async def test_pings_run_at_once_and_end() -> None:
    """Each waits for the two others to begin: one after the other, none would end. One that hangs is away."""
    together = asyncio.Barrier(len(DEPENDENCIES))

    async def meet() -> None:
        await together.wait()

    app = pinged(dict.fromkeys(DEPENDENCIES, meet))
    assert (await ask(app, "/health")).json()["status"] == "pass"

    app = pinged(dict.fromkeys(DEPENDENCIES, hang))
    answer = await asyncio.wait_for(ask(app, "/health"), MOST_SECONDS)
    assert set(answer.json()["away"]) == set(DEPENDENCIES)
    assert health.LIMIT_SECONDS < 1  # what a busy machine adds is not the service's


async def test_what_drains_is_alive_and_not_ready() -> None:
    """It serves on, and asks its clients to connect elsewhere."""
    app = pinged({})
    app.state.draining = True
    ready = await ask(app, "/readyz")
    assert (ready.status_code, ready.json()["status"]) == (503, "draining")
    alive = await ask(app, "/livez")
    assert (alive.status_code, alive.headers["connection"]) == (200, "close")


def parsed(text: str) -> dict[tuple[str, ...], float]:
    """Every series by its name and the values of its labels, in the order of their names."""
    values: dict[tuple[str, ...], float] = {}
    for sample in samples(text):
        labels = [value for _, value in sorted(sample.labels.items())]
        values[sample.name, *labels] = sample.value
    return values


async def test_everything_starts_at_zero_and_scrapes_are_not_counted() -> None:
    """A rate needs a value before the first error."""
    app = application()
    await ask(app, "/metrics")
    answer = await ask(app, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    series = parsed(answer.text)
    counted = {name: value for name, value in series.items() if name[0] == "http_requests_total"}
    assert set(counted.values()) == {0}
    assert {("http_requests_total", "POST", "/orders", status) for status in ("201", "500", "503")} <= counted.keys()
    assert not [name for name in series if name[0].endswith("_created")]


async def test_an_unexpected_error_is_answered_counted_and_logged(
    monkeypatch: pytest.MonkeyPatch, log_lines: list[EventDict]
) -> None:
    """The customer gets an id and no reason; the log has both."""
    app = shop(master=[], replica=[])

    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("canary")

    monkeypatch.setattr(app.state.replica, "run", fail)
    answer = await ask(app, "/orders", headers={"X-Request-ID": "first_try"})
    assert (answer.status_code, answer.headers["x-request-id"]) == (500, "first_try")
    assert answer.json() == {"error": "Something went wrong; the log says what."}
    events = [(line["event"], line["request_id"], line["log_level"]) for line in log_lines]
    assert events == [("request failed", "first_try", "error"), ("request", "first_try", "warning")]
    series = parsed((await ask(app, "/metrics")).text)
    assert series["http_requests_total", "GET", "/orders", "500"] == 1


BAD_ORDERS = {
    "deep": b"[" * 100_000,
    "no object": b"3",
    "another field": b'{"item": "tea", "quantity": 1, "price": 0}',
    "no UTF-8": b'{"item": "\xff", "quantity": 1}',
    "a text": b'{"item": "tea", "quantity": "1"}',
    "many digits": b'{"item": "tea", "quantity": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("body", BAD_ORDERS.values(), ids=BAD_ORDERS)
async def test_bad_orders_are_refused_before_a_database_is_asked(body: bytes) -> None:
    """With the same sentence for all, which repeats nothing of what was sent."""
    app = shop(master=[ROW], replica=[])
    answer = await ask(app, "/orders", "POST", body)
    assert answer.status_code == 422
    assert answer.json() == {"error": 'Send an order like {"item": "tea", "quantity": 2}.'}
    assert app.state.master.statements == []


@pytest.mark.parametrize("number", ["9" * 19, "9" * 5000, "-1", "٣"])
async def test_what_is_no_number_is_no_order(number: str) -> None:
    """Neither cache nor database is asked for it."""
    app = shop(master=[ROW], replica=[ROW])
    answer = await ask(app, f"/orders/{number}")
    assert answer.status_code == 404
    assert "the id of an order is a number" in answer.json()["error"]
    assert app.state.replica.statements == []


async def test_refusals_are_json() -> None:
    """Also those that Starlette makes, with their headers."""
    app = application()
    refused = await ask(app, "/orders", "DELETE")
    assert (refused.status_code, set(refused.json())) == (405, {"error"})
    assert refused.headers["allow"]
    missing = await ask(app, "/admin/log-level")
    assert (missing.status_code, set(missing.json())) == (404, {"error"})


async def test_a_foreign_host_is_not_repeated() -> None:
    """A path with a slash too many is no redirect: its address would be what the caller wrote into Host."""
    answer = await ask(application(), "/orders/", headers={"Host": "evil.example"})
    assert answer.status_code == 404
    assert "location" not in answer.headers
