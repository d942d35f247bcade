"""The exercise on the error ratio: queries asked of a real Prometheus that remembers a seeded incident."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random

import pandas as pd
import pytest

from tests.workshop_kit.learn.exercise import handing
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.learn.exercise import metric_subjects, registry
from workshop_kit.learn.exercise.checks import CHECKS, monitoring_ratio
from workshop_kit.learn.exercise.judging import Context
from workshop_kit.learn.exercise.metric_subjects import Past, Phase
from workshop_kit.learn.exercise.result import Verdict

ID = "monitoring.ratio"
CUSTOMERS = 'route!~"/livez|/readyz|/health|/metrics"'
FAILED = f'sum(rate(http_requests_total{{status=~"5..", {CUSTOMERS}}}[1m]))'
ALL = f"sum(rate(http_requests_total{{{CUSTOMERS}}}[1m]))"

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]


@pytest.fixture(scope="module", params=[1, 2])
def remembered(participant: Stack, request: pytest.FixtureRequest) -> Iterator[tuple[dict[str, str], Past]]:
    """Two participants' incidents, each in its Prometheus."""
    names, running = metric_subjects.remembering(participant, Random(request.param))
    with running:
        yield names, metric_subjects.past_of(running, names["since"])


@pytest.fixture(scope="module")
def past(remembered: tuple[dict[str, str], Past]) -> Past:
    """What it remembers."""
    return remembered[1]


@pytest.fixture(scope="module")
def samples(past: Past) -> pd.DataFrame:
    """Its counters."""
    return past.samples()


def names_of(past: Past) -> dict[str, object]:
    """What the cell has at hand."""
    return {"past": past}


def test_the_solution_passes_twice_and_the_starter_fails(past: Past, samples: pd.DataFrame) -> None:
    """For each participant's incident."""
    for _ in range(2):
        solved = monitoring_ratio.judged(handing.solution(ID, names_of(past)), past, samples)
        assert solved.ruling is Verdict.PASSED, solved
    begun = monitoring_ratio.judged(handing.starter(ID, names_of(past)), past, samples)
    assert begun.ruling is Verdict.WRONG
    assert not any(finding.passed for finding in begun.findings)


@pytest.mark.parametrize(
    ("query", "verdict", "says"),
    [
        pytest.param(f"{FAILED} / {ALL} or vector(0)", Verdict.PASSED, "0 when all is well", id="or at the end"),
        pytest.param(
            f"({FAILED} or vector(0)) / {ALL}".replace("rate(", "increase("), Verdict.PASSED, "", id="increase"
        ),
        pytest.param(f"{FAILED} / {ALL}", Verdict.WRONG, "the query says nothing", id="no data"),
        pytest.param(
            f"({FAILED} or vector(0)) / {ALL}".replace(f", {CUSTOMERS}", "").replace(CUSTOMERS, ""),
            Verdict.WRONG,
            "those were probes",
            id="probes",
        ),
        pytest.param(
            f"({FAILED} or vector(0)) / {ALL}".replace("rate(", "delta("), Verdict.WRONG, "restarted", id="delta"
        ),
        pytest.param(
            f"({FAILED} or vector(0)) / {ALL}".replace("5..", "[45].."), Verdict.WRONG, "", id="customers' mistakes"
        ),
        pytest.param(
            f"({FAILED} or vector(0)) / {ALL}".replace("1m", "5m"), Verdict.WRONG, "last minute", id="too long"
        ),
        pytest.param(
            'rate(http_requests_total{status="503"}[1m]) / rate(http_requests_total{status="201"}[1m])',
            Verdict.WRONG,
            "",
            id="labels that differ",
        ),
        pytest.param("vector(0)", Verdict.LUCKY, "right by chance", id="a number"),
        pytest.param("sum(rate(", Verdict.WRONG, "does not accept the query", id="no PromQL"),
    ],
)
def test_each_mistake_has_its_sentence(
    past: Past, samples: pd.DataFrame, query: str, verdict: Verdict, says: str
) -> None:
    """However it is written; what is wrong is told by what it costs."""
    judged = monitoring_ratio.judged(query, past, samples)
    assert judged.ruling is verdict, judged
    assert says in judged.summary


@pytest.mark.parametrize("value", [None, 0.05, "", ["x"], "x" * 5000])
def test_what_is_no_query_is_said(past: Past, samples: pd.DataFrame, value: object) -> None:
    """A number, say: it would be right once."""
    judged = monitoring_ratio.judged(value, past, samples)
    assert judged.ruling is Verdict.WRONG
    assert "as text" in judged.summary


def test_the_check_finds_the_incident_by_its_name(participant: Stack, remembered: tuple[dict[str, str], Past]) -> None:
    """And says so when it is gone."""
    names, past = remembered
    exercise = registry.find(registry.load(participant.root), ID)
    value = handing.solution(ID, names_of(past))
    for subject, verdict in ((names, Verdict.PASSED), ({**names, "past": "0" * 64}, Verdict.NOT_STARTED)):
        answer = {"subject": subject, "value": value}
        judged = CHECKS[ID].check(Context(exercise, participant, 1, answer=answer))
        assert judged.ruling is verdict, judged


def test_what_a_query_does_not_say_is_a_gap_in_the_chart(past: Past) -> None:
    """So that the cell goes on to hand it in."""
    assert past.ask("nobody_has_this").isna().all().all()
    with pytest.raises(WorkshopError, match="does not accept"):
        past.ask("sum(")


def test_the_true_ratio_is_the_share_that_was_drawn() -> None:
    """In every phase, by the counters alone."""
    start = datetime(2026, 5, 18, 9, tzinfo=UTC)
    text = metric_subjects.history((Phase(0.0), Phase(0.1), Phase(0.2, restarted=True)), start, Random(1))
    rows = []
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        labels, value, moment = line.split(" ")
        method, route, status = (labels.split(f'{name}="')[1].split('"')[0] for name in ("method", "route", "status"))
        rows.append((pd.Timestamp(float(moment), unit="s", tz=UTC), method, route, status, float(value)))
    samples = pd.DataFrame(rows, columns=["time", "method", "route", "status", "value"])
    found = [
        monitoring_ratio.true_ratio(samples, pd.Timestamp(start) + pd.Timedelta(seconds=at)) for at in (200, 500, 800)
    ]
    assert found == pytest.approx([0.0, 0.1, 0.2], abs=0.005)
