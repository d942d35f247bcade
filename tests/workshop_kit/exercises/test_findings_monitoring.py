"""The checks of lesson 04 on recorded observations: each mistake has a finding of its own, by its key."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest
from starlette.routing import Route

from tests.workshop_kit.exercises import check_runner
from workshop_app.metrics import BUCKETS_SECONDS, METHODS, UNMATCHED, is_counted
from workshop_kit.exercises.checks import (
    monitoring_container,
    monitoring_health,
    monitoring_metrics,
    monitoring_ratio,
)
from workshop_kit.exercises.checks.monitoring_container import StopObservation
from workshop_kit.exercises.checks.monitoring_health import GONE, HERE, OTHERWISE
from workshop_kit.exercises.checks.monitoring_metrics import CLOSED, KNOWN, ODD_METHODS, SLOW_SECONDS, MetricsText
from workshop_kit.exercises.result import Finding, Result, Verdict
from workshop_kit.observe.http import Answer
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import regions

Case = tuple[str, Sequence[Finding]]
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


def metrics() -> Iterator[Case]:
    """Metrics that are nearly right."""
    assert monitoring_metrics.judge(scrapes_of(SOLUTION)).verdict is Verdict.PASSED
    no_buckets = SOLUTION.replace(", buckets=BUCKETS_SECONDS", "")
    for key, region in (
        ("monitoring.metrics.counter.absent", SOLUTION.replace('"http_requests"', '"orders"')),
        ("monitoring.metrics.counter.type", SOLUTION.replace("Counter(", "Gauge(").replace('sts"', 'sts_total"', 1)),
        (
            "monitoring.metrics.counter.labels",
            SOLUTION.replace(', "status")', ")").replace(f", {STATUS}", "").replace(", status)", ")"),
        ),
        ("monitoring.metrics.counts.path", RAW_PATH),
        ("monitoring.metrics.counts.route", SOLUTION.replace("method, route, ", 'method, "/orders", ')),
        ("monitoring.metrics.counts.often", SOLUTION.replace("inc()", "inc(2)")),
        ("monitoring.metrics.series", WITH_ID),
        ("monitoring.metrics.methods", SOLUTION.replace(' if method in METHODS else "OTHER"', "")),
        ("monitoring.metrics.closed", SOLUTION.replace(STATUS, "str(status or 500)")),
        ("monitoring.metrics.counts.status", SOLUTION.replace(STATUS, 'f"{status or 0}"[0] + "xx"')),
        ("monitoring.metrics.durations.milliseconds", SOLUTION.replace("(seconds)", "(seconds * 1000)")),
        ("monitoring.metrics.durations.buckets", SOLUTION.replace("buckets=BUCKETS_SECONDS", "buckets=(10, 100)")),
        ("monitoring.metrics.counts.missing", NOT_FAILURES),
        ("monitoring.metrics.durations.absent", no_buckets.replace("Histogram(", "Summary(")),
        (
            "monitoring.metrics.durations.missing",
            SOLUTION.replace(
                "    DURATION.labels(route).obs", "    if status != 500:\n        DURATION.labels(route).obs"
            ),
        ),
    ):
        assert region != SOLUTION, key
        yield key, monitoring_metrics.judge(scrapes_of(region)).findings

    yield "monitoring.metrics.paths", monitoring_metrics.judge(scrapes_of(RAW_PATH_IN_DURATION)).findings
    nothing = scrapes_of(SOLUTION.replace("inc()", "inc(0)"))
    raised = "ValueError: Incorrect label count (metrics.py, line 48)"
    yield "monitoring.metrics.counts.raised", monitoring_metrics.judge(nothing, raised).findings


RAW_PATH_IN_DURATION = SOLUTION.replace("DURATION.labels(route).obs", "DURATION.labels(path).obs")
LATE = Answer(503, seconds=3.0)
NO_ANSWER = Answer(None, seconds=3.0, error="no answer within 2.5 s")
TIMELY = Answer(503, seconds=0.8)


def health_body(status: str, away: Mapping[str, str], output: str = "") -> str:
    """A body of /health."""
    checks = {f"{name}:responseTime": [{"status": away.get(name, "pass")}] for name in GONE}
    return json.dumps({"status": status, "checks": checks, "output": output})


BOTH = dict.fromkeys(("master-db", "redis"), "fail")


def deep() -> Iterator[Case]:
    """Answers while two dependencies hang, and while they refuse."""

    def hanging(path: str, answer: Answer) -> Sequence[Finding]:
        is_in_time = answer.status is not None and answer.seconds < 1
        return [monitoring_health.in_time(path, answer, is_in_time=is_in_time)]

    def refusing(body: str) -> Sequence[Finding]:
        return [monitoring_health.names_both(Answer(503, body=body), ["4f1c"])]

    assert hanging("/health", TIMELY)[0].passed
    yield "monitoring.deep.health.well", hanging("/health", Answer(200))
    yield "monitoring.deep.health.late", hanging("/health", NO_ANSWER)
    yield "monitoring.deep.health.fails", hanging("/health", Answer(500))
    yield "monitoring.deep.ready.well", hanging("/readyz", Answer(200))
    yield "monitoring.deep.ready.late", hanging("/readyz", LATE)
    yield "monitoring.deep.ready.fails", hanging("/readyz", Answer(500))

    assert refusing(health_body("fail", BOTH))[0].passed
    yield "monitoring.deep.named.unnamed", refusing(health_body("fail", {"redis": "fail"}))
    yield "monitoring.deep.named.leaked", refusing(health_body("fail", BOTH, "(2003, Can't connect)"))
    yield "monitoring.deep.named.leaked", refusing(health_body("fail", BOTH, "no answer from 4f1c"))


def right_health(gone: str, critical: Sequence[str]) -> Answer:
    """The right answer with a dependency gone ("": none), and with these critical ones."""
    if gone in critical:
        return Answer(503, body=health_body("fail", {gone: "fail"}))
    return Answer(200, body=health_body("warn" if gone else "pass", {gone: "warn"}))


STATES = (*GONE, "")
HERE_RIGHT = {gone: right_health(gone, HERE) for gone in STATES}
ELSEWHERE_RIGHT = {gone: right_health(gone, [OTHERWISE]) for gone in STATES}


def critical() -> Iterator[Case]:
    """One answer of /health is not that of its state, or all are right with one setting only."""
    assert monitoring_health.judge_critical(HERE_RIGHT, ELSEWHERE_RIGHT).verdict is Verdict.PASSED
    for key, gone, wrong in (
        ("monitoring.critical.gone.unheard", "redis", Answer(200, body=health_body("pass", {"redis": "fail"}))),
        ("monitoring.critical.gone.strict", OTHERWISE, Answer(503, body=health_body("fail", {OTHERWISE: "warn"}))),
        ("monitoring.critical.gone.silent", OTHERWISE, Answer(200, body=health_body("pass", {OTHERWISE: "warn"}))),
        ("monitoring.critical.gone.fails", "redis", Answer(500)),
        ("monitoring.critical.gone.other", "redis", Answer(503, body=health_body("warn", {"redis": "fail"}))),
        ("monitoring.critical.well", "", Answer(200, body=health_body("warn", {}))),
    ):
        yield key, monitoring_health.judge_critical({**HERE_RIGHT, gone: wrong}, ELSEWHERE_RIGHT).findings
    lucky = monitoring_health.judge_critical(HERE_RIGHT, HERE_RIGHT)
    assert lucky.verdict is Verdict.LUCKY
    yield "monitoring.critical.elsewhere", lucky.findings


NOT_FOUND = {"ExitCode": -1, "Output": 'OCI runtime exec failed: exec: "curl": executable file not found in $PATH'}
IN_A_SHELL = {"ExitCode": 1, "Output": "/bin/sh: 1: wget: not found\n"}
SAYS_NO = {"ExitCode": 1, "Output": "HTTP Error 503"}
GOOD = {"ExitCode": 0, "Output": ""}


def healthcheck() -> Iterator[Case]:
    """What the engine says of a container that starts, and of one that hangs."""
    start = partial(monitoring_container.start_findings, start_seconds=3)
    assert all(finding.passed for finding in start(None, "healthy", [SAYS_NO, IN_A_SHELL, GOOD]))
    yield "monitoring.healthcheck.command", start("unhealthy", "unhealthy", [NOT_FOUND])
    yield "monitoring.healthcheck.command", start(None, None, [IN_A_SHELL])
    yield "monitoring.healthcheck.starting.unhealthy", start("unhealthy", "unhealthy", [SAYS_NO])
    yield "monitoring.healthcheck.starting.healthy", start("healthy", "healthy", [GOOD])
    yield "monitoring.healthcheck.serving.failing", start(None, "unhealthy", [SAYS_NO])
    yield "monitoring.healthcheck.serving.failing", start(None, None, [SAYS_NO])
    yield "monitoring.healthcheck.serving.seldom", start(None, None, [])

    hang = monitoring_container.hang_findings
    assert all(finding.passed for finding in hang("unhealthy after 6.0 s", 2, 8, is_noticed=True))
    yield "monitoring.healthcheck.hang", hang("healthy after 10.0 s", 0, 8, is_noticed=False)
    yield "monitoring.healthcheck.tries", hang("unhealthy after 2.0 s", 1, 8, is_noticed=True)


STOPPED = StopObservation(Answer(200), Answer(503), Answer(200), code=0, came=40, total=80, failed=0)


def drain() -> Iterator[Case]:
    """What came back around a stop."""
    assert all(finding.passed for finding in monitoring_container.drain_findings(STOPPED))
    for key, observed in (
        ("monitoring.drain.before.early", replace(STOPPED, before=Answer(503))),
        ("monitoring.drain.ready.still", replace(STOPPED, ready=Answer(200), failed=7)),
        ("monitoring.drain.ready.gone", replace(STOPPED, ready=Answer(None, error="connection refused"))),
        ("monitoring.drain.ready.fails", replace(STOPPED, ready=Answer(500))),
        ("monitoring.drain.lost", replace(STOPPED, failed=7)),
        ("monitoring.drain.alive", replace(STOPPED, live=Answer(503))),
        ("monitoring.drain.end", replace(STOPPED, code=None)),
    ):
        yield key, monitoring_container.drain_findings(observed)


SILENT = dict.fromkeys(monitoring_ratio.CASES, False)
RIGHT_ALERT = {name: case.fires for name, case in monitoring_ratio.CASES.items()}


def ratio() -> Iterator[Case]:
    """Plays in which the alert fires, or does not, and should not, or should."""
    assert all(finding.passed for finding in monitoring_ratio.play_findings(RIGHT_ALERT))
    for key in (
        "monitoring.ratio.mistyped",
        "monitoring.ratio.few",
        "monitoring.ratio.crowd",
        "monitoring.ratio.probes",
        "monitoring.ratio.other",
        "monitoring.ratio.moment",
        "monitoring.ratio.many",
        "monitoring.ratio.night",
        "monitoring.ratio.ends",
    ):
        name = key.rpartition(".")[2]
        yield key, monitoring_ratio.play_findings({**RIGHT_ALERT, name: not RIGHT_ALERT[name]})


WRONG = {
    "monitoring.deep": deep,
    "monitoring.critical": critical,
    "monitoring.metrics": metrics,
    "monitoring.healthcheck": healthcheck,
    "monitoring.drain": drain,
    "monitoring.ratio": ratio,
}


@pytest.mark.parametrize("identifier", WRONG)
def test_each_wrong_answer_is_named(identifier: str) -> None:
    """A finding with the key of the mistake fails, and no other one that follows from it."""
    cases = [*WRONG[identifier]()]
    check_runner.assert_keys(cases)
    for key, findings in cases:
        assert [finding.key for finding in findings if not finding.passed] == [key]


def failed_keys(result: Result) -> list[str]:
    """The keys of the findings that failed."""
    return [finding.key for finding in result.findings if not finding.passed]


def test_plays_that_show_nothing_are_left_out() -> None:
    """What needs a call is not judged without one; an alert that always fires is one finding."""
    judged = monitoring_ratio.play_findings(SILENT)
    assert [finding.key for finding in judged if not finding.passed] == ["monitoring.ratio.many"]
    assert "monitoring.ratio.ends" not in [finding.key for finding in judged]
    always = dict.fromkeys(monitoring_ratio.CASES, True)
    failed = [finding.key for finding in monitoring_ratio.play_findings(always) if not finding.passed]
    assert failed == ["monitoring.ratio.mistyped"]
    loud = {**RIGHT_ALERT, "few": True, "crowd": True, "moment": True}
    failed = [finding.key for finding in monitoring_ratio.play_findings(loud) if not finding.passed]
    assert failed == ["monitoring.ratio.few"]


def test_a_function_that_fails_in_every_state_is_one_finding() -> None:
    """The same failure with each dependency gone is told once."""
    failing = dict.fromkeys(STATES, Answer(500))
    result = monitoring_health.judge_critical(failing, failing)
    assert failed_keys(result) == ["monitoring.critical.gone.fails", "monitoring.critical.well"]


RULES = regions.solved(check_runner.marked(CHECKOUT, "alerts.yml", "04_monitoring"))
LINES = RULES.split("\n")
EXPR = next(number for number, line in enumerate(LINES, 1) if "expr:" in line)


def with_line(number: int, line: str) -> str:
    """The rules with another line of this number."""
    return "\n".join([*LINES[: number - 1], line, *LINES[number:]])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (RULES, None),
        (with_line(EXPR, f"  {LINES[EXPR - 1]}"), EXPR),
        (with_line(EXPR, LINES[EXPR - 1][2:]), EXPR),
        (with_line(EXPR, "\t" + LINES[EXPR - 1].lstrip()), EXPR),
        (with_line(EXPR + 1, LINES[EXPR].lstrip()), EXPR + 1),
        (RULES.replace("        for: 2s", "      for: 2s"), RULES[: RULES.index("for: 2s")].count("\n") + 1),
        (f"{RULES}      - record: job:failed\n        expr: vector(1)\n  - name: more\n    rules: []\n", None),
    ],
)
def test_a_line_in_the_wrong_column_is_found(text: str, line: int | None) -> None:
    """A key beside its neighbors, a text that does not stand further to the right, a tab."""
    assert monitoring_ratio.misplaced_line(text) == line
