"""Health is truthful and quick in every state of the dependencies, which are real servers on real sockets."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from structlog.typing import EventDict

from tests.workshop_app.conftest import free_port
from workshop_app import config, health
from workshop_app.dependencies import Dependencies

pytestmark = pytest.mark.anyio


@dataclass
class Dependency:
    """A TCP server that answers ``ok``, and the ping that waits for it."""

    name: str
    critical: bool = True
    port: int = field(default_factory=free_port)
    pings: int = 0
    hangs: bool = False

    def connect(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing is kept open."""

    async def ping(self) -> None:
        """Connect and wait for the word."""
        self.pings += 1
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            await reader.readexactly(2)
        finally:
            writer.close()

    async def _answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.hangs:
            await asyncio.sleep(5)
        writer.write(b"ok")
        writer.close()

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """Listen, inside the block."""
        server = await asyncio.start_server(self._answer, "127.0.0.1", self.port)
        try:
            yield
        finally:
            server.close()


class Probes:
    """The three handlers over some dependencies, and a client."""

    def __init__(self, *dependencies: Dependency) -> None:
        routes = [
            Route("/livez", health.live),
            Route("/readyz", health.ready),
            Route("/health", health.deep),
        ]
        self.app = Starlette(routes=routes)
        self.app.state.draining = False
        self.app.state.dependencies = dependencies

    async def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and body."""
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://service") as client:
            response = await client.get(path)
        assert response.headers["content-type"] == "application/health+json"
        assert response.headers["cache-control"] == "no-store"
        return response.status_code, response.json()


async def test_liveness_pings_no_dependency() -> None:
    """A dead or hanging database is no reason to restart the service."""
    hanging, gone = Dependency("db", hangs=True), Dependency("cache")
    async with hanging.up():
        probes = Probes(hanging, gone)
        assert await probes.get("/livez") == (200, {"status": "pass"})
    assert (hanging.pings, gone.pings) == (0, 0)


@pytest.mark.parametrize(
    ("critical", "optional"), list(itertools.product([True, False], repeat=2)), ids=lambda up: "up" if up else "down"
)
async def test_critical_fails_optional_warns(critical: bool, optional: bool) -> None:
    """Without a critical dependency: fail, 503, not ready. Without another: warn, 200, ready."""
    database, cache = Dependency("db"), Dependency("cache", critical=False)
    async with database.up() if critical else asyncio.timeout(None), cache.up() if optional else asyncio.timeout(None):
        probes = Probes(database, cache)
        status, body = await probes.get("/health")
        ready_status, _ = await probes.get("/readyz")
    expected = "fail" if not critical else "pass" if optional else "warn"
    assert (status, ready_status) == ((503, 503) if expected == "fail" else (200, 200))
    assert body["status"] == expected
    assert body["checks"]["db:responseTime"][0]["status"] == ("pass" if critical else "fail")
    assert body["checks"]["cache:responseTime"][0]["status"] == ("pass" if optional else "warn")
    for name, up in (("db", critical), ("cache", optional)):
        assert (name in body.get("output", "")) is not up


async def test_callers_share_one_check() -> None:
    """Two hundred simultaneous probes cause one ping, also while it hangs."""
    database = Dependency("db", hangs=True)
    async with database.up():
        probes = Probes(database)
        answers = await asyncio.gather(*(probes.get(path) for path in ["/health", "/readyz"] * 100))
    assert database.pings == 1
    assert {status for status, _ in answers} == {503}


async def test_report_is_kept_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """A good report is reused for two seconds and gives its age; a bad one for half a second."""
    now = 100.0
    monkeypatch.setattr("workshop_app.health.time.monotonic", lambda: now)
    database = Dependency("db")
    async with database.up():
        probes = Probes(database)
        assert (await probes.get("/health"))[1]["ageSeconds"] == 0
        now += 1.9
        assert (await probes.get("/health"))[1]["ageSeconds"] == 1.9
        now += 0.2
        assert (await probes.get("/health"))[1]["ageSeconds"] == 0
        assert database.pings == 2
    now += 2.1
    assert (await probes.get("/readyz"))[0] == 503
    now += 0.4
    assert (await probes.get("/readyz"))[0] == 503
    assert database.pings == 3
    async with database.up():
        now += 0.2
        assert (await probes.get("/readyz"))[0] == 200


async def test_changes_are_logged_once(monkeypatch: pytest.MonkeyPatch, log_lines: list[EventDict]) -> None:
    """Only changes of a dependency's state are logged."""
    now = 100.0
    monkeypatch.setattr("workshop_app.health.time.monotonic", lambda: now)
    database = Dependency("db")
    probes = Probes(database)
    for _ in range(3):
        await probes.get("/health")
        now += 5
    async with database.up():
        for _ in range(3):
            await probes.get("/health")
            now += 5
    assert [(line["event"], line["log_level"]) for line in log_lines] == [
        ("dependency down", "warning"),
        ("dependency up", "info"),
    ]


@pytest.mark.parametrize("critical", ["none", "redis", "replica-db,master-db", None])
async def test_the_setting_says_which_are_critical(environ: dict[str, str], critical: str | None) -> None:
    """HEALTH_CRITICAL names critical dependencies; by default all but the replica are critical."""
    given = {} if critical is None else {"HEALTH_CRITICAL": critical}
    own = Dependencies(config.load(environ | given))
    assert tuple(one.name for one in own) == config.DEPENDENCIES
    wanted = set((critical or "master-db,redis").split(",")) - {"none"}
    assert {one.name for one in own if one.critical} == wanted
