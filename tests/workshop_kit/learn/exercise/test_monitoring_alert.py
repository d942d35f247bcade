"""The exercise on an alert: rules by the real promtool, in plays of a service."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workshop_kit.learn.exercise import trying
from workshop_kit.engine.stack import Stack
from workshop_kit.learn.exercise import regions
from workshop_kit.learn.exercise.checks import monitoring_alert
from workshop_kit.learn.exercise.result import Verdict

FILE, LESSON, ID = "alert.yml", "04_monitoring", "monitoring.alert"
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


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_solution_passes_and_the_starter_fails(participant: Stack, root: Path, seed: int) -> None:
    """With anybody's shares."""
    marked = trying.marked(root, FILE, LESSON)
    assert trying.judge(participant, ID, regions.solved(marked), seed).ruling is Verdict.PASSED
    begun = trying.judge(participant, ID, regions.starter(marked), seed)
    assert begun.ruling is Verdict.WRONG
    assert [finding.passed for finding in begun.findings] == [False, False, False, True, False, True, False]


@pytest.mark.parametrize(
    ("text", "verdict", "failed"),
    [
        pytest.param(rule(f"{RATIO} > 0.05", "15s"), Verdict.PASSED, "", id="as told"),
        pytest.param(rule(f"{RATIO} > 0.05", "30s"), Verdict.PASSED, "", id="patient"),
        pytest.param(rule(f"{RATIO} > 0.05", "0s"), Verdict.WRONG, "moment", id="at once"),
        pytest.param(rule(f"{RATIO} > 0.5"), Verdict.WRONG, "many restart", id="too deaf"),
        pytest.param(rule(f"{RATIO} > 0"), Verdict.WRONG, "few moment", id="too nervous"),
        pytest.param(rule(f"{RATIO} > 0.05", "5m"), Verdict.WRONG, "many", id="late"),
        pytest.param(rule(f"{RATIO.replace('1m', '10m')} > 0.015"), Verdict.WRONG, "over", id="long"),
        pytest.param(rule("vector(1)"), Verdict.LUCKY, "few probes moment over", id="always"),
        pytest.param(rule("vector(1) > 2"), Verdict.LUCKY, "many restart", id="never"),
        pytest.param(rule(f"{RATIO} > 0.05").replace("{ severity: page }", "{}"), Verdict.WRONG, "words", id="mute"),
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


@pytest.mark.parametrize(
    ("text", "verdict", "says"),
    [
        (rule("sum("), Verdict.WRONG, "promtool does not accept"),
        (rule("up > 0", "soon"), Verdict.WRONG, "promtool does not accept"),
        (rule("up").replace("OrdersFail", "Other"), Verdict.NOT_READABLE, "one group with one rule"),
        ("groups: [", Verdict.NOT_READABLE, "no YAML"),
        ("groups: []\n", Verdict.NOT_READABLE, "one group with one rule"),
    ],
    ids=["no PromQL", "no time", "another alert", "no YAML", "no rule"],
)
def test_what_is_no_rule_is_said(participant: Stack, text: str, verdict: Verdict, says: str) -> None:
    """With promtool's own words, where it has some."""
    judged = trying.judge(participant, ID, text)
    assert judged.ruling is verdict, judged
    assert says in judged.summary


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
