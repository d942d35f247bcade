"""The checks of lesson 04 on recorded observations: each mistake has a finding of its own, by its key."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence

import pytest

from tests.workshop_kit.exercises import check_runner
from tests.workshop_kit.exercises.check_runner import failed_keys
from workshop_kit.checks import (
    monitoring_critical,
    monitoring_health,
)
from workshop_kit.checks.monitoring_critical import CRITICAL_ELSEWHERE, CRITICAL_HERE, DEPENDENCIES
from workshop_kit.observe.http import Answer
from workshop_kit.trials.result import Finding, Verdict

Case = tuple[str, Sequence[Finding]]


def health_body(status: str, away: Collection[str], words: str = "no answer from {}") -> str:
    """A body of /health."""
    return json.dumps({"status": status, "away": {name: words.format(name) for name in away}})


def right_health(gone: str, critical: Sequence[str]) -> Answer:
    """The right answer with a dependency gone ("": none), and with these critical ones."""
    names = {gone} - {""}
    if gone in critical:
        return Answer(503, body=health_body("fail", names))
    return Answer(200, body=health_body("warn" if gone else "pass", names))


STATES = (*DEPENDENCIES, "")
HERE_RIGHT = {gone: right_health(gone, CRITICAL_HERE) for gone in STATES}
ELSEWHERE_RIGHT = {gone: right_health(gone, [CRITICAL_ELSEWHERE]) for gone in STATES}


def critical() -> Iterator[Case]:
    """One answer of /health is not that of its state, or all are right with one setting only."""
    assert monitoring_critical.judge_critical(HERE_RIGHT, ELSEWHERE_RIGHT).verdict is Verdict.PASSED
    for key, gone, wrong in (
        ("monitoring.critical.gone.fails", "redis", Answer(500)),
        ("monitoring.critical.gone.other", "redis", Answer(503, body=health_body("warn", ["redis"]))),
        ("monitoring.critical.well", "", Answer(200, body=health_body("warn", []))),
    ):
        yield key, monitoring_critical.judge_critical({**HERE_RIGHT, gone: wrong}, ELSEWHERE_RIGHT).findings


WRONG = {
    "monitoring.critical": critical,
}


@pytest.mark.parametrize("identifier", WRONG)
def test_each_wrong_answer_is_named(identifier: str) -> None:
    """A finding with the key of the mistake fails, and no other one that follows from it."""
    cases = [*WRONG[identifier]()]
    check_runner.assert_keys(cases)
    for key, findings in cases:
        assert failed_keys(findings) == [key]


SHAPES = [
    '{"status": "fail", "away": {"redis": "no answer from redis"}}',
    '{"status": "fail", "output": "redis does not answer in time"}',
    '{"status": "fail", "master-db": null, "replica-db": null, "redis": "no answer"}',
    '{"status": "fail", "checks": {"master-db:t": [{"status": "pass", "ms": 3}], "redis:t": [{"status": "fail"}]}}',
    '{"status": "fail", "all": {"redis": {"status": "down", "critical": true}, "master-db": {"status": "up"}}}',
    "fail\nmaster-db: ok, replica-db: ok, redis: timed out",
]


@pytest.mark.parametrize("body", SHAPES)
def test_a_body_of_any_shape_is_read(body: str) -> None:
    """What is away, and the word for the whole service, may stand in other places than the solution's."""
    answer = Answer(503, body=body)
    assert monitoring_health.away_dependencies(answer) == {"redis"}
    shown = monitoring_critical.judge_critical({**HERE_RIGHT, "redis": answer}, ELSEWHERE_RIGHT)
    assert shown.verdict is Verdict.PASSED, shown
