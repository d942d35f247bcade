"""Wrong answers to lessons 03 and 04 on real containers: each gets the verdict and the finding for its mistake."""

from __future__ import annotations

import re

import pytest

from tests.workshop_kit.exercises import check_runner
from tests.workshop_kit.exercises.check_runner import failed_meanings
from workshop_kit.engine.stack import Stack
from workshop_kit.trials.result import Verdict

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]


RULES = check_runner.solved_text("monitoring.ratio", "alerts.yml")


FIRST = next(line for line in RULES.splitlines() if "sum(rate(" in line)


def with_expression(expression: str) -> str:
    """The rules with this expression."""
    before, _, rest = RULES.partition(FIRST)
    _, _, after = rest.partition("> 0.05\n")
    return f"{before}          {expression}\n{after}"


UNLIKE = "rate(http_requests_total{status=~'5..'}[10s]) / ignoring(status) rate(http_requests_total[10s]) > 0.05"


EXPRESSION = re.compile(r"^ +expr:", re.MULTILINE)


@pytest.mark.usefixtures("quick_control")
@pytest.mark.parametrize(
    ("text", "key"),
    [
        (RULES.replace("5..", "[45].."), "It calls at less than 5 %"),
        (RULES.replace(', route!~"/livez|/readyz|/health"', ""), "a probe was told"),
        (RULES.replace('job="my-service", ', ""), "the other service fails"),
        (RULES.replace("0.05", "5"), "Customers fail in numbers"),
        (RULES.replace("[10s]", "[20s]"), "Customers fail in numbers"),
        (RULES.replace("[10s]", "[5s]"), "because of a few seconds"),
        (RULES.replace("for: 2s", "for: 0s"), "at the first moment"),
        (RULES.replace("for: 2s", "for: 2s\n        keep_firing_for: 1m"), "The trouble is over, and it calls on"),
        (RULES.replace("sum(rate", "(rate"), "It calls at less than 5 %"),
        (with_expression(UNLIKE), "cannot compute it"),
        (with_expression("sum(rate(http_requests_total[10s])"), "Prometheus would not load this"),
        (EXPRESSION.sub("      expr:", RULES), "the indentation is wrong"),
    ],
    ids=lambda value: value if "\n" not in value else "",
)
def test_each_wrong_alert_is_named(participant: Stack, text: str, key: str) -> None:
    """By the real promtool: silent where it should call, loud where it should not, or not computed at all."""
    assert text != RULES
    result = check_runner.judge(participant, "monitoring.ratio", text)
    assert result.verdict is Verdict.WRONG, result
    assert key in failed_meanings(result.findings)[0], result
