"""The exercise on an alert's expression: rules by the real promtool, in plays of two services."""

from __future__ import annotations

import pytest

from tests.workshop_kit.exercises import trying
from tests.workshop_kit.exercises.trying import marked
from workshop_kit.engine.stack import Stack
from workshop_kit.workspace import regions
from workshop_kit.exercises.checks import monitoring_ratio
from workshop_kit.exercises.checks.monitoring_ratio import Scene
from workshop_kit.exercises.result import Verdict
from workshop_kit.paths import CHECKOUT

ID = "monitoring.ratio"
SOLVED = regions.solved(marked(CHECKOUT, "alerts.yml", "04_monitoring"))
JOB, ROUTES = 'job="my-service"', ', route!~"/livez|/readyz|/health"'


def with_expression(expression: str) -> str:
    """The file with this expression."""
    return regions.replace(SOLVED, ID, f"        expr: >-\n          {expression}\n")


def changed(old: str, new: str) -> str:
    """The solution with other words in it."""
    assert old in SOLVED
    return SOLVED.replace(old, new)


@pytest.mark.engine
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(changed("5..", "[45].."), "a 404 is no failure of the service", id="404"),
        pytest.param(with_expression(f"sum(rate(http_requests_total{{{JOB}}}[10s])) > 5"), "mistype", id="not a share"),
        pytest.param(changed(ROUTES, ""), "because a probe was told", id="probes"),
        pytest.param(changed(f"{JOB}, ", ""), "because the other service fails", id="job"),
        pytest.param(changed("for: 2s", "for: 0s"), "at the first moment over the limit", id="at once"),
        pytest.param(changed("0.05", "5"), "Customers fail in numbers, and nobody is called", id="percent"),
        pytest.param(changed("[10s]", "[1m]"), "Customers fail in numbers", id="long"),
    ],
)
def test_each_mistake_has_its_finding(participant: Stack, text: str, says: str) -> None:
    """Silent where it should call, or loud where it should not."""
    judged = trying.judge(participant, ID, text)
    assert judged.verdict is Verdict.WRONG, judged
    assert says in trying.words(judged), judged


@pytest.mark.engine
@pytest.mark.timeout(120)
def test_a_rule_that_cannot_be_computed_does_not_fire(participant: Stack) -> None:
    """promtool takes it as well written, and fails in each play: that is no alert, and its reason is told."""
    two_sides = "rate(http_requests_total{status=~'5..'}[10s]) / ignoring(status) rate(http_requests_total[10s]) > 0.05"
    judged = trying.judge(participant, ID, with_expression(two_sides))
    assert (judged.verdict, len(judged.findings)) == (Verdict.WRONG, 1), judged
    assert "cannot compute it" in judged.summary
    assert "duplicate series" in judged.findings[0].got


@pytest.mark.engine
@pytest.mark.timeout(120)
def test_what_promtool_refuses_is_told_with_its_line(participant: Stack) -> None:
    """The line is one of the participant's file."""
    text = with_expression("sum(rate(http_requests_total[10s])")
    judged = trying.judge(participant, ID, text)
    assert judged.verdict is Verdict.WRONG, judged
    line = next(number for number, one in enumerate(text.splitlines(), 1) if "expr:" in one)
    assert f"alerts.yml, line {line}: " in judged.summary
    assert "unclosed left parenthesis" in judged.summary


def test_a_play_counts_what_its_scenes_say() -> None:
    """A counter goes on from scene to scene, and a series is not there before its first request."""
    series = monitoring_ratio.series((Scene(0.0), Scene(0.1), Scene(0.0)))
    (failed,) = (
        values.split(" ")
        for name, values in series.items()
        if 'job="my-service"' in name and 'route="/orders",status="503"' in name
    )
    seconds = monitoring_ratio.PHASE_SECONDS
    assert failed[:seconds] == ["_"] * seconds
    assert failed[seconds : seconds + 2] == ["50", "100"]
    assert set(failed[2 * seconds :]) == {str(50 * seconds)}
    assert {len(values.split(" ")) for values in series.values()} == {3 * seconds}
