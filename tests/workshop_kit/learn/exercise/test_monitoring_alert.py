"""The exercise on an alert: rules by the real promtool, in plays of a service."""

from __future__ import annotations

import pytest

from tests.workshop_kit.learn.exercise import trying
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.learn.exercise.checks import monitoring_alert
from workshop_kit.learn.exercise.result import Verdict

ID = "monitoring.alert"
CUSTOMERS = 'route!~"/(livez|readyz|health|metrics)"'
FAILED = f'sum(rate(http_requests_total{{status=~"5..",{CUSTOMERS}}}[1m]))'
RATIO = f"{FAILED} / sum(rate(http_requests_total{{{CUSTOMERS}}}[1m]))"
RULE = """groups:
  - name: mine
    rules:
      - alert: OrdersFail
        expr: EXPR
        for: WAIT
        labels: { severity: page }
        annotations: { summary: "orders fail" }
"""

PLAYS = ("few", "probes", "moment", "many", "over", "restart", "words")
"""What the findings are about, in order."""

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]


def rule(expr: str, wait: str = "15s") -> str:
    """A file with this rule."""
    return RULE.replace("EXPR", expr).replace("WAIT", wait)


@pytest.mark.parametrize(
    ("text", "verdict", "failed"),
    [
        pytest.param(rule(f"{RATIO} > 0.05", "0s"), Verdict.WRONG, "moment", id="at once"),
        pytest.param(rule(f"{RATIO.replace('1m', '10m')} > 0.015"), Verdict.WRONG, "over", id="long"),
        pytest.param(rule("vector(1)"), Verdict.LUCKY, "few probes moment over", id="always"),
    ],
)
def test_each_mistake_has_its_finding(participant: Stack, text: str, verdict: Verdict, failed: str) -> None:
    """Silent where it should call, loud where it should not, or without a word to say."""
    judged = trying.judge(participant, ID, text)
    assert judged.ruling is verdict, judged
    found = [name for name, finding in zip(PLAYS, judged.findings, strict=True) if not finding.passed]
    assert found == failed.split(), judged.findings


def test_a_rule_that_cannot_be_computed_does_not_fire(participant: Stack) -> None:
    """promtool takes it as well written, and fails in each play: that is no alert, and its reason is told."""
    two_sides = "rate(http_requests_total{status=~'5..'}[1m]) / ignoring(status) rate(http_requests_total[1m]) > 0.05"
    judged = trying.judge(participant, ID, rule(two_sides))
    assert (judged.ruling, len(judged.findings)) == (Verdict.WRONG, 1), judged
    assert "cannot compute it" in judged.summary
    assert "duplicate series" in judged.findings[0].got


def test_what_promtool_does_not_accept_is_said(participant: Stack) -> None:
    """With its own words."""
    judged = trying.judge(participant, ID, rule("sum("))
    assert judged.ruling is Verdict.WRONG, judged
    assert "promtool does not accept" in judged.summary


@pytest.mark.parametrize(
    "text", [rule("up").replace("OrdersFail", "Other"), "groups: [", "groups: []\n"], ids=["another", "YAML", "none"]
)
def test_what_is_no_rule_is_a_sentence(text: str) -> None:
    """One group with one rule of that name, or nothing is run."""
    with pytest.raises(WorkshopError, match=r"\.$"):
        monitoring_alert.rule_in(text)


def test_whoever_is_called_reads_a_severity_and_a_summary() -> None:
    """Both of them."""
    full = monitoring_alert.rule_in(rule("up"))
    assert monitoring_alert._says(full).passed
    assert not monitoring_alert._says({**full, "labels": {}}).passed


def test_a_play_counts_what_its_scenes_say() -> None:
    """A restart begins at zero, and a series is not there before its first request."""
    scene = monitoring_alert.Scene
    series = monitoring_alert.series((scene(0.0), scene(0.1), scene(0.1, restarted=True)))
    (failed,) = (values.split(" ") for name, values in series.items() if 'route="/orders",status="503"' in name)
    steps = monitoring_alert.PHASE_STEPS
    assert failed[:steps] == ["_"] * steps
    assert failed[steps : steps + 2] == ["50", "100"]
    assert failed[2 * steps] == "50"
    assert {len(values.split(" ")) for values in series.values()} == {3 * steps}
