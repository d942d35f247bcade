"""An incident on the live stack, and the exercises that are about its log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

import pandas as pd
import pytest

from tests.conftest import LiveStack
from tests.workshop_kit.learn.exercise import handing
from workshop_kit.disturb import catalog
from workshop_kit.disturb.journal import Journal
from workshop_kit.engine.labels import SESSION
from workshop_kit.engine.stack import Stack
from workshop_kit.learn.exercise import incidents, log_subjects
from workshop_kit.learn.exercise.checks import logging_cause, logging_percentiles
from workshop_kit.learn.exercise.checks.logging_cause import Evidence
from workshop_kit.learn.exercise.desk import _plain
from workshop_kit.learn.exercise.incidents import TROUBLES, Incident
from workshop_kit.learn.exercise.judging import Judged
from workshop_kit.learn.exercise.result import Verdict
from workshop_kit.progress import Step


def test_every_trouble_is_a_fault_there_is_and_its_hiccup_is_elsewhere() -> None:
    """A misspelled parameter would show only to the participant whose seed draws it."""
    for trouble in TROUBLES:
        catalog.named(trouble.fault).complete(trouble.parameters)
        assert trouble.decoys
        assert trouble.target not in trouble.decoys


def test_seeds_lead_to_all_troubles_and_one_seed_to_one() -> None:
    """Neighbors in the room have different incidents; whoever starts over has the same one."""
    drawn = [Random(f"logging.cause {seed}").choice(TROUBLES).name for seed in range(100)]
    assert set(drawn) == {trouble.name for trouble in TROUBLES}
    assert drawn[7] == Random("logging.cause 7").choice(TROUBLES).name


def test_a_time_may_be_handed_in_as_the_table_has_it() -> None:
    """Nobody should have to know that JSON has no times."""
    when = pd.Timestamp("2026-11-24T22:20:58.77Z")
    kept = _plain("logging.cause", {"since": when})["since"]
    assert pd.Timestamp(kept) == when


@pytest.fixture(scope="module")
def happened(participant: Stack) -> Iterator[tuple[Incident, list[Step]]]:
    """One incident on the live stack: the cache hangs, after the replica has hiccupped."""
    live = LiveStack(participant)
    live.mend()
    steps: list[Step] = []
    yield incidents.inject(participant, Random(1), steps.append, TROUBLES[0]), steps
    live.mend()


@pytest.fixture
def incident(happened: tuple[Incident, list[Step]]) -> Incident:
    """The same incident, for tests that want no more."""
    return happened[0]


@pytest.fixture
def log(participant: Stack, incident: Incident) -> pd.DataFrame:
    """The service's lines meanwhile, as a participant gets them."""
    return log_subjects.incident_log(participant, incident.id)


@pytest.fixture
def evidence(log: pd.DataFrame, incident: Incident) -> Evidence:
    """What the check knows."""
    return Evidence(log, incident)


def cause(evidence: Evidence, **answer: Any) -> Judged:
    """What the check says of a right answer with something else in it."""
    right = handing.solution("logging.cause", {"log": evidence.log})
    return logging_cause.compared({**right, **answer}, evidence)


@pytest.mark.engine
@pytest.mark.timeout(180)
def test_an_incident_is_over_when_it_is_told(
    participant: Stack, images: dict[str, str], happened: tuple[Incident, list[Step]]
) -> None:
    """No fault stays in force, nobody sends requests any more, and its times are in their order."""
    incident, steps = happened
    assert Journal(participant.session).entries() == []
    assert participant.container("redis").status == "running"
    load = images["load"]
    mine = {"ancestor": load, "label": f"{SESSION}={participant.session.who.session}"}
    assert participant.session.engine.client.containers.list(filters=mine, ignore_removed=True) == []
    assert incident.began < incident.struck < incident.in_force < incident.healed < incident.ended
    assert incident.healed - incident.in_force >= timedelta(seconds=incidents.TROUBLE_SECONDS)
    assert steps[-1].done
    assert [step.fraction for step in steps] == sorted(step.fraction or 0 for step in steps)


@pytest.mark.engine
def test_a_check_in_another_process_knows_the_incident(participant: Stack, incident: Incident) -> None:
    """It is written down in the workspace, to the letter; one that nobody knows is none."""
    assert incidents.find(participant.session, incident.id) == incident
    assert incidents.find(participant.session, "0" * 16) is None
    assert log_subjects.latest_incident(participant, Random(1))[0] == {"incident": incident.id}


