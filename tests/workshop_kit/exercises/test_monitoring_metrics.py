"""The exercise on metrics.py: what the check makes of scrapes, for the likely mistakes."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest
from starlette.routing import Route

from tests.workshop_kit.exercises import trying
from tests.workshop_kit.exercises.trying import marked
from workshop_app.metrics import BUCKETS_SECONDS, METHODS, UNMATCHED, is_counted
from workshop_kit.engine.stack import Stack
from workshop_kit.workspace import regions
from workshop_kit.exercises.checks import monitoring_metrics
from workshop_kit.exercises.checks.monitoring_metrics import FEW, Scrapes
from workshop_kit.exercises.checks.monitoring_scrape import Scrape
from workshop_kit.exercises.checks.monitoring_traffic import HUNG_UP, KNOWN, ODD_METHODS, SLOW_SECONDS
from workshop_kit.exercises.result import Verdict
from workshop_kit.paths import CHECKOUT

ID = "monitoring.metrics"
SOURCE = marked(CHECKOUT, "metrics.py", "04_monitoring")
SOLUTION = regions.region_of(regions.solved(SOURCE), ID)
STARTER = regions.region_of(regions.starter(SOURCE), ID)
RAW_PATH = SOLUTION.replace("method, route, ", "method, path, ")
STATUS = '"none" if status is None else str(status)'
WITH_ID = SOLUTION.replace('"status")', '"status", "id")').replace(STATUS, f"{STATUS}, uuid.uuid4().hex")

Count = Callable[[str, str, str, int | None, float], None]


def scrapes_of(region: str) -> Scrapes:
    """What /metrics says at the check's four moments, with these lines in the region."""
    registry = CollectorRegistry()
    types = {one.__name__: partial(one, registry=registry) for one in (Counter, Gauge, Histogram, Summary)}
    names: dict[str, Any] = {"Iterable": Iterable, "Route": Route, "METHODS": METHODS, "UNMATCHED": UNMATCHED}
    names |= {"BUCKETS_SECONDS": BUCKETS_SECONDS, "is_counted": is_counted, "uuid": uuid, **types}
    exec(region, names)
    count: Count = names["count"]

    def scrape() -> Scrape:
        return Scrape.of(generate_latest(registry).decode())

    before = scrape()
    for (method, route, status), number in KNOWN.items():
        for turn in range(number):
            seconds = SLOW_SECONDS + 0.01 if (method, status) == ("GET", "200") else 0.01
            count(method, route.replace("{order_id}", f"nobody-{turn}"), route, int(status), seconds)
    for _ in range(HUNG_UP):
        count("POST", "/orders", "/orders", None, 0.01)
    after = scrape()
    for method in ODD_METHODS:
        count(method, "/orders", "/orders", 405, 0.01)
    count("GET", "/nowhere", UNMATCHED, 404, 0.01)
    methods = scrape()
    for turn in range(FEW):
        count("GET", f"/{turn}", UNMATCHED, 404, 0.01)
    return Scrapes(before, after, methods, scrape(), FEW)


@pytest.mark.parametrize(
    ("region", "says"),
    [
        pytest.param(STARTER, "http_requests is a gauge", id="starter"),
        pytest.param(SOLUTION.replace("Counter(", "Gauge("), "http_requests is a gauge", id="a gauge"),
        pytest.param(RAW_PATH, "a client invented", id="raw path"),
        pytest.param(
            SOLUTION.replace(', "status")', ")").replace(f", {STATUS}", ""), "has no label status", id="no status"
        ),
        pytest.param(SOLUTION.replace(STATUS, 'f"{status or 0}"[0] + "xx"'), "told as '2xx'", id="class of status"),
        pytest.param(SOLUTION.replace(STATUS, "str(status or 500)"), "because a train entered a tunnel", id="hung up"),
        pytest.param(
            WITH_ID,
            "The label id makes of every request another series",
            id="an id of the request",
        ),
        pytest.param(
            SOLUTION.replace(
                "    method = method", "    if (status or 500) >= 500:\n        return\n    method = method"
            ),
            "Requests with 500 were not counted",
            id="failures not counted",
        ),
        pytest.param(
            SOLUTION.replace(' if method in METHODS else "OTHER"', ""),
            "The method is the client's own word",
            id="method",
        ),
        pytest.param(SOLUTION.replace("(seconds)", "(seconds * 1000)"), "Durations are in milliseconds", id="ms"),
        pytest.param(
            SOLUTION.replace("buckets=BUCKETS_SECONDS", "buckets=(10, 100)"), "The buckets cannot tell", id="buckets"
        ),
        pytest.param(
            SOLUTION.replace("Histogram(", "Summary(").replace(", buckets=BUCKETS_SECONDS", ""),
            "there is no histogram http_request_duration_seconds",
            id="a summary",
        ),
    ],
)
def test_each_mistake_has_its_sentence(region: str, says: str) -> None:
    """The first finding that did not pass names the mistake, and not what follows from it."""
    judged = monitoring_metrics.judge(scrapes_of(region))
    assert judged.verdict is Verdict.WRONG
    assert says in judged.summary, judged


def test_the_solution_has_no_finding() -> None:
    """All traffic is counted once, in few series."""
    assert monitoring_metrics.judge(scrapes_of(SOLUTION)).verdict is Verdict.PASSED


def test_an_exception_of_theirs_is_told() -> None:
    """A count that raises counts nothing: the log says where."""
    scrapes = scrapes_of(SOLUTION.replace("inc()", "inc(0)"))
    judged = monitoring_metrics.judge(scrapes, "ValueError: Incorrect label count (metrics.py, line 48)")
    assert "Incorrect label count (metrics.py, line 48)" in judged.summary


@pytest.mark.engine
@pytest.mark.timeout(120)
def test_a_mistake_in_a_built_service(participant: Stack) -> None:
    """Scraped from a real container, after a hundred random paths and not ten thousand."""
    judged = trying.judge_region(participant, ID, RAW_PATH)
    assert "a client invented" in judged.summary, judged
    assert "100 invented paths" in trying.words(judged), judged


@pytest.mark.long
@pytest.mark.engine
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("region", "says"),
    [
        pytest.param(SOLUTION.replace(STATUS, "str(status or 500)"), "because a train entered a tunnel", id="hung up"),
        pytest.param(
            SOLUTION.replace(f", {STATUS}", ""), "were not counted: ValueError: Incorrect label count", id="raises"
        ),
        pytest.param(
            SOLUTION.replace(' if method in METHODS else "OTHER"', ""), "The method is the client's", id="method"
        ),
    ],
)
def test_more_mistakes_in_a_built_service(participant: Stack, region: str, says: str) -> None:
    """What recorded scrapes cannot show: uvicorn's part in it, and the exception in the log."""
    judged = trying.judge_region(participant, ID, region)
    assert says in trying.words(judged), judged
