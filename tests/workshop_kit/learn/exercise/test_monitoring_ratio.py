"""The exercise on the error ratio: queries asked of a real Prometheus that remembers a seeded incident."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pandas as pd
import pytest

from workshop_kit.engine.stack import Stack
from workshop_kit.learn.exercise import metric_subjects
from workshop_kit.learn.exercise.checks import monitoring_ratio
from workshop_kit.learn.exercise.metric_subjects import Past
from workshop_kit.learn.exercise.result import Verdict

CUSTOMERS = 'route!~"/livez|/readyz|/health|/metrics"'
FAILED = f'sum(rate(http_requests_total{{status=~"5..", {CUSTOMERS}}}[1m]))'
ALL = f"sum(rate(http_requests_total{{{CUSTOMERS}}}[1m]))"

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def remembered(participant: Stack) -> Iterator[tuple[dict[str, str], Past]]:
    """A participant's incident, in its Prometheus."""
    names, running = metric_subjects.remembering(participant, Random(1))
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


@pytest.mark.parametrize(
    ("query", "verdict", "says"),
    [
        pytest.param(f"{FAILED} / {ALL} or vector(0)", Verdict.PASSED, "0 when all is well", id="or at the end"),
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
            f"({FAILED} or vector(0)) / {ALL}".replace("1m", "5m"), Verdict.WRONG, "last minute", id="too long"
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