@pytest.mark.engine
def test_the_log_has_every_column_that_the_task_names(log: pd.DataFrame) -> None:
    """Also where no line has the field: no participant meets a KeyError that depends on the seed."""
    assert set(incidents.FIELDS) <= set(log.columns)
    assert len(log) == len(log.dropna(subset=["ts", "received"]))


@pytest.mark.engine
def test_the_first_warning_is_the_wrong_answer_and_the_solution_the_right_one(evidence: Evidence) -> None:
    """The starter is wrong about when and who, and but for luck about what; the reference is right, twice in a row."""
    begun = logging_cause.compared(handing.starter("logging.cause", {"log": evidence.log}), evidence)
    assert [finding.passed for finding in begun.findings][1:] == [False] * 2
    assert [cause(evidence).ruling for _ in range(2)] == [Verdict.PASSED] * 2


@pytest.mark.engine
def test_a_wrong_request_is_told_what_became_of_it(evidence: Evidence) -> None:
    """A customer who noticed nothing: the finding says how quickly the answer came."""
    before = evidence.log[evidence.log["received"] < pd.Timestamp(evidence.incident.struck)]
    quick = before[(before["msg"] == "request")].sort_values("duration_ms").iloc[0]
    (wrong,) = (finding for finding in cause(evidence, request_id=quick["request_id"]).findings if not finding.passed)
    assert wrong.got.startswith(f"answered with {quick['status']} in {quick['duration_ms']:.0f} ms")
    (unknown,) = (finding for finding in cause(evidence, request_id="nobody").findings if not finding.passed)
    assert unknown.got == "no line has this id"


@pytest.mark.engine
@pytest.mark.parametrize(("seconds", "right"), [(-5, False), (0, True), (1, True), (6, False)])
def test_a_time_counts_to_a_second_or_two(evidence: Evidence, seconds: int, right: bool) -> None:
    """Whoever takes the hiccup is early; whoever takes the middle of it is late."""
    when = evidence.first + pd.Timedelta(seconds=seconds)
    judged = cause(evidence, since=str(when))
    assert [finding.passed for finding in judged.findings] == [True, right, True], judged.findings


@pytest.mark.engine
@pytest.mark.parametrize("answer", [None, 42, [], {}, {"dependency": ["redis"], "since": "soon", "request_id": {}}])
def test_any_answer_gets_a_verdict(evidence: Evidence, answer: Any) -> None:
    """What a cell hands in may be anything; it is wrong, and no error of ours."""
    judged = logging_cause.compared(answer, evidence)
    assert judged.ruling is Verdict.WRONG
    assert all(finding.means and finding.look for finding in judged.findings)
    assert logging_percentiles.compared(answer, evidence.log).ruling is Verdict.WRONG


@pytest.mark.engine
def test_averaged_percentiles_and_probes_are_found_out(log: pd.DataFrame) -> None:
    """The starter makes both mistakes and is told of each; the reference makes none, twice in a row."""
    begun = logging_percentiles.compared(handing.starter("logging.percentiles", {"log": log}), log)
    whole, windows = begun.findings
    assert not whole.passed
    assert "average of percentiles" in whole.means
    assert not windows.passed
    assert "probes" in windows.means
    solved = [handing.solution("logging.percentiles", {"log": log}) for _ in range(2)]
    assert [logging_percentiles.compared(one, log).ruling for one in solved] == [Verdict.PASSED] * 2


@pytest.mark.engine
@pytest.mark.parametrize("way", ["linear", "lower", "higher", "nearest", "midpoint"])
def test_every_usual_definition_of_a_percentile_counts(log: pd.DataFrame, way: Any) -> None:
    """SQL, numpy and a sorted list differ between two neighbors; one beyond those is wrong."""
    requests = logging_percentiles.customers(log)
    quantiles = list(logging_percentiles.QUANTILES)
    groups = requests.groupby(requests["ts"].dt.floor(logging_percentiles.WINDOW))["duration_ms"]
    windows = {str(at): one.astype(float).quantile(quantiles, way).to_dict() for at, one in groups}
    whole = requests["duration_ms"].astype(float).quantile(quantiles, way)
    texts = {start: {str(name): value for name, value in one.items()} for start, one in windows.items()}
    answer = {"whole": {f"p{name * 100:g}": value for name, value in whole.items()}, "windows": texts}
    assert logging_percentiles.compared(answer, log).ruling is Verdict.PASSED
    beyond = {**answer, "whole": {**answer["whole"], "p50": whole[0.5] + 50}}
    assert logging_percentiles.compared(beyond, log).ruling is Verdict.WRONG
