"""Faults inside the service strike who they should, as hard as they should, and leave nothing behind."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import psutil
import pytest
from starlette.applications import Starlette

from tests.workshop_app.asgi import Answer, application, ask
from tests.workshop_app.conftest import Service
from workshop_app import faults, server

Start = Callable[..., Service]
MIB = 1024 * 1024
GRADES: dict[str, dict[str, float]] = {
    "latency": {"ms": 100},
    "errors": {},
    "hang": {},
    "refuse": {},
    "leak": {"mib_per_second": 100, "at_most_mib": 20},
    "burn": {"share": 0.5},
}


@pytest.fixture
def app() -> Starlette:
    """An application with HTTP_FAULTS=true."""
    return application(HTTP_FAULTS="true")


async def put(app: Starlette, name: str, **grade: float) -> Answer:
    """Put a fault in force."""
    return await ask(app, f"/admin/faults/{name}", "PUT", json.dumps(grade).encode())


async def undo(app: Starlette, name: str = "") -> Answer:
    """Undo one, or all."""
    return await ask(app, f"/admin/faults/{name}".rstrip("/"), "DELETE")


async def order(app: Starlette) -> int | None:
    """The status of a request that needs no database: 404 if nothing is wrong."""
    return (await ask(app, "/orders/first")).status


@pytest.mark.anyio
async def test_not_there_unless_asked_for() -> None:
    """Whoever can order can reach the port: by default nobody may break anything."""
    app = application(HTTP_ADMIN="true")
    assert (await ask(app, "/admin/faults")).status == 404
    assert (await put(app, "errors")).status == 404
    assert await order(app) == 404


@pytest.mark.anyio
async def test_every_fault_is_told_with_what_it_takes(app: Starlette) -> None:
    """Whoever reads the list can use it; a grade shows while it is in force, with its defaults."""
    told = {one["name"]: one for one in (await ask(app, "/admin/faults")).json["faults"]}
    assert list(told) == list(faults.FAULTS) == ["latency", "errors", "hang", "refuse", "leak", "burn"]
    assert all(one["does"].endswith(".") and one["takes"] and one["grade"] is None for one in told.values())
    assert told["latency"]["takes"]["ms"] == "milliseconds, from 1 to 60000"
    assert (await put(app, "latency", ms=1)).json["grade"] == {"ms": 1, "share": 1.0}
    listed = {one["name"]: one["grade"] for one in (await ask(app, "/admin/faults")).json["faults"]}
    assert listed == dict.fromkeys(told) | {"latency": {"ms": 1, "share": 1.0}}
    assert (await undo(app, "latency")).json["grade"] is None
    assert (await undo(app, "latency")).status == 200  # undone twice is undone


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("errors", b"", 400),
        ("errors", b"{", 400),
        ("errors", b"[]", 422),
        ("errors", b"null", 422),
        ("errors", b'{"share": 0}', 422),
        ("errors", b'{"share": 1.01}', 422),
        ("errors", b'{"share": true}', 422),
        ("errors", b'{"share": "0.5"}', 422),
        ("errors", b'{"share": null}', 422),
        ("errors", b'{"part": 0.5}', 422),
        ("latency", b"{}", 422),
        ("latency", b'{"ms": 1e99}', 422),
        ("leak", b'{"mib_per_second": 1, "at_most_mib": 99999}', 422),
        ("errors", b'{"share": 1' + b" " * 2000 + b"}", 413),
        ("earthquake", b"{}", 404),
    ],
)
async def test_bad_grades_are_refused_in_a_sentence(app: Starlette, path: str, body: bytes, status: int) -> None:
    """What is wrong is said, with the range, and nothing is in force."""
    answer = await ask(app, f"/admin/faults/{path}", "PUT", body)
    assert answer.status == status
    assert answer.json["error"].endswith(".")
    assert app.state.faults.grades == {}


@pytest.mark.anyio
async def test_errors_strike_the_share_they_should(app: Starlette) -> None:
    """Some requests fail, with all that belongs to a bug; the others do not; the metrics count them by route."""
    assert (await put(app, "errors", share=0.5)).status == 200
    statuses = [await order(app) for _ in range(400)]
    assert set(statuses) == {404, 500}
    assert 120 < statuses.count(500) < 280
    counted = f'status="500"}} {statuses.count(500)}.0'
    assert f'route="/orders/{{order_id}}",{counted}' in (await ask(app, "/metrics")).text
    await undo(app, "errors")
    assert {await order(app) for _ in range(50)} == {404}


@pytest.mark.anyio
async def test_latency_and_refusal(app: Starlette) -> None:
    """One comes later, the other at once, and says when to come back."""
    await put(app, "latency", ms=1_000)
    started = time.perf_counter()
    assert await order(app) == 404
    assert time.perf_counter() - started >= 1
    await put(app, "refuse")
    started = time.perf_counter()
    refused = await ask(app, "/orders/first")
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert time.perf_counter() - started < 1
    await undo(app)
    assert await order(app) == 404


@pytest.mark.anyio
async def test_hanging_requests_go_on_when_it_is_undone(app: Starlette) -> None:
    """They are in flight until then, all of them; a new grade begins anew."""
    await put(app, "hang")
    hanging = [asyncio.create_task(order(app)) for _ in range(20)]
    done, _ = await asyncio.wait(hanging, timeout=0.3)
    assert not done
    assert "http_requests_in_flight 20.0" in (await ask(app, "/metrics")).text
    await undo(app, "hang")
    assert await asyncio.wait_for(asyncio.gather(*hanging), 5) == [404] * 20
    assert "http_requests_in_flight 0.0" in (await ask(app, "/metrics")).text


@pytest.mark.anyio
@pytest.mark.parametrize("name", GRADES)
async def test_who_looks_after_us_is_spared(app: Starlette, name: str) -> None:
    """Probes, metrics and the undoing itself get their answer, whatever is in force."""
    assert (await put(app, name, **GRADES[name])).status == 200
    for path, status in (
        ("/livez", 200),
        ("/readyz", 503),
        ("/health", 503),
        ("/metrics", 200),
        ("/admin/faults", 200),
    ):
        assert (await asyncio.wait_for(ask(app, path), 5)).status == status
    assert (await undo(app)).status == 200
    assert await order(app) == 404


def resident_bytes() -> int:
    """The memory of this process."""
    return int(psutil.Process().memory_info().rss)


@pytest.mark.anyio
async def test_leaked_memory_is_bounded_and_given_back(app: Starlette) -> None:
    """It grows to what it may, and no further; undone, the kernel has it again."""
    before = resident_bytes()
    await put(app, "leak", mib_per_second=200, at_most_mib=60)
    await asyncio.sleep(1.5)
    assert 55 * MIB < resident_bytes() - before < 75 * MIB
    await undo(app, "leak")
    assert resident_bytes() - before < 15 * MIB


@pytest.mark.alone
@pytest.mark.anyio
async def test_burning_takes_its_share_of_a_core_and_ends(app: Starlette) -> None:
    """More with a higher grade; while it burns the loop still gets its turns; undone, the thread is gone."""
    threads, used = threading.active_count(), []
    for share in (0.2, 0.8):
        await put(app, "burn", share=share)
        assert threading.active_count() == threads + 1
        before = time.process_time()
        for _ in range(20):
            assert (await ask(app, "/livez")).status == 200
            await asyncio.sleep(0.05)
        used.append(time.process_time() - before)
    assert 0.05 < used[0] < used[1]
    await undo(app)
    assert threading.active_count() == threads


@pytest.mark.parametrize("name", GRADES)
@pytest.mark.parametrize("drain_seconds", ["0", "5"])
def test_it_stops_in_time_whatever_is_in_force(
    start_service: Start, environ: dict[str, str], name: str, drain_seconds: str
) -> None:
    """SIGTERM with a fault in force and a request under way: exit 0, its last word a second before an engine kills."""
    service = start_service(environ | {"HTTP_FAULTS": "true", "HTTP_DRAIN_SECONDS": drain_seconds})
    service.wait_for("/readyz", lambda answer: b"no answer from" in answer.body)
    assert service.ask(f"/admin/faults/{name}", "PUT", json.dumps(GRADES[name]).encode()).status == 200

    def order() -> None:
        try:
            service.ask("/orders/first")
        except OSError:  # it hangs, and is given up
            assert name == "hang"

    asking = threading.Thread(target=order)
    asking.start()
    time.sleep(0.2)
    assert service.stop() == 0
    asking.join()
    said = {line["msg"]: datetime.fromisoformat(line["ts"]) for line in service.lines}
    assert faults.FAULT_UNDONE in said
    assert max(said.values()) - said[server.DRAINING] < timedelta(seconds=10)  # when an engine would kill it
