"""The checks of lesson 03 on recorded logs: each mistake has a finding of its own, by its key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pandas as pd
import pytest

from tests.workshop_kit.exercises import check_runner
from tests.workshop_kit.observe.log_frames import read_lines
from workshop_kit.checks import logging_incident, logging_parse
from workshop_kit.exercises import fixtures
from workshop_kit.trials import incidents
from workshop_kit.trials.expect import collected
from workshop_kit.trials.incidents import LogIncident
from workshop_kit.trials.result import Finding, Verdict

Case = tuple[str, Sequence[Finding]]


def mixed_text(seed: int) -> list[str]:
    """The lines of the container with mixed lines."""
    return fixtures.mixed_lines(Random(seed))


def framed(lines: Sequence[str]) -> pd.DataFrame:
    """Lines as the check reads them."""
    return read_lines("".join(f"{line}\n" for line in lines).encode())


def failures_of(answer: Any, lines: Sequence[str]) -> list[str]:
    """What the check calls wrong in an answer about these lines."""
    with collected() as findings:
        logging_parse.judge_parse(answer, lines, framed(lines))
    return check_runner.failed_keys(findings)


def right_answer(lines: Sequence[str]) -> dict[str, Any]:
    """The right answer for mixed lines, with the rows in another order."""
    frame = framed(lines)
    odd = frame.loc[frame["reason"].notna(), "raw"].tolist()
    rows = [json.loads(line) for line in lines if line not in odd]
    return {"lines": len(lines), "rows": rows[::-1], "odd": odd}


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
        request_fields = {"msg": "request", "route": "/orders", "status": 201, "duration_ms": sum(took.values()) + 5}
        yield {**line, **took, **request_fields}
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
        ("logging.cause.dependency.unnoticed", {"dependency": "master-db"}),
        ("logging.cause.since.late", {"since": str(INJECTING + timedelta(seconds=6))}),
        ("logging.cause.request.unknown", {"request_id": "nobody"}),
    ):
        findings = logging_incident.judge_cause({**RIGHT, **change}, LOG, INCIDENT).findings
        judged = ["dependency"] if "dependency" in change else [*RIGHT]
        assert [finding.passed for finding in findings] == [name not in change for name in judged]
        yield key, findings


def test_a_time_at_which_a_busy_machine_showed_the_trouble_is_right() -> None:
    """Four requests that waited for the cache in one second; a single one that did long before is no trouble."""
    for waiting, passes in (({"id-20", "id-21", "id-22", "id-23"}, True), ({"id-20"}, False)):
        log = LOG.copy()
        log.loc[log["request_id"].isin(waiting), "redis_ms"] = 300.0
        answer = {**RIGHT, "since": str(BEGAN + timedelta(seconds=5)), "request_id": "id-20"}
        assert (logging_incident.judge_cause(answer, log, INCIDENT).verdict is Verdict.PASSED) is passes
        assert logging_incident.judge_cause(RIGHT, log, INCIDENT).verdict is Verdict.PASSED
        begins_with_its_fault = incidents.beginning(log, INCIDENT, incidents.SLOW_MS) == INCIDENT.injecting
        assert begins_with_its_fault is not passes


def test_a_request_that_waited_right_before_the_fault_is_right() -> None:
    """A hiccup of a busy machine in the second before it, which the first request of that second shows."""
    log = LOG.copy()
    log.loc[log["request_id"] == "id-46", "redis_ms"] = 300.0
    answer = {**RIGHT, "since": str(INJECTING - timedelta(seconds=0.5)), "request_id": "id-46"}
    assert logging_incident.judge_cause(answer, log, INCIDENT).verdict is Verdict.PASSED


def test_an_incident_that_a_busy_machine_hides_is_not_judged() -> None:
    """As many requests waited for the replica."""
    log = LOG.assign(replica_db_ms=LOG["redis_ms"])
    assert logging_incident.judge_cause(RIGHT, log, INCIDENT).verdict is Verdict.NOT_JUDGED


WRONG = {
    "logging.cause": cause,
}


@pytest.mark.parametrize("identifier", WRONG)
def test_each_wrong_answer_is_named(identifier: str) -> None:
    """A finding with the key of the mistake fails."""
    check_runner.assert_keys(WRONG[identifier]())


KINDS = {"plain text", "empty", "JSON, not an object", "JSON cut short", "NaN or Infinity", "duplicate keys"}


@pytest.mark.parametrize("seed", range(3))
def test_every_kind_of_odd_line_is_in_the_mixed_log(seed: int) -> None:
    """A seed without NaN would teach nothing about it."""
    lines = mixed_text(seed)
    assert set(framed(lines)["reason"].dropna()) == KINDS
    assert failures_of(right_answer(lines), lines) == []


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
    result = logging_incident.judge_cause(answer, LOG, INCIDENT)
    assert result.verdict is Verdict.WRONG
    assert any(finding.means and finding.look for finding in result.findings)
    assert failures_of(answer, mixed_text(1))
