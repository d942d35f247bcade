"""The first hint of lesson 03's exercises: each wrong answer that was recorded gets the one for its own finding."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from tests.workshop_kit.learn.exercise import test_check_logging_service as service
from tests.workshop_kit.learn.exercise import test_incidents as incident
from tests.workshop_kit.learn.exercise import test_logging_parse as parse
from workshop_kit.learn.exercise import incidents, registry
from workshop_kit.learn.exercise.checks import (
    logging_cause,
    logging_collector,
    logging_context,
    logging_jq,
    logging_level,
    logging_parse,
    logging_percentiles,
    logging_stdout,
)
from workshop_kit.learn.exercise.checks.logging_cause import Evidence
from workshop_kit.learn.exercise.checks.logging_collector import Count
from workshop_kit.learn.exercise.desk import first_hint
from workshop_kit.learn.exercise.result import Finding
from workshop_kit.learn.workspace import CHECKOUT
from workshop_kit.observe.jq import Answer

EXERCISES = [one for one in registry.load(CHECKOUT) if one.lesson == "03_logging" and one.first_hints]
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


CASES = {
    "logging.stdout": stdout,
    "logging.parse": parsed,
    "logging.context": context,
    "logging.cause": cause,
    "logging.level": level,
    "logging.percentiles": percentiles,
    "logging.jq": jq,
    "logging.collector": collector,
}


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda one: str(one.id))
def test_the_first_hint_is_the_one_for_the_finding(exercise: registry.Exercise) -> None:
    """Each hint of the registry is chosen by the wrong answer that it is for."""
    cases = list(CASES[exercise.id]())
    chosen = {said: first_hint(exercise, findings) for said, findings in cases}
    assert chosen == {said: said for said in exercise.first_hints}
