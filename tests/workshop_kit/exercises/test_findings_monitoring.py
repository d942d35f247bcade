"""The checks of lesson 04 on recorded observations: each mistake has a finding of its own, by its key."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest
from starlette.requests import Request
from starlette.routing import Route

from tests.workshop_kit.exercises import check_runner
from tests.workshop_kit.exercises.check_runner import failed_keys
from workshop_kit.checks import (
    monitoring_critical,
    monitoring_deep,
    monitoring_drain,
    monitoring_health,
    monitoring_healthcheck,
    monitoring_metrics,
    monitoring_ratio,
    stops,
)
from workshop_kit.checks.monitoring_critical import CRITICAL_ELSEWHERE, CRITICAL_HERE, DEPENDENCIES
from workshop_kit.checks.monitoring_deep import MOST_CONNECTIONS
from workshop_kit.checks.monitoring_drain import StopObservation
from workshop_kit.checks.monitoring_metrics import (
    HANGUPS,
    KNOWN_REQUESTS,
    ODD_METHODS,
    ODD_STATUS,
    SLOW_SECONDS,
    MetricsText,
)
from workshop_kit.observe.http import Answer
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials.result import Finding, Verdict
from workshop_kit.workspace import course, regions

Case = tuple[str, Sequence[Finding]]
ANSWERS = CHECKOUT / "solutions/04_monitoring/answers"
METHODS = ("GET", "HEAD", "POST")
SOURCE = check_runner.marked(CHECKOUT, "metrics.py", "04_monitoring")
SOLUTION = regions.region_of(regions.solved(SOURCE), "monitoring.metrics")
LABELS = "method, route, status"
ON_ROUTE = "REQUESTS.labels(method, route.path, status)"
WITH_ID = SOLUTION.replace('"status")', '"status", "id")').replace(ON_ROUTE, f"{ON_ROUTE[:-1]}, 0)")
WITH_ID = WITH_ID.replace(f"labels({LABELS})", f"labels({LABELS}, uuid.uuid4().hex)")


async def endpoint(_: Request) -> None:
    """Answer nobody: only the routes are needed."""


ROUTES = [
    Route("/orders", endpoint, methods=["POST"]),
    Route("/orders", endpoint),
    Route("/orders/{order_id}", endpoint),
]


def changed(*changes: str) -> str:
    """The solution of monitoring.metrics with changes: old and new text, in turn."""
    return check_runner.changed(SOLUTION, *changes)


def counting(condition: str) -> str:
    """The solution, which counts only requests for which this holds."""
    return changed(
        "    if method not in METHODS:", f"    if not ({condition}):\n        return\n    if method not in METHODS:"
    )


def scrapes_of(region: str) -> list[MetricsText]:
    """The check's three scrapes, with these lines in the region."""
    registry = CollectorRegistry()
    types = {
        metric_type.__name__: partial(metric_type, registry=registry)
        for metric_type in (Counter, Gauge, Histogram, Summary)
    }
    names: dict[str, Any] = {"Iterable": Iterable, "Route": Route, "METHODS": METHODS, "uuid": uuid, **types}
    exec(region, names)
    names["expect"](ROUTES)
    count: Callable[[str, str, str, int, float], None] = names["count"]

    def scrape() -> MetricsText:
        return MetricsText.of(generate_latest(registry).decode())

    before = scrape()
    for (method, route, status), number in KNOWN_REQUESTS.items():
        for turn in range(number):
            seconds = SLOW_SECONDS + 0.01 if (method, status) == ("GET", "200") else 0.01
            count(method, route.replace("{order_id}", f"nobody-{turn}"), route, int(status), seconds)
    for _ in range(HANGUPS):
        count("POST", "/orders", "/orders", 499, 0.01)
    after = scrape()
    for method in ODD_METHODS:
        count(method, "/orders", "/orders", int(ODD_STATUS), 0.01)
    count("GET", "/nobody-9", "unmatched", 404, 0.01)
    return [before, after, scrape()]


