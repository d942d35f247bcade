"""The metrics are few, start at zero, and contain no input of a client.

That requests are counted where they belong: the check of monitoring.metrics.
"""

from __future__ import annotations

import math
import random
import string

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from tests.workshop_app.conftest import application, ask

pytestmark = pytest.mark.anyio

AT_MOST_SERIES = 200
DEPENDENCIES = ("master-db", "replica-db", "redis")
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
    app = application()
    answer = await ask(app, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    series = parsed(answer.text)
    assert {"build_info", "process_resident_memory_bytes"} <= {name[0] for name in series}
    assert not any(name[0].endswith("_created") for name in series)
    assert {series[name] for name in series if name[0].startswith("http_")} == {0}
    for route in ("/livez", "/readyz", "/health", "/orders", "/orders/{order_id}"):
        assert {("http_requests_total", "GET", route, status) for status in ("200", "500", "503")} <= series.keys()
    assert ("http_requests_total", "POST", "/orders", "201") in series
    assert ("http_request_duration_seconds_count", "unmatched") in series
    assert all(math.isnan(series["dependency_up", name]) for name in DEPENDENCIES)
    await ask(app, "/health")
    series = await scrape(app)
    assert {series["dependency_up", name] for name in DEPENDENCIES} == {0}
    assert {series["dependency_ping_seconds_count", name] for name in DEPENDENCIES} == {1}


async def test_scrapes_are_not_counted() -> None:
    """Scrapes and admin requests change no number."""
    app = application(HTTP_ADMIN="true", HTTP_FAULTS="true")
    for path in ("/metrics", "/admin/log-level", "/admin/faults"):
        assert (await ask(app, path)).status_code == 200
    series = await scrape(app)
    assert {series[name] for name in series if name[0].startswith("http_")} == {0}


async def test_client_input_makes_few_series() -> None:
    """Any paths, methods and bodies make at most 200 series, without a word of the client in them."""
    app, dice = application(HTTP_ADMIN="true", HTTP_FAULTS="true"), random.Random(7)
    known = ["/livez", "/readyz", "/health", "/metrics", "/orders", "/orders/7", "/orders/x", "/admin/faults"]
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW", "get"]
    for _ in range(200):
        word = "canary" + "".join(dice.choices(string.ascii_letters + string.digits + "%~", k=8))
        path = dice.choice([f"/{word}", f"/orders/{word}", f"/{word}/{word}"])
        await ask(app, path, dice.choice(methods))
    for path in known:
        for method in methods:
            for body in (b"{", b'{"item": "tea", "quantity": 1}'):
                await ask(app, path, method, body)
    text = (await ask(app, "/metrics")).text
    series = parsed(text)
    assert len(series) <= AT_MOST_SERIES
    assert not any(word in text for word in ("canary", "BREW", "PATCH", "TRACE"))
    assert sum(series[name] for name in series if name[:3] == ("http_requests_total", "GET", "unmatched")) > 10
    assert series["http_requests_in_flight",] == 0
