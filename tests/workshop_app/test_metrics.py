"""What the service says in numbers: true, few, starting at zero, and none of a stranger's words in it."""

from __future__ import annotations

import asyncio
import math
import random
import string
import time
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.workshop_app.asgi import application, ask
from tests.workshop_app.conftest import DB_PASSWORD, REDIS_PASSWORD, REPLICA_PASSWORD, Service
from workshop_app import metrics
from workshop_app.pings import Pings

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
    """What Prometheus would read."""
    return parsed((await ask(app, "/metrics")).text)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Ten thousand lines of the log are none of our business here."""
    with caplog.at_level("ERROR"):
        yield


async def test_everything_starts_at_zero() -> None:
    """A rate needs a value before the first error; a dependency that nobody has pinged is neither up nor down."""
    series = await scrape(application())
    assert {series[name] for name in series if name[0].startswith("http_")} == {0}
    for route in ("/livez", "/readyz", "/health", "/orders", "/orders/{order_id}"):
        assert {("http_requests_total", "GET", route, status) for status in ("200", "500", "503")} <= series.keys()
    assert ("http_requests_total", "POST", "/orders", "201") in series
    assert ("http_request_duration_seconds_count", "unmatched") in series
    assert all(math.isnan(series["dependency_up", name]) for name in ("master-db", "replica-db", "redis"))
    assert {series["health_status", status] for status in ("pass", "warn", "fail")} == {0}


async def test_requests_are_counted_where_they_belong() -> None:
    """By method, template and status; what takes long lies in a late bucket; the sum is the time they took."""

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


async def test_whoever_looks_is_no_traffic() -> None:
    """Scrapes and administrators change no number."""
    app = application(HTTP_ADMIN="true", HTTP_FAULTS="true")
    before = await scrape(app)
    for path in ("/metrics", "/admin/log-level", "/admin/faults"):
        assert (await ask(app, path)).status == 200
    after = await scrape(app)
    assert {name: value for name, value in after.items() if name[0].startswith("http_")} == {
        name: value for name, value in before.items() if name[0].startswith("http_")
    }


async def test_in_flight_are_those_that_have_not_ended() -> None:
    """However they end: with an answer, with a bug, or because whoever asked has gone."""
    go_on = asyncio.Event()

    async def waits(request: Request) -> Response:
        await go_on.wait()
        if request.path_params["how"] == "bug":
            raise KeyError("price")
        return Response()

    app = application()
    app.router.routes.append(Route("/waits/{how}", waits))
    requests = [asyncio.create_task(ask(app, f"/waits/{how}")) for how in ("well", "bug", "gone")]
    await asyncio.sleep(0.01)
    assert (await scrape(app))["http_requests_in_flight",] == 3
    requests[2].cancel()
    go_on.set()
    await asyncio.wait(requests)
    series = await scrape(app)
    assert series["http_requests_in_flight",] == 0
    ended = [series.get(("http_requests_total", "GET", "/waits/{how}", status)) for status in ("200", "500", "none")]
    assert ended == [1, 1, 1]


async def test_ten_thousand_random_paths_make_few_series() -> None:
    """Paths, methods and bodies of a stranger: at most 200 series, and none of his words in them."""
    app, dice = application(HTTP_ADMIN="true", HTTP_FAULTS="true"), random.Random(7)
    known = ["/livez", "/readyz", "/health", "/metrics", "/orders", "/orders/7", "/orders/x", "/admin/faults"]
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW", "get", "Gét"]
    for _ in range(10_000):
        word = "canary" + "".join(dice.choices(string.printable, k=8))
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
    assert sum(series[name] for name in series if name[:3] == ("http_requests_total", "GET", "unmatched")) > 200
    assert series["http_requests_in_flight",] == 0


async def test_what_pings_found(capfd: pytest.CaptureFixture[str]) -> None:
    """Health asks; the metrics tell what came of it, how long it took, and when."""
    app = application(HEALTH_CRITICAL="redis")
    before = time.time()
    assert (await ask(app, "/health")).status == 503  # nobody is connected yet: each ping fails
    series = await scrape(app)
    for name in ("master-db", "replica-db", "redis"):
        assert series["dependency_up", name] == 0
        assert series["dependency_ping_seconds_count", name] == 1
        assert before <= series["dependency_last_ping_timestamp_seconds", name] <= time.time()
    assert [series["health_status", status] for status in ("pass", "warn", "fail")] == [0, 0, 1]
    assert capfd.readouterr().out == ""


class One:
    """A dependency of which the last ping is known."""

    def __init__(self, passed: bool | None, critical: bool) -> None:
        self.name, self.critical, self.pings = "one", critical, Pings(passed=passed)


@pytest.mark.parametrize(
    ("known", "status"),
    [
        ([(None, True), (None, False)], None),
        ([(True, True), (None, False)], "pass"),
        ([(True, True), (False, False)], "warn"),
        ([(False, True), (False, False)], "fail"),
    ],
)
def test_health_as_of_the_last_pings(known: list[tuple[bool | None, bool]], status: str | None) -> None:
    """A critical one away: fail; another: warn; none asked yet: nothing is known."""
    assert metrics.health_status([One(*one) for one in known]) == status


@pytest.mark.parametrize("how", [KeyError, asyncio.CancelledError])
def test_a_ping_that_is_given_up_has_failed(how: type[BaseException]) -> None:
    """A time limit cancels: that is no success."""
    pings = Pings()
    with pings.measured():
        time.sleep(0.01)
    assert (pings.count, pings.passed) == (1, True)
    with pytest.raises(how), pings.measured():
        raise how
    assert (pings.count, pings.passed) == (2, False)
    assert 0.01 <= pings.seconds < 5


async def test_not_before_it_is_loaded() -> None:
    """In the first moments Prometheus reads a 503, and not half of the numbers."""
    app = application()
    app.state.metrics = metrics.Metrics(app.routes, app.state.dependencies)
    assert (await ask(app, "/metrics")).status == 503


def test_the_service_tells_no_secret(shared_service: Service) -> None:
    """Over HTTP, as Prometheus asks: the format it expects, what is running, and no password, host or user."""
    answer = shared_service.wait_for("/metrics", lambda answer: answer.status == 200)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    text = answer.body.decode()
    series = parsed(text)
    assert len([name for name in series if name[0] == "build_info"]) == 1
    assert series["process_resident_memory_bytes",] > 1024 * 1024
    assert not any(word in text for word in (DB_PASSWORD, REPLICA_PASSWORD, REDIS_PASSWORD, "127.0.0.1", "app"))
    assert not any(name[0].endswith("_created") for name in series)
