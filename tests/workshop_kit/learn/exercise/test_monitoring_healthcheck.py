"""The exercise on HEALTHCHECK: reading it as compose does, and what the engine makes of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.learn.exercise.checks import monitoring_healthcheck
from workshop_kit.learn.exercise.checks.healthcheck_fragment import read
from workshop_kit.learn.exercise.result import Finding

ID = "monitoring.healthcheck"
PROBE = "[CMD, /venv/bin/python, -I, -S, /app/workshop_app/probe.py]"


def fragment(**keys: object) -> str:
    """A file with these keys under ``healthcheck:``."""
    lines = [f"      {key}: {value}" for key, value in keys.items()]
    return "\n".join(["services:", "  service:", "    healthcheck:", *lines, ""])


NUMBERS = {"start_seconds": 3, "notice_seconds": 6}


def frozen(status: str, streak: int) -> Any:
    """A trial that is frozen, and of which the engine says this."""
    state = {"State": {"Health": {"Status": status, "FailingStreak": streak}}}
    return SimpleNamespace(inspect=lambda: state, ended=None, left_seconds=0.1)


def test_times_and_tests_are_read_as_compose_reads_them() -> None:
    """Units add up, a text is for the shell, and what is not there is the engine's default."""
    asked = read(fragment(test="curl -f localhost", interval="1m30s", timeout="250ms", retries=2, start_period="1.5s"))
    assert asked.engine == {
        "Test": ["CMD-SHELL", "curl -f localhost"],
        "Interval": 90_000_000_000,
        "Timeout": 250_000_000,
        "Retries": 2,
        "StartPeriod": 1_500_000_000,
    }
    assert asked.seconds == {"interval": 90, "timeout": 0.25, "start_period": 1.5}
    assert read(fragment(test="[CMD, true]")).engine == {"Test": ["CMD", "True"]}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (fragment(test=PROBE, interval="often"), "'often' is no time"),
        (fragment(test=PROBE, interval="1us"), "shorter than 1ms"),
        (fragment(test=PROBE, retries="many"), "'many' is no number of tries"),
        (fragment(test="[]"), "names no program"),
        (fragment(test=PROBE, disable="true"), "'disable'"),
        ("services:\n  service:\n    mem_limit: 5m\n", "healthcheck:, and nothing else"),
        ("services: [", "no YAML"),
    ],
)
def test_what_is_none_is_said_in_a_sentence(text: str, says: str) -> None:
    """No traceback, whatever somebody writes."""
    with pytest.raises(WrongUsage, match=r"\.$") as error:
        read(text)
    assert says in error.value.what


@pytest.mark.parametrize(
    ("finding", "says"),
    [
        (monitoring_healthcheck._started("unhealthy", NUMBERS), "restarted while it was starting"),
        (monitoring_healthcheck._started("healthy", NUMBERS), "healthy before it serves anybody"),
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
