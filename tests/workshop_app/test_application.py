"""The application in this process: one bounded health check for all probes, metrics from zero on, and faults.

What each path answers while dependencies are away: test_service_live.py, and the checks of monitoring.deep and
monitoring.critical. That requests are counted where they belong, and make few series: the check of monitoring.metrics.
"""

from __future__ import annotations

import asyncio
import json
import math
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.routing import Route
from structlog.typing import EventDict

from tests.workshop_app.conftest import application, ask
from workshop_app import health
from workshop_app.fault_table import FAULTS

pytestmark = pytest.mark.anyio


def dependency(ping: Any = None) -> Any:
    """A dependency whose pings do this."""
    return SimpleNamespace(name="db", critical=True, ping=AsyncMock(side_effect=ping))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The clock by which reports age, set by hand."""
    clock = SimpleNamespace(now=100.0)
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


async def test_report_is_kept_for_a_while(clock: SimpleNamespace, log_lines: list[EventDict]) -> None:
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


DEPENDENCIES = ("master-db", "replica-db", "redis")


def parsed(text: str) -> dict[tuple[str, ...], float]:
    """Every series by its name and the values of its labels, in the order of their names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_everything_starts_at_zero_and_scrapes_are_not_counted() -> None:
    """A rate needs a value before the first error; before the first ping a dependency is neither up nor down."""
    app = application(HTTP_ADMIN="true", HTTP_FAULTS="true")
    for path in ("/metrics", "/admin/log-level", "/admin/faults"):
        assert (await ask(app, path)).status_code == 200
    answer = await ask(app, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    series = parsed(answer.text)
    assert {series[name] for name in series if name[0].startswith("http_")} == {0}
    assert {("http_requests_total", "POST", "/orders", status) for status in ("201", "500", "503")} <= series.keys()
    assert all(math.isnan(series["dependency_up", name]) for name in DEPENDENCIES)
    await ask(app, "/health")
    series = parsed((await ask(app, "/metrics")).text)
    assert {series["dependency_up", name] for name in DEPENDENCIES} == {0}


MIB = 1024 * 1024


@pytest.fixture
def app() -> Starlette:
    """An application with HTTP_FAULTS=true."""
    return application(HTTP_FAULTS="true")


async def inject(app: Starlette, name: str, **parameters: float) -> httpx.Response:
    """Inject a fault."""
    answer = await ask(app, f"/admin/faults/{name}", "PUT", json.dumps(parameters).encode())
    assert answer.status_code == 200
    return answer


async def revert(app: Starlette, name: str = "") -> httpx.Response:
    """Revert one fault, or all."""
    return await ask(app, f"/admin/faults/{name}".rstrip("/"), "DELETE")


async def order(app: Starlette) -> int:
    """The status of a request that needs no database: 404 if nothing is wrong."""
    return (await ask(app, "/orders/first")).status_code


async def test_bad_parameters_are_refused_in_a_sentence(app: Starlette) -> None:
    """The answer names the mistake and the range, and no fault is active."""
    for body in (b"[]", b'{"share": 1.01}', b'{"share": true}', b'{"part": 0.5}'):
        answer = await ask(app, "/admin/faults/errors", "PUT", body)
        assert answer.status_code == 422, body
        assert answer.json()["error"].endswith("."), body
    assert (await ask(app, "/admin/faults/earthquake", "PUT", b"{}")).status_code == 404
    assert app.state.faults.parameters == {}


async def test_errors_hit_their_share_of_requests(app: Starlette) -> None:
    """Some requests fail, with all that belongs to a bug; the others do not; the metrics count them by route."""
    await inject(app, "errors", share=0.5)
    statuses = [await order(app) for _ in range(100)]
    assert set(statuses) == {404, 500}
    assert 20 < statuses.count(500) < 80
    counted = f'status="500"}} {statuses.count(500)}.0'
    assert f'route="/orders/{{order_id}}",{counted}' in (await ask(app, "/metrics")).text


async def test_hanging_requests_go_on_when_it_is_undone(app: Starlette) -> None:
    """Until then none of them ends."""
    await inject(app, "hang")
    hanging = [asyncio.create_task(order(app)) for _ in range(20)]
    done, _ = await asyncio.wait(hanging, timeout=0.3)
    assert not done
    await revert(app, "hang")
    assert await asyncio.wait_for(asyncio.gather(*hanging), 5) == [404] * 20


@pytest.mark.parametrize("name", FAULTS)
async def test_probes_and_admin_paths_are_spared(app: Starlette, name: str) -> None:
    """Probes, metrics and the revert itself are answered during every fault."""
    await inject(app, name)
    spared = {"/livez": 200, "/readyz": 503, "/health": 503, "/metrics": 200, "/admin/faults": 200}
    for path, status in spared.items():
        assert (await asyncio.wait_for(ask(app, path), 5)).status_code == status
    assert (await revert(app)).status_code == 200
    assert await order(app) == 404


def resident_bytes() -> int:
    """The memory of this process."""
    return int(psutil.Process().memory_info().rss)


async def test_leaked_memory_is_bounded_and_given_back(app: Starlette) -> None:
    """It grows to its limit; after the revert the memory is free again."""
    before = resident_bytes()
    await inject(app, "leak", mib_per_second=500, at_most_mib=60)
    while resident_bytes() - before < 55 * MIB:
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)
    assert resident_bytes() - before < 75 * MIB
    await revert(app, "leak")
    while resident_bytes() - before > 15 * MIB:
        await asyncio.sleep(0.05)
