"""The exercise on HEALTHCHECK: what is said of what the engine makes of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from workshop_kit.exercises.checks import monitoring_healthcheck
from workshop_kit.exercises.result import Finding

NUMBERS = {"start_seconds": 3, "notice_seconds": 6}


def frozen(status: str, streak: int) -> Any:
    """A trial that is frozen, and of which the engine says this."""
    state = {"State": {"Health": {"Status": status, "FailingStreak": streak}}}
    return SimpleNamespace(inspect=lambda: state, ended=None, left_seconds=0.1)


@pytest.mark.parametrize(
    ("finding", "says"),
    [
        (monitoring_healthcheck._started("unhealthy", NUMBERS), "restarted while it was starting"),
        (monitoring_healthcheck._started("healthy", NUMBERS), "healthy before it serves"),
        (monitoring_healthcheck._well("unhealthy"), "takes a service for dead that answers"),
        (monitoring_healthcheck._well(None), "takes a service for dead that answers"),
    ],
)
def test_each_way_to_be_wrong_has_its_sentence(finding: Finding, says: str) -> None:
    """No time to start, an early yes, a wrong question, or none in time."""
    assert not finding.passed
    assert says in finding.means


@pytest.mark.parametrize(
    ("status", "streak", "says"),
    [
        ("healthy", 0, "the engine called it healthy"),
        ("unhealthy", 1, "One answer that came late"),
        ("unhealthy", 2, ""),
    ],
)
def test_a_hang_is_noticed_and_a_late_answer_forgiven(status: str, streak: int, says: str) -> None:
    """By what the engine says of a frozen process, and after how many probes."""
    failed = [one.means for one in monitoring_healthcheck._hang(frozen(status, streak), 6.0) if not one.passed]
    assert says in failed[0] if says else failed == []