RAW_PATH_IN_DURATION = changed("DURATION.labels(route).obs", "DURATION.labels(path).obs")
METRICS = {
    "monitoring.metrics.counter.absent": changed('"http_requests"', '"orders"'),
    "monitoring.metrics.counter.type": changed(
        "Counter(", "Gauge(", 'Gauge("http_requests"', 'Gauge("http_requests_total"'
    ),
    "monitoring.metrics.counter.labels": changed(
        ', "status")',
        ")",
        f"labels({LABELS})",
        "labels(method, route)",
        ON_ROUTE,
        "REQUESTS.labels(method, route.path)",
    ),
    "monitoring.metrics.counts.path": changed(f"labels({LABELS})", "labels(method, path, status)"),
    "monitoring.metrics.counts.route": changed(f"labels({LABELS})", 'labels(method, "/orders", status)'),
    "monitoring.metrics.counts.often": changed("inc()", "inc(2)"),
    "monitoring.metrics.counts.status": changed(f"labels({LABELS})", 'labels(method, route, f"{status}"[0] + "xx")'),
    "monitoring.metrics.counts.missing": counting("status < 500"),
    "monitoring.metrics.series": WITH_ID,
    "monitoring.metrics.closed.errors": changed(
        f"labels({LABELS})", "labels(method, route, 500 if status == 499 else status)"
    ),
    "monitoring.metrics.closed.uncounted": counting("status != 499"),
    "monitoring.metrics.zeros": changed("(200, 201, 500, 503)", "(200, 201)"),
    "monitoring.metrics.methods.many": changed('method = "OTHER"', "pass"),
    "monitoring.metrics.methods.uncounted": changed('method = "OTHER"', "return"),
    "monitoring.metrics.durations.absent": changed("Histogram(", "Summary("),
    "monitoring.metrics.durations.missing": changed(
        "    DURATION.labels(route).obs", "    if status != 500:\n        DURATION.labels(route).obs"
    ),
    "monitoring.metrics.durations.milliseconds": changed("(seconds)", "(seconds * 1000)"),
    "monitoring.metrics.durations.buckets": changed('("route",))', '("route",), buckets=(10, 100))'),
    "monitoring.metrics.durations.few": changed('("route",))', '("route",), buckets=(0.1, 1))'),
    "monitoring.metrics.paths": RAW_PATH_IN_DURATION,
}
"""Metrics that are nearly right, by the finding that says so."""


def metrics() -> Iterator[Case]:
    """Metrics that are nearly right, and those whose code fails."""
    assert monitoring_metrics.judge(scrapes_of(SOLUTION)).verdict is Verdict.PASSED
    for key, region in METRICS.items():
        yield key, monitoring_metrics.judge(scrapes_of(region)).findings

    nothing = scrapes_of(changed("inc()", "inc(0)"))
    raised = "ValueError: Incorrect label count (metrics.py, line 48)"
    yield "monitoring.metrics.counts.raised", monitoring_metrics.judge(nothing, raised).findings


LATE = Answer(503, seconds=3.0)
NO_ANSWER = Answer(None, seconds=3.0, error="no answer within 2.5 s")
TIMELY = Answer(503, seconds=0.8)


def health_body(status: str, away: Collection[str], words: str = "no answer from {}") -> str:
    """A body of /health."""
    return json.dumps({"status": status, "away": {name: words.format(name) for name in away}})


BOTH = ("master-db", "redis")


def deep() -> Iterator[Case]:
    """Answers while two dependencies hang, and while they refuse; and what is left of them."""

    def hanging(path: str, answer: Answer) -> Sequence[Finding]:
        is_in_time = answer.status is not None and answer.seconds < 1
        return [monitoring_deep.probe_finding(path, answer, is_in_time=is_in_time)]

    def refusing(body: str) -> Sequence[Finding]:
        return [monitoring_deep.names_finding(Answer(503, body=body), ["4f1c"])]

    assert hanging("/health", TIMELY)[0].passed
    yield "monitoring.deep.health.well", hanging("/health", Answer(200))
    yield "monitoring.deep.health.late", hanging("/health", NO_ANSWER)
    yield "monitoring.deep.health.fails", hanging("/health", Answer(500))
    yield "monitoring.deep.ready.well", hanging("/readyz", Answer(200))
    yield "monitoring.deep.ready.late", hanging("/readyz", LATE)
    yield "monitoring.deep.ready.fails", hanging("/readyz", Answer(500))

    assert monitoring_deep.connections_finding(MOST_CONNECTIONS).passed
    yield "monitoring.deep.leftover", [monitoring_deep.connections_finding(MOST_CONNECTIONS + 1)]

    assert refusing(health_body("fail", BOTH))[0].passed
    yield "monitoring.deep.named.unnamed", refusing(health_body("fail", ["redis"]))
    yield "monitoring.deep.named.leaked", refusing(health_body("fail", BOTH, "(2003, Can't connect)"))
    yield "monitoring.deep.named.leaked", refusing(health_body("fail", BOTH, "no answer from 4f1c"))


