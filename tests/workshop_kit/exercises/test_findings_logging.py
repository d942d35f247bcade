"""The checks of lesson 03 on recorded logs: each mistake has a finding of its own, by its key."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pandas as pd
import pytest

from tests.workshop_kit.exercises import check_runner
from tests.workshop_kit.observe.log_frames import read_lines
from workshop_kit.exercises import fixtures, incidents
from workshop_kit.exercises.checks import logging_incident, logging_lines, logging_service
from workshop_kit.exercises.checks.logging_service import (
    FRAME,
    HONEST,
    HOSTILE,
    HOSTILE_PATH,
    LEVELS,
    LIBRARY,
    UNLUCKY,
    WRITERS,
    Log,
)
from workshop_kit.exercises.incidents import LogIncident
from workshop_kit.exercises.result import Finding, Verdict
from workshop_kit.observe.http import Answer
from workshop_kit.observe.jq import JqOutput

Case = tuple[str, Sequence[Finding]]
FIRST = {"ts": "2026-05-18T09:00:00.000+00:00", "level": "info", "logger": "orders", "msg": "request"}
BUG = {"error": "KeyError: 'rows'", "stack": f"orders.py:40 {FRAME}"}
EVENTS: list[dict[str, Any]] = [
    *({**FIRST, "request_id": name, "path": "/orders/first"} for name in HONEST),
    {**FIRST, "request_id": HOSTILE, "path": HOSTILE_PATH},
    {**FIRST, "request_id": UNLUCKY, **BUG},
]


def log_of(*lines: str) -> Log:
    """What the check reads from docker logs."""
    return Log.of("".join(f"{line}\n" for line in lines))


def log_of_events(events: Sequence[dict[str, Any]]) -> Log:
    """A log of JSON objects."""
    return log_of(*map(json.dumps, events))


def without(*names: str) -> Callable[[dict[str, Any]], str]:
    """Write a line without some fields."""
    return lambda fields: json.dumps({name: value for name, value in fields.items() if name not in names})


def as_text(fields: dict[str, Any]) -> str:
    """Write a line for eyes."""
    return " ".join(f"{name}={value}" for name, value in fields.items())


def stdout_findings(to_line: Callable[[dict[str, Any]], str]) -> Sequence[Finding]:
    """What the check finds in a log whose lines are written so."""
    return logging_service.stdout_findings(log_of(*map(to_line, EVENTS)))


def stdout() -> Iterator[Case]:
    """Lines that are nearly right."""
    assert all(finding.passed for finding in stdout_findings(json.dumps))
    yield "logging.stdout.collected.empty", logging_service.stdout_findings(log_of())
    yield "logging.stdout.collected.some", stdout_findings(without("request_id"))
    yield "logging.stdout.objects", stdout_findings(as_text)
    yield "logging.stdout.fields.missing", stdout_findings(without("logger"))
    yield "logging.stdout.fields.zone", stdout_findings(lambda fields: json.dumps({**fields, "ts": fields["ts"][:19]}))

    forged = json.dumps({**FIRST, "level": "critical", "msg": "all is lost"})
    lines = list(map(json.dumps, EVENTS))
    yield "logging.stdout.hostile.forged", logging_service.stdout_findings(log_of(*lines, forged))
    yield (
        "logging.stdout.hostile.escapes",
        stdout_findings(lambda fields: json.dumps(fields).replace(r"\u001b", "\x1b")),
    )
    yield "logging.stdout.hostile.changed", stdout_findings(lambda fields: json.dumps({**fields, "path": "/cleaned"}))

    yield "logging.stdout.bug.missing", stdout_findings(without(*BUG))
    stack = [json.dumps({**FIRST, "msg": line}) for line in ("orders.py:40", FRAME)]
    spread = log_of(*map(without("stack"), EVENTS), *stack)
    yield "logging.stdout.bug.spread", logging_service.stdout_findings(spread)


IDS = {"customer-0": "id-0", "customer-1": "id-1"}
ANSWERED = [Answer(200)] * len(IDS)


def context_events() -> Iterator[dict[str, Any]]:
    """The lines of two requests at once, and of a task that belongs to none."""
    for who, own in IDS.items():
        for by in WRITERS:
            line = {"logger": "some_library", "msg": f"asked by {who}"} if by == LIBRARY else {"who": who, "by": by}
            yield {**line, "request_id": own}
        yield {"msg": "request", "route": "/orders", "request_id": own}
    yield {"msg": "beat"}


def context() -> Iterator[Case]:
    """Lines with another's id, or with none."""

    def found(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Sequence[Finding]:
        events = [change(event) for event in context_events()]
        return logging_service.context_findings(ANSWERED, log_of_events(events), IDS)

    def shared(event: dict[str, Any]) -> dict[str, Any]:
        return {**event, "request_id": "id-1"}

    def lost(name: str, value: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
        return lambda event: {**event, "request_id": None} if event.get(name) == value else event

    assert all(finding.passed for finding in found(dict))
    failed = [Answer(500), Answer(200)]
    yield "logging.context.answered", logging_service.context_findings(failed, log_of(), IDS)
    yield "logging.context.logged.another", found(shared)
    yield "logging.context.logged.lost", found(lost("by", "itself"))
    yield "logging.context.logged.thread", found(lost("by", "a thread"))
    yield "logging.context.ended", found(lost("msg", "request"))
    yield "logging.context.background", found(lambda event: {"request_id": "id-0", **event})


def level_events(*wrong: str) -> Iterator[dict[str, Any]]:
    """The lines of a probe and a request at each level; at the wrong ones the log has the opposite."""
    for name, (probe, order) in LEVELS.items():
        for kind, is_logged in (("probe", probe), ("request", order)):
            if is_logged != (name in wrong):
                yield {"msg": "request", "request_id": f"level-{name}-{kind}"}


def level() -> Iterator[Case]:
    """A level that is not taken, or is taken and has no effect."""
    assert all(
        finding.passed for finding in logging_service.level_findings([*LEVELS], log_of_events([*level_events()]))
    )
    yield "logging.level.taken", logging_service.level_findings(["info"] * 3, log_of())
    for key in ("logging.level.debug", "logging.level.info", "logging.level.error"):
        name = key.rpartition(".")[2]
        yield key, logging_service.level_findings([*LEVELS], log_of_events([*level_events(name)]))


def mixed(seed: int) -> pd.DataFrame:
    """The lines of the container with mixed lines, as the check reads them."""
    return read_lines("".join(f"{line}\n" for line in fixtures.mixed_lines(Random(seed))).encode())


def right_answer(frame: pd.DataFrame) -> dict[str, Any]:
    """The right answer for mixed lines."""
    odd = frame.loc[frame["reason"].notna(), "raw"].tolist()
    return {"lines": len(frame), "rows": len(frame) - len(odd), "odd": odd}


def parse() -> Iterator[Case]:
    """One part of the answer is wrong."""
    frame = mixed(3)
    right = right_answer(frame)
    for key, change in (
        ("logging.parse.lines.more", {"lines": len(frame) + 2}),
        ("logging.parse.lines.fewer", {"lines": len(frame) - 1}),
        ("logging.parse.rows.more", {"rows": right["rows"] + 3}),
        ("logging.parse.rows.fewer", {"rows": right["rows"] - 1}),
        ("logging.parse.odd.lost", {"odd": right["odd"][1:]}),
        ("logging.parse.odd.extra", {"odd": [*right["odd"], "{}"]}),
    ):
        yield key, logging_lines.judge_parse({**right, **change}, frame).findings


FAILED_REQUEST = {"request_id": "a", "status": 503}


def jq() -> Iterator[Case]:
    """Output of jq with complaints, without an end, with too little or too much."""
    records = [FAILED_REQUEST, {"request_id": "b", "status": 404}]

    def found(output: str, error: str = "", code: int = 0, *, cut: bool = False) -> Sequence[Finding]:
        return logging_lines.jq_findings(JqOutput(output, error, code, cut), [FAILED_REQUEST], records)

    assert all(finding.passed for finding in found("a\n"))
    yield "logging.jq.ended.endless", found("a\n", code=141, cut=True)
    yield "logging.jq.ended.complaints", found("", "jq: error: Cannot index string\n", 5)
    yield "logging.jq.complete", found("")
    yield "logging.jq.only", found("a\nb\n")


BEGAN = datetime(2026, 5, 18, 9, tzinfo=UTC)
INJECTING = BEGAN + timedelta(seconds=12)
INCIDENT = LogIncident(
    "0" * 16,
    "service",
    "pause of redis",
    "redis",
    BEGAN,
    INJECTING,
    INJECTING + timedelta(seconds=0.5),
    BEGAN + timedelta(seconds=24),
)


def recorded() -> Iterator[dict[str, Any]]:
    """Lines of a service whose replica hiccups, and whose cache hangs then: four orders a second, and a probe."""
    for number in range(96):
        at = BEGAN + timedelta(seconds=number / 4)
        took = {"master_db_ms": 3.0, "replica_db_ms": 2.0, "redis_ms": 1.0 + number % 3}
        line = {"ts": at, "received": at, "request_id": f"id-{number}", "level": "info"}
        if timedelta(seconds=5) <= at - BEGAN < timedelta(seconds=5.7):
            took["replica_db_ms"] = 300.0
            yield {**line, "level": "warning", "msg": "replica not available"}
        if INCIDENT.injected <= at < INJECTING + timedelta(seconds=7):
            took["redis_ms"] = 500.0
            yield {**line, "level": "warning", "msg": "cache not available"}
        done = {"msg": "request", "route": "/orders", "status": 201, "duration_ms": sum(took.values()) + 5}
        yield {**line, **took, **done}
        if number % 4 == 0:
            yield {**line, "request_id": None, "msg": "request", "route": "/readyz", "status": 200, "duration_ms": 0.5}


def recorded_log() -> pd.DataFrame:
    """The log with all columns of an incident."""
    log = pd.DataFrame(recorded())
    missing = {name: pd.Series(pd.NA, log.index, kind) for name, kind in incidents.FIELDS.items() if name not in log}
    return log.assign(**missing)


LOG = recorded_log()
RIGHT = {"dependency": "redis", "since": str(INCIDENT.injected), "request_id": "id-60"}


def cause() -> Iterator[Case]:
    """Another dependency, time or request: one finding fails, and none is judged by a wrong dependency."""
    assert logging_incident.judge_cause(RIGHT, LOG, INCIDENT).verdict is Verdict.PASSED
    for key, change in (
        ("logging.cause.dependency.other", {"dependency": "replica-db"}),
        ("logging.cause.dependency.unnoticed", {"dependency": "master-db"}),
        ("logging.cause.dependency.unknown", {"dependency": "a disk"}),
        ("logging.cause.since.early", {"since": str(BEGAN + timedelta(seconds=5))}),
        ("logging.cause.since.late", {"since": str(INJECTING + timedelta(seconds=6))}),
        ("logging.cause.since.no-time", {"since": "soon"}),
        ("logging.cause.request.unconcerned", {"request_id": "id-3"}),
        ("logging.cause.request.unknown", {"request_id": "nobody"}),
    ):
        findings = logging_incident.judge_cause({**RIGHT, **change}, LOG, INCIDENT).findings
        judged = ["dependency"] if "dependency" in change else [*RIGHT]
        assert [finding.passed for finding in findings] == [name not in change for name in judged]
        yield key, findings


WRONG = {
    "logging.stdout": stdout,
    "logging.context": context,
    "logging.level": level,
    "logging.parse": parse,
    "logging.jq": jq,
    "logging.cause": cause,
}


@pytest.mark.parametrize("identifier", WRONG)
def test_each_wrong_answer_is_named(identifier: str) -> None:
    """A finding with the key of the mistake fails."""
    check_runner.assert_keys(WRONG[identifier]())


def test_what_follows_from_an_earlier_failure_is_left_out() -> None:
    """A log without a line, lines for eyes, one dictionary for all requests: one or two findings, and not five."""
    found: dict[str, Sequence[Finding]] = dict(stdout())
    assert len(found["logging.stdout.collected.empty"]) == 1
    failed = [finding.key for finding in found["logging.stdout.objects"] if not finding.passed]
    assert failed == ["logging.stdout.objects", "logging.stdout.hostile.forged"]
    for cases in (context(), level()):
        for key, findings in cases:
            assert [finding.key for finding in findings if not finding.passed] == [key]


KINDS = {"plain text", "empty", "JSON, not an object", "JSON cut short", "NaN or Infinity", "duplicate keys"}


@pytest.mark.parametrize("kind", sorted(KINDS - {"JSON cut short"}))
def test_what_is_lost_is_named_by_its_kind(kind: str) -> None:
    """Lines of one kind are in neither list."""
    frame = mixed(3)
    right = right_answer(frame)
    lost = set(frame.loc[frame["reason"] == kind, "raw"])
    odd = [line for line in right["odd"] if line not in lost]
    finding = logging_lines.judge_parse({**right, "odd": odd}, frame).findings[-1]
    assert finding.key == "logging.parse.odd.lost"
    assert kind in finding.means


@pytest.mark.parametrize("seed", range(3))
def test_every_kind_of_odd_line_is_in_the_mixed_log(seed: int) -> None:
    """A seed without NaN would teach nothing about it."""
    frame = mixed(seed)
    assert set(frame["reason"].dropna()) == KINDS
    assert logging_lines.judge_parse(right_answer(frame), frame).verdict is Verdict.PASSED


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {"dependency": ["redis"], "since": "soon", "request_id": {}},
        {"lines": "many", "rows": None, "odd": 3},
        {"lines": 99, "rows": 0, "odd": ["fine"] * 99},
    ],
)
def test_any_answer_gets_a_verdict(answer: Any) -> None:
    """Any value that a cell hands in gets a verdict; none raises in the check."""
    for result in (
        logging_incident.judge_cause(answer, LOG, INCIDENT),
        logging_lines.judge_parse(answer, mixed(1)),
    ):
        assert result.verdict is Verdict.WRONG
        assert any(finding.means and finding.look for finding in result.findings)
