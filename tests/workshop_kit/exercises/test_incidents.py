"""The exercises on an incident: what is said of an answer, by a recorded log; and one incident on the live stack."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pandas as pd
import pytest

from tests.conftest import LiveStack
from workshop_kit.faults import catalog
from workshop_kit.faults.journal import Journal
from workshop_kit.engine.labels import SESSION
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises import incidents, log_subjects
from workshop_kit.exercises.checks import logging_cause, logging_percentiles
from workshop_kit.exercises.checks.logging_cause import Evidence
from workshop_kit.exercises.incidents import Incident, TROUBLES
from workshop_kit.exercises.result import Verdict
from workshop_kit.progress import Step

BEGAN = datetime(2026, 5, 18, 9, tzinfo=UTC)
STRUCK = BEGAN + timedelta(seconds=12)
INCIDENT = Incident(
    "0" * 16,
    "service",
    "pause of redis",
    "redis",
    BEGAN,
    STRUCK,
    STRUCK + timedelta(seconds=0.5),
    STRUCK + timedelta(seconds=7),
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
        if INCIDENT.in_force <= at < INCIDENT.healed:
            took["redis_ms"] = 500.0
            yield {**line, "level": "warning", "msg": "cache not available"}
        done = {"msg": "request", "route": "/orders", "status": 201, "duration_ms": sum(took.values()) + 5}
        yield {**line, **took, **done}
        if number % 4 == 0:
            yield {**line, "request_id": None, "msg": "request", "route": "/readyz", "status": 200, "duration_ms": 0.5}


@pytest.fixture
def evidence() -> Evidence:
    """What the check knows."""
    log = pd.DataFrame(recorded())
    missing = {name: pd.Series(pd.NA, log.index, kind) for name, kind in incidents.FIELDS.items() if name not in log}
    return Evidence(log.assign(**missing), INCIDENT)


RIGHT = {"dependency": "redis", "since": str(INCIDENT.in_force), "request_id": "id-60"}


@pytest.mark.parametrize(
    ("wrong", "passed", "says"),
    [
        ({}, [True, True, True], "you found it with nothing but the log"),
        ({"dependency": "replica-db"}, [False, True, True], "mending the wrong thing"),
        ({"dependency": "a disk"}, [False, True, True], "needs master-db, replica-db and redis"),
        ({"since": str(BEGAN + timedelta(seconds=5))}, [True, False, True], "then all was well, but for a hiccup"),
        ({"since": str(STRUCK + timedelta(seconds=6))}, [True, False, True], "late"),
        ({"since": "soon"}, [True, False, True], "This is no time"),
        ({"request_id": "id-3"}, [True, True, False], "learns nothing about the trouble"),
        ({"request_id": "nobody"}, [True, True, False], "No such request"),
    ],
)
def test_each_part_of_the_answer_has_its_finding(
    evidence: Evidence, wrong: dict[str, Any], passed: list[bool], says: str
) -> None:
    """Which dependency, since when, and one customer who noticed: one finding each."""
    judged = logging_cause.compared({**RIGHT, **wrong}, evidence)
    assert [finding.passed for finding in judged.findings] == passed, judged.findings
    assert says in judged.summary


@pytest.mark.parametrize("answer", [None, 42, [], {"dependency": ["redis"], "since": "soon", "request_id": {}}])
def test_any_answer_gets_a_verdict(evidence: Evidence, answer: Any) -> None:
    """Any value that a cell hands in gets a verdict; none raises in the check."""
    judged = logging_cause.compared(answer, evidence)
    assert judged.verdict is Verdict.WRONG
    assert all(finding.means and finding.look for finding in judged.findings)
    assert logging_percentiles.compared(answer, evidence.log).verdict is Verdict.WRONG


def percentiles_of(requests: pd.DataFrame, way: Any = "linear") -> dict[str, Any]:
    """What a cell hands in that counts these lines."""
    quantiles = list(logging_percentiles.QUANTILES)
    groups = requests.groupby(requests["ts"].dt.floor(logging_percentiles.WINDOW))["duration_ms"]
    windows = {str(at): one.astype(float).quantile(quantiles, way).to_dict() for at, one in groups}
    texts = {start: {str(name): value for name, value in one.items()} for start, one in windows.items()}
    whole = requests["duration_ms"].astype(float).quantile(quantiles, way)
    return {"whole": {f"p{name * 100:g}": value for name, value in whole.items()}, "windows": texts}


@pytest.mark.parametrize("way", ["linear", "lower", "higher"])
def test_every_usual_definition_of_a_percentile_counts(evidence: Evidence, way: str) -> None:
    """SQL, numpy and a sorted list differ between two neighbors; one beyond those is wrong."""
    answer = percentiles_of(logging_percentiles.customers(evidence.log), way)
    assert logging_percentiles.compared(answer, evidence.log).verdict is Verdict.PASSED
    beyond = {**answer, "whole": {**answer["whole"], "p50": answer["whole"]["p50"] + 50}}
    assert logging_percentiles.compared(beyond, evidence.log).verdict is Verdict.WRONG


def test_averaged_percentiles_and_probes_are_found_out(evidence: Evidence) -> None:
    """Each of the two mistakes has its words."""
    answer = percentiles_of(evidence.log[evidence.log["msg"] == "request"])
    windows = pd.DataFrame(answer["windows"]).T
    averaged = {f"p{float(name) * 100:g}": value for name, value in windows.mean().items()}
    whole, in_windows = logging_percentiles.compared({**answer, "whole": averaged}, evidence.log).findings
    assert "average of percentiles" in whole.means
    assert "probes" in in_windows.means


def test_every_trouble_is_a_fault_there_is_and_its_hiccup_is_elsewhere() -> None:
    """A misspelled parameter would show only to the participant whose seed draws it."""
    for trouble in TROUBLES:
        catalog.named(trouble.fault).complete(trouble.parameters)
        assert trouble.decoys
        assert trouble.target not in trouble.decoys


@pytest.mark.long
@pytest.mark.engine
@pytest.mark.timeout(180)
def test_an_incident_is_over_when_it_is_told(
    participant: Stack, images: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No fault stays in force, nobody sends requests any more, and a check in another process knows of it."""
    for name, seconds in {"LOAD_SECONDS": 8, "QUIET_SECONDS": 1.0, "TROUBLE_SECONDS": 2.0}.items():
        monkeypatch.setattr(incidents, name, seconds)
    live, steps = LiveStack(participant), list[Step]()
    live.mend()
    incident = incidents.inject(participant, Random(1), steps.append, TROUBLES[0])
    assert Journal(participant.session).entries() == []
    assert participant.container("redis").status == "running"
    mine = {"ancestor": images["load"], "label": f"{SESSION}={participant.session.who.session}"}
    assert participant.session.engine.client.containers.list(filters=mine, ignore_removed=True) == []
    assert incident.began < incident.struck < incident.in_force < incident.healed < incident.ended
    assert incident.healed - incident.in_force >= timedelta(seconds=incidents.TROUBLE_SECONDS)
    assert steps[-1].done
    assert [step.fraction for step in steps] == sorted(step.fraction or 0 for step in steps)
    assert incidents.find(participant.session, incident.id) == incident
    assert log_subjects.latest_incident(participant, Random(1))[0] == {"incident": incident.id}
    assert set(incidents.FIELDS) <= set(log_subjects.incident_log(participant, incident.id).columns)
    live.mend()