def right_health(gone: str, critical: Sequence[str]) -> Answer:
    """The right answer with a dependency gone ("": none), and with these critical ones."""
    names = {gone} - {""}
    if gone in critical:
        return Answer(503, body=health_body("fail", names))
    return Answer(200, body=health_body("warn" if gone else "pass", names))


STATES = (*DEPENDENCIES, "")
HERE_RIGHT = {gone: right_health(gone, CRITICAL_HERE) for gone in STATES}
ELSEWHERE_RIGHT = {gone: right_health(gone, [CRITICAL_ELSEWHERE]) for gone in STATES}


def critical() -> Iterator[Case]:
    """One answer of /health is not that of its state, or all are right with one setting only."""
    assert monitoring_critical.judge_critical(HERE_RIGHT, ELSEWHERE_RIGHT).verdict is Verdict.PASSED
    for key, gone, wrong in (
        ("monitoring.critical.gone.unheard", "redis", Answer(200, body=health_body("pass", ["redis"]))),
        (
            "monitoring.critical.gone.strict",
            CRITICAL_ELSEWHERE,
            Answer(503, body=health_body("fail", [CRITICAL_ELSEWHERE])),
        ),
        (
            "monitoring.critical.gone.silent",
            CRITICAL_ELSEWHERE,
            Answer(200, body=health_body("pass", [CRITICAL_ELSEWHERE])),
        ),
        ("monitoring.critical.gone.fails", "redis", Answer(500)),
        ("monitoring.critical.gone.other", "redis", Answer(503, body=health_body("warn", ["redis"]))),
        ("monitoring.critical.well", "", Answer(200, body=health_body("warn", []))),
    ):
        yield key, monitoring_critical.judge_critical({**HERE_RIGHT, gone: wrong}, ELSEWHERE_RIGHT).findings
    lucky = monitoring_critical.judge_critical(HERE_RIGHT, HERE_RIGHT)
    assert lucky.verdict is Verdict.LUCKY
    yield "monitoring.critical.elsewhere", lucky.findings


NOT_FOUND = {"ExitCode": -1, "Output": 'OCI runtime exec failed: exec: "curl": executable file not found in $PATH'}
IN_A_SHELL = {"ExitCode": 1, "Output": "/bin/sh: 1: wget: not found\n"}
SAYS_NO = {"ExitCode": 1, "Output": "HTTP Error 503"}
GOOD = {"ExitCode": 0, "Output": ""}


def healthcheck() -> Iterator[Case]:
    """What the engine says of a container that starts, and of one that hangs."""
    start = partial(monitoring_healthcheck.start_findings, start_seconds=3)
    assert all(finding.passed for finding in start(None, "healthy", [SAYS_NO, IN_A_SHELL, GOOD]))
    yield "monitoring.healthcheck.command", start("unhealthy", "unhealthy", [NOT_FOUND])
    yield "monitoring.healthcheck.command", start(None, None, [IN_A_SHELL])
    yield "monitoring.healthcheck.starting.unhealthy", start("unhealthy", "unhealthy", [SAYS_NO])
    yield "monitoring.healthcheck.starting.healthy", start("healthy", "healthy", [GOOD])
    yield "monitoring.healthcheck.serving.failing", start(None, "unhealthy", [SAYS_NO])
    yield "monitoring.healthcheck.serving.failing", start(None, None, [SAYS_NO])
    yield "monitoring.healthcheck.serving.seldom", start(None, None, [])

    hang = monitoring_healthcheck.hang_findings
    assert all(finding.passed for finding in hang("unhealthy after 6.0 s", 2, 8, is_noticed=True))
    yield "monitoring.healthcheck.hang", hang("healthy after 10.0 s", 0, 8, is_noticed=False)
    yield "monitoring.healthcheck.tries", hang("unhealthy after 2.0 s", 1, 8, is_noticed=True)


STOPPED = StopObservation(Answer(200), Answer(503), Answer(200), code=0, customer_count=40, total=80, failure_count=0)
UNANSWERED = Answer(None, seconds=monitoring_drain.DRAIN_SECONDS, error="connection closed without an answer")


