"""One check for all callers, bounded and kept for a while.

What each path answers while dependencies are away: test_service_live.py, and the checks of monitoring.deep and
monitoring.critical.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from structlog.typing import EventDict

from tests.workshop_app.conftest import ask
from workshop_app import health

pytestmark = pytest.mark.anyio


def dependency(ping: Any = None) -> Any:
    """A dependency whose pings do this."""
    return SimpleNamespace(name="db", critical=True, ping=AsyncMock(side_effect=ping))


class Clock:
    """A clock that is set by hand."""

    now = 100.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock by which reports age."""
    clock = Clock()
    monkeypatch.setattr("workshop_app.health.time.monotonic", lambda: clock.now)
    return clock


def probes(database: Any) -> Starlette:
    """The three handlers over one dependency."""
    routes = [Route("/livez", health.live), Route("/readyz", health.ready), Route("/health", health.deep)]
    app = Starlette(routes=routes)
    app.state.draining, app.state.dependencies = False, (database,)
    return app


async def get(app: Starlette, path: str) -> tuple[int, dict[str, Any]]:
    """Status and body of a probe's answer."""
    response = await ask(app, path)
    assert response.headers["content-type"] == "application/health+json"
    assert response.headers["cache-control"] == "no-store"
    return response.status_code, response.json()


async def test_callers_share_one_check_that_ends_within_a_second() -> None:
    """Forty simultaneous probes cause one ping, also while it hangs."""

    async def hang() -> None:
        await asyncio.Event().wait()

    database = dependency(hang)
    app = probes(database)
    answers = await asyncio.gather(*(get(app, path) for path in ["/health", "/readyz"] * 20))
    assert database.ping.await_count == 1
    assert {status for status, _ in answers} == {503}
    assert health.PING_TIMEOUT_SECONDS < 1  # what a busy machine adds is not the service's


async def test_report_is_kept_for_a_while(clock: Clock, log_lines: list[EventDict]) -> None:
    """A good report is reused for two seconds and gives its age; a bad one for half a second. Changes are logged."""
    database = dependency()
    app = probes(database)
    for seconds, age_seconds in ((0, 0), (1.9, 1.9), (0.2, 0)):
        clock.now += seconds
        assert (await get(app, "/health"))[1]["ageSeconds"] == age_seconds
    assert database.ping.await_count == 2
    database.ping.side_effect = ConnectionRefusedError
    for seconds, pings in ((2.1, 3), (0.4, 3), (0.2, 4)):
        clock.now += seconds
        assert (await get(app, "/readyz"))[0] == 503
        assert database.ping.await_count == pings
    database.ping.side_effect = None
    clock.now += 0.6
    assert (await get(app, "/readyz"))[0] == 200
    changes = [(line["event"], line["log_level"]) for line in log_lines]
    assert changes == [("dependency down", "warning"), ("dependency up", "info")]
