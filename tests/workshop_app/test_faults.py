"""Faults inside the service: they hit the right requests with the right strength, and can be reverted."""

from __future__ import annotations

import asyncio
import json

import httpx
import psutil
import pytest
from starlette.applications import Starlette

from tests.workshop_app.conftest import application, ask
from workshop_app.fault_table import FAULTS

pytestmark = pytest.mark.anyio

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
    """They are in flight until then, all of them."""
    await inject(app, "hang")
    hanging = [asyncio.create_task(order(app)) for _ in range(20)]
    while "http_requests_in_flight 20.0" not in (await ask(app, "/metrics")).text:
        await asyncio.sleep(0.01)
    done, _ = await asyncio.wait(hanging, timeout=0.3)
    assert not done
    await revert(app, "hang")
    assert await asyncio.wait_for(asyncio.gather(*hanging), 5) == [404] * 20
    assert "http_requests_in_flight 0.0" in (await ask(app, "/metrics")).text


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
