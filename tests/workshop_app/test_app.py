"""The middleware of every request: an id, a log line at its end, and an answer even if the handler fails."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.typing import EventDict

from tests.workshop_app.conftest import good_environ
from workshop_app import app, config, dependencies, logs

pytestmark = pytest.mark.anyio
log: Any = logs.get_logger("test")


async def broken(_: Request) -> Response:
    """Logs in a thread, waits for a database, and fails."""
    await asyncio.to_thread(log.warning, "in a thread")
    with dependencies.waiting_for("master-db", ()):
        await asyncio.sleep(0.01)
    raise KeyError("price")


@pytest.fixture
def client() -> httpx.AsyncClient:
    """A client of an application that has one more route."""
    application = app.create(config.load(good_environ()))
    application.router.routes.append(Route("/broken/{number}", broken))
    return httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://service")


async def test_a_bug_is_answered_politely_and_told_in_full(
    client: httpx.AsyncClient, log_lines: list[EventDict]
) -> None:
    """500 and a sentence outside; inside the exception and the request's line, all with its id."""
    answer = await client.get("/broken/7", headers={"X-Request-ID": "mine"})
    assert (answer.status_code, set(answer.json())) == (500, {"error"})
    thread, failed, request = log_lines
    assert {line["request_id"] for line in (thread, failed, request)} == {"mine"}
    assert (failed["log_level"], failed["event"], failed["exc_info"]) == ("error", "request failed", True)
    assert (request["log_level"], request["route"], request["status"]) == ("warning", "/broken/{number}", 500)
    assert 10 <= request["master_db_ms"] <= request["duration_ms"] + 0.1
    assert request["size_bytes"] == len(answer.content)