def drain() -> Iterator[Case]:
    """What came back around a stop."""
    assert all(finding.passed for finding in monitoring_drain.drain_findings(STOPPED))
    for key, observed in (
        ("monitoring.drain.before.early", replace(STOPPED, before=Answer(503))),
        ("monitoring.drain.ready.still", replace(STOPPED, ready=Answer(200), failure_count=7)),
        ("monitoring.drain.ready.gone", replace(STOPPED, ready=Answer(None, error="connection refused"))),
        ("monitoring.drain.ready.blocked", replace(STOPPED, ready=UNANSWERED)),
        ("monitoring.drain.ready.blocked", replace(STOPPED, ready=replace(UNANSWERED, status=503))),
        ("monitoring.drain.ready.fails", replace(STOPPED, ready=Answer(500))),
        ("monitoring.drain.lost", replace(STOPPED, failure_count=7)),
        ("monitoring.drain.alive", replace(STOPPED, live=Answer(503))),
        ("monitoring.drain.end.runs", replace(STOPPED, code=None)),
        ("monitoring.drain.end.crashed", replace(STOPPED, code=1)),
    ):
        yield key, monitoring_drain.drain_findings(observed)


Fired = Mapping[str, Collection[str]]
OF_ALL = {"alertname", "severity"}
RIGHT_ALERT = {name: OF_ALL for name, case in monitoring_ratio.PLAYS.items() if case.fires}


def fired(**plays: Collection[str] | None) -> Fired:
    """The plays in which an alert fires that is right but for these, by the names of its labels; None: it is silent."""
    changes = {name: labels for name, labels in plays.items() if labels is not None}
    return {name: labels for name, labels in (RIGHT_ALERT | changes).items() if plays.get(name, "") is not None}


RATIOS = {
    "monitoring.ratio.mistyped": fired(mistyped=OF_ALL),
    "monitoring.ratio.few": fired(few=OF_ALL),
    "monitoring.ratio.crowd": fired(crowd=OF_ALL),
    "monitoring.ratio.probes": fired(probes=OF_ALL),
    "monitoring.ratio.other": fired(other=OF_ALL),
    "monitoring.ratio.many.late": fired(many=None),
    "monitoring.ratio.many.silent": fired(many=None, late=None),
    "monitoring.ratio.part": fired(reads=None),
    "monitoring.ratio.apart": fired(apart={*OF_ALL, "route"}),
    "monitoring.ratio.all": fired(all=OF_ALL),
    "monitoring.ratio.window": fired(window=OF_ALL),
    "monitoring.ratio.moment": fired(moment=OF_ALL),
    "monitoring.ratio.night": fired(night=None),
    "monitoring.ratio.ends": fired(ends=OF_ALL),
}


def ratio() -> Iterator[Case]:
    """Plays in which the alert fires, or does not, and should not, or should."""
    assert all(finding.passed for finding in monitoring_ratio.play_findings(RIGHT_ALERT))
    for key, plays in RATIOS.items():
        yield key, monitoring_ratio.play_findings(plays)


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
        assert failed_keys(findings) == [key]


SILENT: Fired = {}
ALWAYS = dict.fromkeys(monitoring_ratio.PLAYS, OF_ALL)
OF_A_STATUS = {*OF_ALL, "status"}
OF_EACH_SERIES = dict.fromkeys(("few", "crowd", "apart", "all", "window", "moment"), OF_A_STATUS)
ORDERS_ONLY = fired(reads=None, apart=OF_ALL, all=OF_ALL, moment=OF_ALL)
SHORT_WINDOW = fired(window=OF_ALL, moment=OF_ALL)
NUMBER_OF_FAILURES = {**fired(crowd=OF_ALL, night=None)}


