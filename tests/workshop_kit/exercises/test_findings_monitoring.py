"""The checks of lesson 04 on recorded observations: each mistake gets its own finding, and its first hint."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest
from starlette.routing import Route

from tests.workshop_kit.exercises import check_runner
from workshop_app.metrics import BUCKETS_SECONDS, METHODS, UNMATCHED, is_counted
from workshop_kit.exercises.checks import monitoring_metrics
from workshop_kit.exercises.checks.monitoring_metrics import CLOSED, KNOWN, ODD_METHODS, SLOW_SECONDS, MetricsText
from workshop_kit.exercises.result import Finding, Verdict
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import regions

SOURCE = check_runner.marked(CHECKOUT, "metrics.py", "04_monitoring")
SOLUTION = regions.region_of(regions.solved(SOURCE), "monitoring.metrics")
RAW_PATH = SOLUTION.replace("method, route, ", "method, path, ")
STATUS = '"none" if status is None else str(status)'
WITH_ID = SOLUTION.replace('"status")', '"status", "id")').replace(STATUS, f"{STATUS}, uuid.uuid4().hex")
NOT_FAILURES = SOLUTION.replace(
    "    method = method", "    if (status or 500) >= 500:\n        return\n    method = method"
)


def scrapes_of(region: str) -> list[MetricsText]:
    """The check's three scrapes, with these lines in the region."""
    registry = CollectorRegistry()
    types = {one.__name__: partial(one, registry=registry) for one in (Counter, Gauge, Histogram, Summary)}
    names: dict[str, Any] = {"Iterable": Iterable, "Route": Route, "METHODS": METHODS, "UNMATCHED": UNMATCHED}
    names |= {"BUCKETS_SECONDS": BUCKETS_SECONDS, "is_counted": is_counted, "uuid": uuid, **types}
    exec(region, names)
    count: Callable[[str, str, str, int | None, float], None] = names["count"]

    def scrape() -> MetricsText:
        return MetricsText.of(generate_latest(registry).decode())

    before = scrape()
    for (method, route, status), number in KNOWN.items():
        for turn in range(number):
            seconds = SLOW_SECONDS + 0.01 if (method, status) == ("GET", "200") else 0.01
            count(method, route.replace("{order_id}", f"nobody-{turn}"), route, int(status), seconds)
    for _ in range(CLOSED):
        count("POST", "/orders", "/orders", None, 0.01)
    after = scrape()
    for method in ODD_METHODS:
        count(method, "/orders", "/orders", 405, 0.01)
    count("GET", "/nobody-9", UNMATCHED, 404, 0.01)
    return [before, after, scrape()]


def wrong_metrics() -> Iterator[tuple[str, Sequence[Finding]]]:
    """Yield the findings on each wrong solution."""
    assert monitoring_metrics.judge(scrapes_of(SOLUTION)).verdict is Verdict.PASSED
    for says, region in (
        ("is a gauge", SOLUTION.replace("Counter(", "Gauge(")),
        ("has no label", SOLUTION.replace(', "status")', ")").replace(f", {STATUS}", "")),
        ("invented", RAW_PATH),
        ("every request another series", WITH_ID),
        ("methods", SOLUTION.replace(' if method in METHODS else "OTHER"', "")),
        ("hung up", SOLUTION.replace(STATUS, "str(status or 500)")),
        ("no longer be told apart", SOLUTION.replace(STATUS, 'f"{status or 0}"[0] + "xx"')),
        ("in the last bucket", SOLUTION.replace("(seconds)", "(seconds * 1000)")),
        ("The buckets cannot tell", SOLUTION.replace("buckets=BUCKETS_SECONDS", "buckets=(10, 100)")),
        ("were not counted", NOT_FAILURES),
        (
            "there is no histogram",
            SOLUTION.replace("Histogram(", "Summary(").replace(", buckets=BUCKETS_SECONDS", ""),
        ),
    ):
        yield says, monitoring_metrics.judge(scrapes_of(region)).findings
    nothing = scrapes_of(SOLUTION.replace("inc()", "inc(0)"))
    raised = "Incorrect label count (metrics.py, line 48)"
    yield raised, monitoring_metrics.judge(nothing, f"ValueError: {raised}").findings


def test_each_wrong_metric_is_named() -> None:
    """The first finding that fails names the mistake, and chooses the hint for it."""
    check_runner.assert_named("monitoring.metrics", wrong_metrics())
