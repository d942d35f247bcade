"""The application without a server between: one call a request, so that hundreds take a second."""

from __future__ import annotations

import httpx
from starlette.applications import Starlette

from tests.workshop_app.conftest import good_environ
from workshop_app import app, config, dependencies, metrics


def application(**settings: str) -> Starlette:
    """An application over dependencies that do not answer; its metrics begin anew."""
    for metric in (metrics.REQUESTS, metrics.DURATION, dependencies.UP, dependencies.PINGS):
        metric.clear()
    metrics.IN_FLIGHT.set(0)
    return app.create(config.load(good_environ() | settings))


async def ask(application: Starlette, path: str, method: str = "GET", body: bytes = b"") -> httpx.Response:
    """Send one request."""
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        return await client.request(method, path, content=body)
