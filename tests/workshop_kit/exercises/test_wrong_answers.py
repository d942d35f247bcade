"""Wrong answers to lessons 03 and 04 on real containers: each gets the verdict and the finding for its mistake."""

from __future__ import annotations

import re

import pytest

from tests.workshop_kit.exercises import check_runner
from tests.workshop_kit.exercises.check_runner import changed, failed_meanings
from workshop_kit.engine.stack import Stack
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials.result import Verdict
from workshop_kit.workspace import regions

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]


def solved(identifier: str, file: str, lesson: str = "04_monitoring") -> str:
    """The solution's region in a file."""
    return regions.region_of(regions.solved(check_runner.marked(CHECKOUT, file, lesson)), identifier)


RULES = regions.solved(check_runner.marked(CHECKOUT, "alerts.yml", "04_monitoring"))
NO_PROGRAM = "HEALTHCHECK --start-period=10s --interval=2s CMD curl -f http://127.0.0.1:8080/livez\n"
PROBES = ', route!~"/livez|/readyz|/health"'
WRONG = Verdict.WRONG

COLLECTOR = solved("logging.collector", "checkpoint.py", "03_logging")
KEYED = [
    ("logging.collector", changed(COLLECTOR, "self.lines = {}", "self.line"), WRONG, "It collects nothing"),
    (
        "logging.collector",
        changed(COLLECTOR, "save(self)", "__import__('time').sleep(600)"),
        WRONG,
        "a commit never returns",
    ),
    ("monitoring.healthcheck", "# no instruction\n", WRONG, "Your image has no HEALTHCHECK"),
    ("monitoring.healthcheck", NO_PROGRAM, WRONG, "the image has no such program"),
]


@pytest.mark.usefixtures("quick_control")
@pytest.mark.long
@pytest.mark.timeout(600)  # on a busy machine limits are longer
@pytest.mark.parametrize(("identifier", "body", "verdict", "key"), KEYED, ids=[key for *_, key in KEYED])
def test_each_wrong_region_has_its_key(
    participant: Stack, identifier: str, body: str, verdict: Verdict, key: str
) -> None:
    """The finding for the mistake is the first that fails, and the others do not repeat it."""
    result = check_runner.judge_region(participant, identifier, body)
    assert result.verdict is verdict, result
    [name] = failed_meanings(result.findings)
    assert key in name, result


def with_expression(expression: str) -> str:
    """The rules with this expression."""
    return regions.replace(RULES, "monitoring.ratio", f"        expr: >-\n          {expression}\n")


UNLIKE = "rate(http_requests_total{status=~'5..'}[10s]) / ignoring(status) rate(http_requests_total[10s]) > 0.05"


EXPRESSION = re.compile(r"^ +expr:", re.MULTILINE)


@pytest.mark.usefixtures("quick_control")
@pytest.mark.parametrize(
    ("text", "key"),
    [
        (RULES.replace("5..", "[45].."), "It calls at less than 5 %"),
        (RULES.replace(PROBES, ""), "a probe was told"),
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
