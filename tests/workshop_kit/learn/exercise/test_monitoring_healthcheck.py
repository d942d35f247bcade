"""The exercise on HEALTHCHECK: reading it as compose does, and what the engine makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workshop_kit.learn.exercise import trying
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WrongUsage
from workshop_kit.learn.exercise import regions
from workshop_kit.learn.exercise.checks.healthcheck_fragment import read
from workshop_kit.learn.exercise.result import Verdict

FILE, LESSON, ID = "healthcheck.yaml", "04_monitoring", "monitoring.healthcheck"
PROBE = "[CMD, /venv/bin/python, -I, -S, /app/workshop_app/probe.py]"


def fragment(**keys: object) -> str:
    """A file with these keys under ``healthcheck:``."""
    lines = [f"      {key}: {value}" for key, value in keys.items()]
    return "\n".join(["services:", "  service:", "    healthcheck:", *lines, ""])


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
        (fragment(test=PROBE, interval="5"), "'5' is no time"),
        (fragment(test=PROBE, interval="1us"), "shorter than 1ms"),
        (fragment(test=PROBE, retries="many"), "'many' is no number of tries"),
        (fragment(test=PROBE, retries=0), "no number of tries"),
        (fragment(test="[]"), "names no program"),
        (fragment(interval="1s"), "names no program"),
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


@pytest.mark.engine
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("text", "verdict", "says"),
    [
        pytest.param("solution", Verdict.PASSED, "did not go unnoticed", id="solution"),
        pytest.param("starter", Verdict.WRONG, "the engine called it healthy", id="starter"),
        pytest.param(
            fragment(test=PROBE, interval="1s", timeout="1s", retries=2),
            Verdict.WRONG,
            "restarted while it was starting",
            id="no time to start",
        ),
        pytest.param(
            fragment(test=PROBE, interval="1s", timeout="1s", retries=1, start_period="20s"),
            Verdict.WRONG,
            "One answer that came late",
            id="impatient",
        ),
        pytest.param(
            fragment(
                test=PROBE.replace("/app/workshop_app/probe.py", "-c").replace("]", ", 'import os; os._exit(1)']"),
                interval="1s",
                retries=2,
                start_period="20s",
            ),
            Verdict.WRONG,
            "takes a service for dead that answers",
            id="never healthy",
        ),
        pytest.param(fragment(test=PROBE, interval="never"), Verdict.NOT_READABLE, "is no time", id="no time"),
    ],
)
def test_the_engine_believes_it(participant: Stack, root: Path, text: str, verdict: Verdict, says: str) -> None:
    """Each way to be wrong has its own sentence."""
    marked = trying.marked(root, FILE, LESSON)
    text = {"solution": regions.solved(marked), "starter": regions.starter(marked)}.get(text, text)
    judged = trying.judge(participant, ID, text)
    assert judged.ruling is verdict, judged
    assert says in judged.summary or any(says in finding.means for finding in judged.findings), judged
