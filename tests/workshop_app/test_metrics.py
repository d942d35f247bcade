"""The metrics are correct, few, start at zero, and contain no input of a client."""

from __future__ import annotations

import asyncio
import math
import random
import string

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.workshop_app.asgi import application, ask
from tests.workshop_app.conftest import DB_PASSWORD, REDIS_PASSWORD, REPLICA_PASSWORD, Service

pytestmark = pytest.mark.anyio

AT_MOST_SERIES = 200
Series = dict[tuple[str, ...], float]


def parsed(text: str) -> Series:
    """Every series by its name and the values of its labels, in the order of their names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def scrape(app: Starlette) -> Series:
    """Scrape the application."""
    return parsed((await ask(app, "/metrics")).text)


async def test_everything_starts_at_zero() -> None:
    """A rate needs a value before the first error; before the first ping a dependency is neither up nor down."""
    series = await scrape(application())
    assert {series[name] for name in series if name[0].startswith("http_")} == {0}
    for route in ("/livez", "/readyz", "/health", "/orders", "/orders/{order_id}"):
        assert {("http_requests_total", "GET", route, status) for status in ("200", "500", "503")} <= series.keys()
    assert ("http_requests_total", "POST", "/orders", "201") in series
    assert ("http_request_duration_seconds_count", "unmatched") in series
    assert all(math.isnan(series["dependency_up", name]) for name in ("master-db", "replica-db", "redis"))


async def test_requests_are_counted_where_they_belong() -> None:
    """By method, template and status; the duration falls into its bucket and adds to the sum."""

    async def slow(_: Request) -> Response:
        await asyncio.sleep(0.06)
        return Response()

    app = application()
    app.router.routes.append(Route("/slow/{number}", slow))
    await asyncio.gather(*(ask(app, f"/slow/{number}") for number in range(5)))
    await ask(app, "/orders/first")
    await ask(app, "/orders", "POST", b"{")
    await ask(app, "/orders", "BREW")
    await ask(app, "/nowhere")
    series = await scrape(app)
    assert series["http_requests_total", "GET", "/slow/{number}", "200"] == 5
    assert series["http_requests_total", "GET", "/orders/{order_id}", "404"] == 1
    assert series["http_requests_total", "POST", "/orders", "400"] == 1
    assert series["http_requests_total", "OTHER", "/orders", "405"] == 1
    assert series["http_requests_total", "GET", "unmatched", "404"] == 1
    buckets = [series["http_request_duration_seconds_bucket", le, "/slow/{number}"] for le in ("0.05", "+Inf")]
    assert buckets == [0, 5]
    assert series["http_request_duration_seconds_count", "/slow/{number}"] == 5
    assert series["http_request_duration_seconds_sum", "/slow/{number}"] >= 0.3
    assert series["http_request_duration_seconds_count", "/orders"] == 2


async def test_scrapes_are_not_counted() -> None:
    """Scrapes and admin requests change no number."""
    app = application(HTTP_ADMIN="true", HTTP_FAULTS="true")
    before = await scrape(app)
    for path in ("/metrics", "/admin/log-level", "/admin/faults"):
        assert (await ask(app, path)).status_code == 200
    after = await scrape(app)
    assert {name: value for name, value in after.items() if name[0].startswith("http_")} == {
        name: value for name, value in before.items() if name[0].startswith("http_")
    }


async def test_client_input_makes_few_series() -> None:
    """Any paths, methods and bodies make at most 200 series, without a word of the client in them."""
    app, dice = application(HTTP_ADMIN="true", HTTP_FAULTS="true"), random.Random(7)
    known = ["/livez", "/readyz", "/health", "/metrics", "/orders", "/orders/7", "/orders/x", "/admin/faults"]
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW", "get"]
    for _ in range(500):
        word = "canary" + "".join(dice.choices(string.ascii_letters + string.digits + "%~", k=8))
        path = dice.choice([f"/{word}", f"/orders/{word}", f"/{word}/{word}"])
        await ask(app, path, dice.choice(methods))
    for path in known:
        for method in methods:
            for body in (b"", b"{", b"{}", b'{"item": "tea", "quantity": 1}', b"x" * 20_000):
                await ask(app, path, method, body)
    text = (await ask(app, "/metrics")).text
    series = parsed(text)
    assert len(series) <= AT_MOST_SERIES
    assert not any(word in text for word in ("canary", "BREW", "PATCH", "TRACE"))
    assert sum(series[name] for name in series if name[:3] == ("http_requests_total", "GET", "unmatched")) > 10
    assert series["http_requests_in_flight",] == 0


async def test_pings_are_counted() -> None:
    """After a health check the metrics have the result and the duration of each ping."""
    app = application()
    assert (await ask(app, "/health")).status_code == 503
    series = await scrape(app)
    for name in ("master-db", "replica-db", "redis"):
        assert series["dependency_up", name] == 0
        assert series["dependency_ping_seconds_count", name] == 1


def test_the_service_tells_no_secret(shared_service: Service) -> None:
    """Over HTTP: the exposition format, build information, and no password, host or user."""
    answer = shared_service.wait_for("/metrics", lambda answer: answer.status == 200)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    text = answer.body.decode()
    series = parsed(text)
    assert len([name for name in series if name[0] == "build_info"]) == 1
    assert series["process_resident_memory_bytes",] > 1024 * 1024
    assert not any(word in text for word in (DB_PASSWORD, REPLICA_PASSWORD, REDIS_PASSWORD, "127.0.0.1", "app"))
    assert not any(name[0].endswith("_created") for name in series)
