"""The checks of lesson 04 on recorded observations: each mistake gets its own finding, and its first hint."""

from __future__ import annotations

import json
import uuid
from collections import Counter as Counted
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest
from starlette.routing import Route

from tests.workshop_kit.exercises import check_runner
from workshop_app.metrics import BUCKETS_SECONDS, METHODS, UNMATCHED, is_counted
from workshop_kit.exercises import start_failure
from workshop_kit.exercises.checks import (
    monitoring_container,
    monitoring_health,
    monitoring_metrics,
    monitoring_ratio,
)
from workshop_kit.exercises.checks.monitoring_container import Balancer, Drain
from workshop_kit.exercises.checks.monitoring_metrics import CLOSED, KNOWN, ODD_METHODS, SLOW_SECONDS, MetricsText
from workshop_kit.exercises.result import Finding, Verdict
from workshop_kit.observe.http import Answer
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import regions

Case = tuple[str, Sequence[Finding]]
BOTH = ("master-db", "redis")
NO_ANSWER = Answer(None, 2.5, error="no answer")


def answering(answer: Answer) -> Any:
    """A trial that always answers so."""
    return SimpleNamespace(get=lambda *_, **__: answer, left_seconds=0.0, wait_answer=lambda *_, **__: False)


def health(status: int, word: str, *gone: str, output: str = "") -> Answer:
    """An answer of /health that names these as not well."""
    checks = {f"{name}:ping": [{"status": "fail"}] for name in gone}
    return Answer(status, 0.01, json.dumps({"status": word, "checks": checks, "output": output}))


def deep() -> Iterator[Case]:
    """Answers of /health and /livez while dependencies are away."""
    proxies: Any = SimpleNamespace(environment={"MASTER_DB_HOST": "proxy-7f"}, set=lambda: None)

    def found(answer: Answer) -> Sequence[Finding]:
        trial = answering(answer)
        return [monitoring_health.answers_in_time(trial, "/health"), monitoring_health.names_both(trial, proxies)]

    assert all(finding.passed for finding in found(health(503, "fail", *BOTH)))
    yield "no restart mends a database", [monitoring_health.stays_alive(answering(NO_ANSWER), "hang")]
    yield "waits as long as the database does", found(NO_ANSWER)
    yield "its own code fails", found(Answer(500, 0.1))
    yield "does not learn which dependency", found(health(503, "fail", "redis"))
    yield "tells strangers", found(health(503, "fail", *BOTH, output="at proxy-7f"))
    yield "tells strangers", found(health(503, "fail", *BOTH, output="[Errno 111]"))
    yield "does not notice", [monitoring_health.recovers(answering(Answer(500, 0.1)), proxies)]


def critical() -> Iterator[Case]:
    """Answers of /health with one dependency away."""
    for says, gone, critical, answer, setting in (
        (
            "HEALTH_CRITICAL=",
            "replica-db",
            True,
            health(200, "pass", "replica-db"),
            ", with HEALTH_CRITICAL=replica-db",
        ),
        ("nobody is called", "redis", True, health(200, "pass", "redis"), ""),
        ("nobody hears of it", "replica-db", False, health(200, "pass", "replica-db"), ""),
        ("could do without", "replica-db", False, health(503, "fail", "replica-db"), ""),
    ):
        yield says, [monitoring_health.says(answering(answer), gone, setting, critical=critical)]


def drain() -> Iterator[Case]:
    """An instance that leaves."""
    right = Drain(Answer(503, 0.0), Answer(200, 0.0), 0)

    def found(*failed: str, port: int = 1, **changes: Any) -> Sequence[Finding]:
        balancer = Balancer((1, 2), Counted({port: 9}), [*failed])
        return monitoring_container.drain_findings(replace(right, **changes), balancer, 1)

    assert all(finding.passed for finding in found())
    yield "says that it is ready", found(ready=Answer(200, 0.0))
    yield "1 customers were sent", found("no answer")
    yield "No customer came to it", found(port=2)
    yield "while it was finishing its work", found(live=Answer(503, 0.0))
    yield "had to be killed", found(code=None)


def frozen(status: str, streak: int) -> Any:
    """A frozen trial with this health."""
    state = {"State": {"Health": {"Status": status, "FailingStreak": streak}}}
    return SimpleNamespace(inspect=lambda: state, exit_code=lambda: None, left_seconds=0.1)