@pytest.mark.parametrize(
    ("plays", "keys"),
    [
        (SILENT, ["monitoring.ratio.many.silent"]),
        (ALWAYS, ["monitoring.ratio.mistyped"]),
        (fired(**OF_EACH_SERIES), ["monitoring.ratio.apart"]),
        (fired(**OF_EACH_SERIES, ends={"status"}), ["monitoring.ratio.few", "monitoring.ratio.ends"]),
        (ORDERS_ONLY, ["monitoring.ratio.part"]),
        (SHORT_WINDOW, ["monitoring.ratio.window"]),
        (fired(reads=None, orders=None), ["monitoring.ratio.part"]),
        (NUMBER_OF_FAILURES, ["monitoring.ratio.crowd", "monitoring.ratio.night"]),
    ],
)
def test_plays_that_show_nothing_are_left_out(plays: Fired, keys: Sequence[str]) -> None:
    """One mistake makes the alert wrong in several plays, and is told once."""
    judged = monitoring_ratio.play_findings(plays)
    assert failed_keys(judged) == keys


SHAPES = [
    '{"status": "fail", "away": {"redis": "no answer from redis"}}',
    '{"status": "fail", "away": ["redis"]}',
    '{"status": "fail", "output": "redis does not answer in time"}',
    '{"status": "fail", "master-db": true, "replica-db": true, "redis": false}',
    '{"status": "fail", "master-db": null, "replica-db": null, "redis": "no answer"}',
    '{"status": "fail", "checks": {"master-db:t": [{"status": "pass", "ms": 3}], "redis:t": [{"status": "fail"}]}}',
    '{"result": "FAIL", "of": {"redis": {"up": false, "critical": true}, "master-db": {"up": true, "critical": true}}}',
    '{"status": "fail", "all": {"redis": {"status": "down", "critical": true}, "master-db": {"status": "up"}}}',
    "fail: redis",
    "fail\nmaster-db: ok, replica-db: ok, redis: timed out",
]


@pytest.mark.parametrize("body", SHAPES)
def test_a_body_of_any_shape_is_read(body: str) -> None:
    """What is away, and the word for the whole service, may stand in other places than the solution's."""
    answer = Answer(503, body=body)
    assert monitoring_health.away_dependencies(answer) == {"redis"}
    shown = monitoring_critical.judge_critical({**HERE_RIGHT, "redis": answer}, ELSEWHERE_RIGHT)
    assert shown.verdict is Verdict.PASSED, shown


def test_a_body_that_says_that_all_is_well_names_none() -> None:
    """The names of dependencies that answer are no complaint."""
    for body in (
        '{"status": "pass", "checks": {"redis": "pass", "master-db": {"status": "ok", "ms": 0.8}}}',
        "pass",
        "{}",
    ):
        assert monitoring_health.away_dependencies(Answer(200, body=body)) == set()


@pytest.mark.parametrize(
    ("process_1", "code", "is_good"),
    [
        ("python main.py", 0, True),
        ("/sbin/docker-init -- python main.py", 0, True),
        ("/sbin/docker-init -- python main.py", 143, True),
        ("tini -- sh start.sh", 143, True),
        ("tini -- sh start.sh", 137, False),
        ("sh start.sh tini", 143, False),
        ("python main.py", None, False),
    ],
)
def test_behind_an_init_143_is_a_good_end(process_1: str, code: int | None, is_good: bool) -> None:
    """uvicorn raises SIGTERM again once it has stopped; an init passes that on as 143."""
    assert stops.is_good_end(process_1, code) is is_good
    ends = [
        finding
        for finding in monitoring_drain.drain_findings(replace(STOPPED, process_1=process_1, code=code))
        if "end" in finding.key
    ]
    assert [finding.passed for finding in ends] == [is_good]


@pytest.mark.parametrize("name", sorted(path.name for path in (ANSWERS / "monitoring.metrics").iterdir()))
def test_each_answer_of_metrics_is_judged_by_its_numbers(name: str) -> None:
    """Right answers in other styles pass; the others fail with the key that the registry has for them."""
    exercises = course.read_toml(CHECKOUT)["exercise"]
    [entry] = [entry for entry in exercises if entry["id"] == "monitoring.metrics"]
    result = monitoring_metrics.judge(scrapes_of((ANSWERS / "monitoring.metrics" / name).read_text()))
    key = entry["cheats"].get(name)
    assert failed_keys(result.findings) == ([key] if key else [])
    assert key or name in entry["alternatives"]


def test_a_function_that_fails_in_every_state_is_one_finding() -> None:
    """The same failure with each dependency gone is told once."""
    failing = dict.fromkeys(STATES, Answer(500))
    result = monitoring_critical.judge_critical(failing, failing)
    assert failed_keys(result.findings) == ["monitoring.critical.gone.fails", "monitoring.critical.well"]


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
