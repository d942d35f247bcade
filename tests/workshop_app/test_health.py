"""One check for all callers, bounded and kept for a while.

What each path answers while dependencies are away: test_service_live.py, and the checks of monitoring.deep and
monitoring.critical.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from structlog.typing import EventDict

from tests.workshop_app.conftest import ask
from workshop_app import health

pytestmark = pytest.mark.anyio


@dataclass
class Dependency:
    """A dependency that answers, refuses, or hangs."""

    name: str
    critical: bool = True
    state: str = "up"
    pings: int = 0

    async def ping(self) -> None:
        """Count the ping."""
        self.pings += 1
        if self.state == "hangs":
            await asyncio.sleep(5)
        if self.state == "down":
            raise ConnectionRefusedError


class Clock:
    """A clock that is set by hand."""

    now = 100.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock by which reports age."""
    clock = Clock()
    monkeypatch.setattr("workshop_app.health.time.monotonic", lambda: clock.now)
    return clock


def probes(*dependencies: Dependency) -> Starlette:
    """The three handlers over some dependencies."""
    routes = [Route("/livez", health.live), Route("/readyz", health.ready), Route("/health", health.deep)]
    app = Starlette(routes=routes)
    app.state.draining, app.state.dependencies = False, dependencies
    return app


async def get(app: Starlette, path: str) -> tuple[int, dict[str, Any]]:
    """Status and body of a probe's answer."""
    response = await ask(app, path)
    assert response.headers["content-type"] == "application/health+json"
    assert response.headers["cache-control"] == "no-store"
    return response.status_code, response.json()


async def test_callers_share_one_check_that_ends_within_a_second() -> None:
    """Forty simultaneous probes cause one ping, also while it hangs."""
    database = Dependency("db", state="hangs")
    app = probes(database)
    answers = await asyncio.gather(*(get(app, path) for path in ["/health", "/readyz"] * 20))
    assert database.pings == 1
    assert {status for status, _ in answers} == {503}
    assert answers[0][1]["checks"]["db:responseTime"][0]["observedValue"] < 1000


async def test_report_is_kept_for_a_while(clock: Clock, log_lines: list[EventDict]) -> None:
    """A good report is reused for two seconds and gives its age; a bad one for half a second. Changes are logged."""
    database = Dependency("db")
    app = probes(database)
    for seconds, age_seconds in ((0, 0), (1.9, 1.9), (0.2, 0)):
        clock.now += seconds
        assert (await get(app, "/health"))[1]["ageSeconds"] == age_seconds
    assert database.pings == 2
    database.state = "down"
    for seconds, pings in ((2.1, 3), (0.4, 3), (0.2, 4)):
        clock.now += seconds
        assert (await get(app, "/readyz"))[0] == 503
        assert database.pings == pings
    database.state = "up"
    clock.now += 0.6
    assert (await get(app, "/readyz"))[0] == 200
    changes = [(line["event"], line["log_level"]) for line in log_lines]
    assert changes == [("dependency down", "warning"), ("dependency up", "info")]