def healthcheck() -> Iterator[Case]:
    """The engine's word on a container."""
    numbers = {"start_seconds": 3, "notice_seconds": 6}
    assert all(finding.passed for finding in monitoring_container.notices_hang(frozen("unhealthy", 2), 6.0))
    yield "docker build: ", [start_failure.build_finding("ERROR: unknown instruction: HEALTHCHECK")]
    yield "has no HEALTHCHECK", monitoring_container.no_healthcheck().findings
    yield "while it was starting", [monitoring_container.stays_starting("unhealthy", numbers)]
    yield "healthy before it serves", [monitoring_container.stays_starting("healthy", numbers)]
    yield "came late", monitoring_container.notices_hang(frozen("unhealthy", 1), 1.0)
    yield "takes a service for dead", [monitoring_container.is_healthy("unhealthy")]
    yield "takes a service for dead", [monitoring_container.is_healthy(None)]
    yield "the engine called it healthy", monitoring_container.notices_hang(frozen("healthy", 0), 0.0)


SOURCE = check_runner.marked(CHECKOUT, "metrics.py", "04_monitoring")
SOLUTION = regions.region_of(regions.solved(SOURCE), "monitoring.metrics")
RAW_PATH = SOLUTION.replace("method, route, ", "method, path, ")
STATUS = '"none" if status is None else str(status)'
WITH_ID = SOLUTION.replace('"status")', '"status", "id")').replace(STATUS, f"{STATUS}, uuid.uuid4().hex")
NOT_FAILURES = SOLUTION.replace(
    "    method = method", "    if (status or 500) >= 500:\n        return\n    method = method"
)


def scrapes_of(region: str) -> list[MetricsText]:
    """The check's four scrapes, with these lines in the region."""
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
    count("GET", "/nowhere", UNMATCHED, 404, 0.01)
    methods = scrape()
    for turn in range(9):
        count("GET", f"/{turn}", UNMATCHED, 404, 0.01)
    return [before, after, methods, scrape()]


def metrics() -> Iterator[Case]:
    """Yield the scrapes of each wrong solution."""
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


def ratio() -> Iterator[Case]:
    """Alerts that fire when they should not, or do not when they should."""
    yield "promtool check rules", monitoring_ratio.refused("x.yml: 7:15: parse error").findings
    yield "Compute OrdersFail", monitoring_ratio.not_computed("duplicate series").findings
    questions = monitoring_ratio.alert_cases(7)
    assert monitoring_ratio.judge(questions, [one.fires for one in questions]).verdict is Verdict.PASSED
    for says, number in (
        ("calls for a single error", 1),
        ("probe was told", 2),
        ("other service", 3),
        ("nobody is called", 5),
        ("For a while it was over", 6),
    ):
        fired = [one.fires is not (place == number) for place, one in enumerate(questions)]
        yield says, monitoring_ratio.judge(questions, fired).findings


WRONG = {
    "monitoring.deep": deep,
    "monitoring.critical": critical,
    "monitoring.drain": drain,
    "monitoring.healthcheck": healthcheck,
    "monitoring.metrics": metrics,
    "monitoring.ratio": ratio,
}


@pytest.mark.parametrize("identifier", WRONG)
def test_each_wrong_answer_is_named(identifier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first finding that fails names the mistake, and chooses the hint for it."""
    monkeypatch.setattr(monitoring_health, "FAILURE_KEPT_SECONDS", 0)
    monkeypatch.setattr(monitoring_health, "PATIENCE_SECONDS", 0)
    check_runner.assert_named(identifier, WRONG[identifier]())


@pytest.mark.parametrize(
    ("value", "passed"),
    [
        ({"container": "b", "percent": 58.2}, [True, True]),
        ({"container": "b", "percent": 30}, [True, False]),
        ({"container": "a", "percent": 61}, [False, False]),
        ({"container": "d", "percent": 61}, [False, True]),
        (None, [False, False]),
    ],
)
def test_a_throttled_container_and_its_share_are_two_findings(value: object, passed: list[bool]) -> None:
    """The busiest is not the throttled one, and the share is of the container that was named."""
    usage = pd.DataFrame(
        {"throttled_percent": [0.0, 61.0, 2.0], "cpu_percent": [45.0, 5.0, 1.5]}, index=["a", "b", "c"]
    )
    result = monitoring_container.judge_throttled(value, usage)
    assert [finding.passed for finding in result.findings] == passed, result.findings
    assert (result.verdict is Verdict.PASSED) == all(passed)
