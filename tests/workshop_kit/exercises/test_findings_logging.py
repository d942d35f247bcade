"""The checks of lesson 03 on recorded logs: each mistake has a finding of its own."""

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
from workshop_kit.trials.result import Result, Verdict


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
    return check_runner.failed_meanings(findings)


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


def judged(log: pd.DataFrame = LOG, **changes: Any) -> Result:
    """What the right answer with these changes is told."""
    return check_runner.result_of(lambda: logging_incident.judge_cause({**RIGHT, **changes}, log, INCIDENT))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dependency": "master-db"}, "No request waited for master-db"),
        ({"since": str(INJECTING + timedelta(seconds=6))}, "s too late"),
        ({"request_id": "nobody"}, "No line of this log has that id"),
    ],
)
def test_each_wrong_answer_is_named(changes: dict[str, str], words: str) -> None:
    """Another dependency, time or request: one finding fails, and none is judged by a wrong dependency."""
    assert judged().verdict is Verdict.PASSED
    findings = judged(**changes).findings
    names = ["dependency"] if "dependency" in changes else [*RIGHT]
    assert [finding.passed for finding in findings] == [name not in changes for name in names]
    [failed] = check_runner.failed_meanings(findings)
    assert words in failed


def test_a_time_at_which_a_busy_machine_showed_the_trouble_is_right() -> None:
    """Two requests that waited for the cache in one second; a single one that did long before is no trouble."""
    for waiting, passes in (({"id-10", "id-11"}, True), ({"id-10"}, False)):
        log = LOG.copy()
        log.loc[log["request_id"].isin(waiting), "redis_ms"] = 300.0
        result = judged(log, since=str(BEGAN + timedelta(seconds=2.5)), request_id="id-10")
        assert (result.verdict is Verdict.PASSED) is passes
        assert judged(log).verdict is Verdict.PASSED
        starts = incidents.beginnings(log, "redis", incidents.SLOW_MS)
        assert (starts < INJECTING).any() == passes


def test_a_request_that_waited_right_before_the_fault_is_right() -> None:
    """A hiccup of a busy machine in the second before it, which the first request of that second shows."""
    log = LOG.copy()
    log.loc[log["request_id"] == "id-46", "redis_ms"] = 300.0
    result = judged(log, since=str(INJECTING - timedelta(seconds=0.5)), request_id="id-46")
    assert result.verdict is Verdict.PASSED


def test_an_incident_that_a_busy_machine_hides_makes_no_answer_wrong() -> None:
    """As many requests waited for the replica, by one measure of slow or by both; or none waited at all."""
    for replica_db_ms in (LOG["redis_ms"], LOG["redis_ms"] / 10):
        log = LOG.assign(replica_db_ms=replica_db_ms)
        assert judged(log, dependency="replica-db").verdict is Verdict.NOT_JUDGED
        assert judged(log).verdict is Verdict.PASSED

    quiet = LOG[LOG["msg"] == "request"].assign(redis_ms=1.0)
    assert judged(quiet).verdict is Verdict.NOT_JUDGED


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
    result = check_runner.result_of(lambda: logging_incident.judge_cause(answer, LOG, INCIDENT))
    assert result.verdict is Verdict.WRONG
    assert any(finding.means and finding.look for finding in result.findings)
    assert failures_of(answer, mixed_text(1))
