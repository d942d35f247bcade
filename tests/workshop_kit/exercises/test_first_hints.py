"""The first hints of lessons 03 and 04: each wrong answer that was recorded gets the one for its own finding."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from tests.workshop_kit.exercises import test_check_logging_service as service
from tests.workshop_kit.exercises import test_check_monitoring_health as health
from tests.workshop_kit.exercises import test_incidents as incident
from tests.workshop_kit.exercises import test_logging_parse as parse
from tests.workshop_kit.exercises import test_monitoring_healthcheck as probe
from tests.workshop_kit.exercises import test_monitoring_metrics as measured
from workshop_kit.exercises import incidents, registry, service_image
from workshop_kit.exercises.checks import (
    logging_cause,
    logging_collector,
    logging_context,
    logging_jq,
    logging_level,
    logging_parse,
    logging_percentiles,
    logging_stdout,
    monitoring_critical,
    monitoring_deep,
    monitoring_drain,
    monitoring_healthcheck,
    monitoring_metrics,
    monitoring_ratio,
)
from workshop_kit.exercises.checks.logging_cause import Evidence
from workshop_kit.exercises.checks.logging_collector import Count
from workshop_kit.exercises.exercise_service import first_hint
from workshop_kit.exercises.result import Finding
from workshop_kit.observe import http
from workshop_kit.observe.jq import Answer
from workshop_kit.paths import CHECKOUT

LESSONS = ("03_logging", "04_monitoring")
EXERCISES = [one for one in registry.load(CHECKOUT) if one.lesson in LESSONS and one.first_hints]
Case = tuple[str, Sequence[Finding]]
"""The words of the finding that the hint is for, and what the check found in the wrong answer."""


def stdout() -> Iterator[Case]:
    """Lines that are nearly right."""

    def found(*lines: str) -> Sequence[Finding]:
        return logging_stdout.findings_in(service.log_of(*lines), service.CUSTOMERS)

    def each(**changes: Any) -> list[str]:
        return [json.dumps({**fields, **changes}) for fields in service.EVENTS]

    yield "docker logs is empty", found()
    yield "no JSON object", found(*map(service.as_text, service.EVENTS))
    without = [{name: value for name, value in fields.items() if name != "logger"} for fields in service.EVENTS]
    yield "missing: ", found(*map(json.dumps, without))
    yield "path not as asked for", found(*each(path="/orders/cleaned"))
    whole = [{name: value for name, value in fields.items() if name != "stack"} for fields in service.EVENTS]
    told = service.EVENTS[-1]["stack"].split("\n")
    lines = [*map(json.dumps, whole), *(json.dumps({**service.FIRST, "msg": line}) for line in told)]
    yield "spread over many lines", found(*lines)


def parsed() -> Iterator[Case]:
    """One part of the answer is wrong."""
    frame = parse.read(3)
    right = parse.right(frame)
    for said, change in (
        ("More lines than there are", {"lines": len(frame) + 2}),
        ("Not as many lines", {"lines": len(frame) - 1}),
        ("A row too many", {"rows": right["rows"] + 3}),
        ("Without a trace", {"odd": right["odd"][1:]}),
    ):
        yield said, logging_parse.compared({**right, **change}, frame).findings


def context() -> Iterator[Case]:
    """Ids that go to the wrong lines."""
    ids, last = service.IDS, service.LAST

    right = service.lines_of_requests(lambda who: {"request_id": ids[who]} if who in ids else {}).records

    def found(which: str, value: str, request_id: str | None) -> Sequence[Finding]:
        """What is found when each line with this value in the field ``which`` has another id."""
        lines = [{**one, "request_id": request_id} if one.get(which) == value else one for one in right]
        return logging_context.findings_in(service.log_of(*(json.dumps(one, default=str) for one in lines)), ids)

    yield "that of another", found("by", "itself", ids[last])
    yield "a thread of the request", found("by", "a thread", None)
    yield "have the id of a request", found("msg", "beat", ids[last])
    yield "ids have one", found("msg", "request", None)


def cause() -> Iterator[Case]:
    """Another dependency, time or request."""
    log = pd.DataFrame(incident.recorded())
    missing = {name: pd.Series(pd.NA, log.index, kind) for name, kind in incidents.FIELDS.items() if name not in log}
    evidence = Evidence(log.assign(**missing), incident.INCIDENT)
    for said, change in (
        ("hiccupped", {"dependency": "replica-db"}),
        ("none was refused by it", {"dependency": "master-db"}),
        ("The service needs", {"dependency": "a disk"}),
        ("early: then all was well", {"since": str(incident.BEGAN + timedelta(seconds=5))}),
        ("s too late", {"since": str(incident.STRUCK + timedelta(seconds=6))}),
        ("learns nothing about the trouble", {"request_id": "id-3"}),
    ):
        yield said, logging_cause.compared({**incident.RIGHT, **change}, evidence).findings


def level() -> Iterator[Case]:
    """A level that does not change, or not for every line."""
    levels = [phase.level for phase in logging_level.PHASES]
    heard = {(one.level, kind) for one in logging_level.PHASES for kind in ("probe", "request") if getattr(one, kind)}

    def found(said: list[str], lines: set[tuple[str, str]]) -> Sequence[Finding]:
        asked = [{**service.FIRST, "request_id": f"level-{at}-{kind}"} for at, kind in lines]
        return logging_level.findings_in(said, service.log_of(*map(json.dumps, asked)), same=True)

    yield "does not take another level", found(["info"] * 3, heard)
    yield "Level debug", found(levels, heard - {("debug", "probe")})
    yield "Level info", found(levels, heard | {("info", "probe")})
    yield "Level error", found(levels, heard | {("error", "request")})


def percentiles() -> Iterator[Case]:
    """The two mistakes of many dashboards, and other lines."""
    log = pd.DataFrame(incident.recorded())
    right = incident.percentiles_of(logging_percentiles.customers(log))
    windows = pd.DataFrame(right["windows"]).T
    averaged = {f"p{float(name) * 100:g}": value for name, value in windows.mean().items()}
    with_probes = incident.percentiles_of(log[log["msg"] == "request"])
    for said, answer in (
        ("average of percentiles", {**right, "whole": averaged}),
        ("no customer waited for", {**right, "windows": with_probes["windows"]}),
        ("These are not the percentiles", {**right, "whole": dict.fromkeys(right["whole"], 1.0)}),
    ):
        yield said, logging_percentiles.compared(answer, log).findings


def jq() -> Iterator[Case]:
    """What jq said to four programs."""
    lines = [line.encode() for line in logging_jq.planted()]
    failed = [one["request_id"] for one in map(json.loads, lines[:3])]
    other = json.loads(lines[3])["request_id"]
    for said, answer in (
        ("jq cannot read this program", Answer("", "jq: error: syntax error", logging_jq.CANNOT_BE_READ)),
        ("jq failed on lines", Answer("", "jq: error: Cannot index number with string", 5)),
        ("failed requests are missing", Answer("\n".join([*failed[1:], ""]), "", 0)),
        ("that did not fail", Answer("\n".join([*failed, other, ""]), "", 0)),
    ):
        yield said, logging_jq.compared(answer, lines).findings


def collector() -> Iterator[Case]:
    """Lines lost, and lines twice."""
    yield "The checkpoint said that they are safe", [logging_collector._finding(Count(3, 0, 2), "kill -9")]
    yield "Lines came twice", [logging_collector._finding(Count(0, 4, 2), "kill -9")]


def metrics() -> Iterator[Case]:
    """Scrapes of wrong regions."""
    solution, status = measured.SOLUTION, measured.STATUS
    for said, region in (
        ("is a gauge", measured.STARTER),
        ("has no label", solution.replace(', "status")', ")").replace(f", {status}", "")),
        ("invented", measured.RAW_PATH),
        ("every request another series", measured.WITH_ID),
        ("methods", solution.replace(' if method in METHODS else "OTHER"', "")),
        ("hung up", solution.replace(status, "str(status or 500)")),
        ("no longer be told apart", solution.replace(status, 'f"{status or 0}"[0] + "xx"')),
        ("in the last bucket", solution.replace("(seconds)", "(seconds * 1000)")),
        ("were not counted", solution.replace("    method = ", "    if status == 500:\n        return\n    method = ")),
    ):
        yield said, monitoring_metrics.judge(measured.scrapes_of(region)).findings


def ratio() -> Iterator[Case]:
    """Alerts that fire when they should not, or do not when they should."""
    yield "promtool check rules", monitoring_ratio.refused("x.yml: 7:15: parse error", "").findings
    yield "Compute OrdersFail", monitoring_ratio._not_computed("duplicate series").findings
    questions = monitoring_ratio.questions(7)
    for said, number in (
        ("calls for a single error", 1),
        ("probe was told", 2),
        ("other service", 3),
        ("nobody is called", 6),
        ("For a while it was over", 7),
    ):
        fired = [one.fires is not (place == number) for place, one in enumerate(questions)]
        yield said, monitoring_ratio.judge(questions, fired).findings


def deep() -> Iterator[Case]:
    """Answers of /health and /livez while dependencies are away."""
    doors: Any = SimpleNamespace(environment={}, set=lambda: None)
    no_answer, wrong = http.Answer(None, 2.5, error="no answer"), http.Answer(500, 0.1)
    yield "no restart mends a database", [monitoring_deep._live(health.tried(no_answer), "hang")]
    yield "waits as long as the database does", [monitoring_deep._in_time(health.tried(no_answer), "/health")]
    told = health.health(503, "fail", "master-db", "redis", output="[Errno 111]")
    yield "tells strangers", [monitoring_deep._tells(health.tried(told), doors)]
    yield "its own code fails", [monitoring_deep._in_time(health.tried(wrong), "/health")]
    stuck: Any = SimpleNamespace(wait_answer=lambda *_, **__: False, get=lambda _: wrong)
    yield "does not notice", [monitoring_deep._back(stuck, doors)]


def critical() -> Iterator[Case]:
    """Answers of /health with one dependency away."""
    replica, redis = (case for case, _ in monitoring_critical.CASES[:2])
    setting = f", with {monitoring_critical.SETTING}={monitoring_critical.OTHERWISE}"
    for said, case, answer, other in (
        ("HEALTH_CRITICAL=", replica, health.health(200, "pass", "replica-db"), setting),
        ("nobody is called", redis, health.health(200, "pass", "redis"), ""),
        ("nobody hears of it", replica, health.health(200, "pass", "replica-db"), ""),
        ("could do without", replica, health.health(503, "fail", "replica-db"), ""),
    ):
        yield said, [monitoring_critical._answered(health.tried(answer), case, other)]


def drain() -> Iterator[Case]:
    """An instance that leaves."""
    yield "says that it is ready", [monitoring_drain._said(http.Answer(200, 0.0))]
    yield "while it was finishing its work", [monitoring_drain._alive(http.Answer(503, 0.0))]
    yield "had to be killed", [monitoring_drain._ended(None)]


def healthcheck() -> Iterator[Case]:
    """What the engine says of a container."""
    yield "docker build: ", [service_image.finding("ERROR: unknown instruction: HEALTCHECK")]
    yield "has no HEALTHCHECK", monitoring_healthcheck._none().findings
    yield "while it was starting", [monitoring_healthcheck._started("unhealthy", probe.NUMBERS)]
    yield "came late", monitoring_healthcheck._hang(probe.frozen("unhealthy", 1), 1.0)
    yield "takes a service for dead", [monitoring_healthcheck._well("unhealthy")]
    yield "the engine called it healthy", monitoring_healthcheck._hang(probe.frozen("healthy", 0), 0.0)


CASES = {
    "logging.stdout": stdout,
    "logging.parse": parsed,
    "logging.context": context,
    "logging.cause": cause,
    "logging.level": level,
    "logging.percentiles": percentiles,
    "logging.jq": jq,
    "logging.collector": collector,
    "monitoring.metrics": metrics,
    "monitoring.ratio": ratio,
    "monitoring.deep": deep,
    "monitoring.critical": critical,
    "monitoring.drain": drain,
    "monitoring.healthcheck": healthcheck,
}


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda one: str(one.id))
def test_the_first_hint_is_the_one_for_the_finding(exercise: registry.Exercise) -> None:
    """Each hint of the registry is chosen by the wrong answer that it is for."""
    cases = list(CASES[exercise.id]())
    chosen = {said: first_hint(exercise, findings) for said, findings in cases}
    assert chosen == {said: said for said in exercise.first_hints}
