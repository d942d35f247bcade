"""The checks of lesson 03 on recorded logs: each mistake gets its own finding, and its first hint."""

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
from workshop_kit.exercises.checks.logging_service import HONEST, HOSTILE, HOSTILE_PATH, UNLUCKY, Log
from workshop_kit.exercises.incidents import LogIncident
from workshop_kit.exercises.result import Finding, Verdict

Case = tuple[str, Sequence[Finding]]
FIRST = {"ts": "2026-05-18T09:00:00.000+00:00", "level": "info", "logger": "orders", "msg": "request"}
BUG = {"error": "KeyError: 'rows'", "stack": "orders.py:40 in charge"}
EVENTS: list[dict[str, Any]] = [
    *({**FIRST, "request_id": name, "path": "/orders/first"} for name in HONEST),
    {**FIRST, "request_id": HOSTILE, "path": HOSTILE_PATH},
    {**FIRST, "request_id": UNLUCKY, **BUG},
]


def log_of(*lines: str) -> Log:
    """What the check reads from docker logs."""
    return Log.of("".join(f"{line}\n" for line in lines))


def without(*names: str) -> Callable[[dict[str, Any]], str]:
    """Write a line without some fields."""
    return lambda fields: json.dumps({name: value for name, value in fields.items() if name not in names})


def stdout() -> Iterator[Case]:
    """Lines that are nearly right."""

    def found(to_line: Callable[[dict[str, Any]], str]) -> Sequence[Finding]:
        return logging_service.stdout_findings(log_of(*map(to_line, EVENTS)))

    def as_text(fields: dict[str, Any]) -> str:
        return " ".join(f"{name}={value}" for name, value in fields.items())

    assert all(finding.passed for finding in found(json.dumps))
    yield "docker logs is empty", logging_service.stdout_findings(log_of())
    yield "no JSON object", found(as_text)
    assert any("A customer wrote a line of your log" in finding.means for finding in found(as_text))
    yield "the zone of ts", found(lambda fields: json.dumps({**fields, "ts": fields["ts"][:19]}))
    yield "missing: ", found(without("logger"))
    yield "path not as asked for", found(lambda fields: json.dumps({**fields, "path": "/orders/cleaned"}))
    yield "no search finds what went wrong", found(without(*BUG))
    lines = [*map(without("stack"), EVENTS), *(json.dumps({**FIRST, "msg": line}) for line in BUG["stack"].split())]
    yield "spread over many lines", logging_service.stdout_findings(log_of(*lines))


def mixed(seed: int) -> pd.DataFrame:
    """The lines of the container with mixed lines, as the check reads them."""
    return read_lines("".join(f"{line}\n" for line in fixtures.mixed_lines(Random(seed))).encode())


def right_answer(frame: pd.DataFrame) -> dict[str, Any]:
    """The right answer for mixed lines."""
    odd = frame.loc[frame["reason"].notna(), "raw"].tolist()
    return {"lines": len(frame), "rows": len(frame) - len(odd), "odd": odd}


def parse() -> Iterator[Case]:
    """One part of the answer is wrong, or lines of one kind are lost."""
    frame = mixed(3)
    right = right_answer(frame)
    for says, change in (
        ("More lines than there are", {"lines": len(frame) + 2}),
        ("Not as many lines", {"lines": len(frame) - 1}),
        ("A row too many", {"rows": right["rows"] + 3}),
        ("Without a trace", {"odd": right["odd"][1:]}),
        ("are lines that are fine", {"odd": [*right["odd"], "{}"]}),
    ):
        yield says, logging_lines.judge_parse({**right, **change}, frame).findings
    for reason in KINDS - {"JSON cut short"}:
        lost = set(frame.loc[frame["reason"] == reason, "raw"])
        answer = {**right, "odd": [line for line in right["odd"] if line not in lost]}
        yield reason, logging_lines.judge_parse(answer, frame).findings


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
    """Another dependency, time or request: one finding fails."""
    assert logging_incident.judge_cause(RIGHT, LOG, INCIDENT).verdict is Verdict.PASSED
    for says, change in (
        ("hiccupped", {"dependency": "replica-db"}),
        ("none was refused by it", {"dependency": "master-db"}),
        ("The service needs", {"dependency": "a disk"}),
        ("early: then all was well", {"since": str(BEGAN + timedelta(seconds=5))}),
        ("s too late", {"since": str(INJECTING + timedelta(seconds=6))}),
        ("This is no time", {"since": "soon"}),
        ("learns nothing about the trouble", {"request_id": "id-3"}),
        ("No such request", {"request_id": "nobody"}),
    ):
        findings = logging_incident.judge_cause({**RIGHT, **change}, LOG, INCIDENT).findings
        assert [finding.passed for finding in findings] == [name not in change for name in RIGHT]
        yield says, findings


WRONG = {
    "logging.stdout": stdout,
    "logging.parse": parse,
    "logging.cause": cause,
}


@pytest.mark.parametrize("identifier", WRONG)
def test_each_wrong_answer_is_named(identifier: str) -> None:
    """The first finding that fails names the mistake, and chooses the hint for it."""
    check_runner.assert_named(identifier, WRONG[identifier]())


KINDS = {"plain text", "empty", "JSON, not an object", "JSON cut short", "NaN or Infinity", "duplicate keys"}


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
