"""The exercise on a throttled container: three at work, and what the kernel has counted."""

from __future__ import annotations

import time
from random import Random

import pandas as pd
import pytest

from tests.workshop_kit.learn.exercise import handing
from workshop_kit.engine import containers
from workshop_kit.engine.stack import Stack
from workshop_kit.learn.exercise import metric_subjects, registry
from workshop_kit.learn.exercise.checks import CHECKS, monitoring_throttled
from workshop_kit.learn.exercise.checks.monitoring_throttled import Counted
from workshop_kit.learn.exercise.judging import Context
from workshop_kit.learn.exercise.result import Verdict
from workshop_kit.observe.sampler import Sampler

ID = "monitoring.throttled"
COUNTED = {"a": Counted(0.0, 9.0), "b": Counted(61.0, 1.0), "c": Counted(2.0, 0.3)}


@pytest.mark.parametrize(
    ("value", "passed"),
    [
        ({"container": "b", "percent": 58.2}, [True, True]),
        ({"container": "B ", "percent": 70}, [True, True]),
        ({"container": "b", "percent": 30}, [True, False]),
        ({"container": "b", "percent": "61"}, [True, False]),
        ({"container": "a", "percent": 61}, [False, False]),
        ({"container": "c", "percent": 2}, [False, True]),
        ({"container": "d", "percent": 61}, [False, True]),
        ({}, [False, False]),
        (None, [False, False]),
    ],
)
def test_who_and_how_much_are_told_apart(value: object, passed: list[bool]) -> None:
    """The busiest is not the one that is held back, and a share is of the container that was named."""
    judged = monitoring_throttled.compared(value, COUNTED)
    assert [finding.passed for finding in judged.findings] == passed, judged.findings
    assert (judged.ruling is Verdict.PASSED) == all(passed)


@pytest.mark.engine
@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_solution_passes_and_the_starter_fails_on_live_containers(participant: Stack, seed: int) -> None:
    """Whichever of the three it is."""
    names, _ = metric_subjects.at_work(participant, Random(seed))
    trio = [participant.session.engine.client.containers.get(one) for one in names["trio"].split(",")]
    try:
        usage = watched(participant, trio)
        exercise = registry.find(registry.load(participant.root), ID)
        for side, verdict in ((handing.solution, Verdict.PASSED), (handing.starter, Verdict.WRONG)):
            answer = {"subject": names, "value": side(ID, {"usage": usage})}
            judged = CHECKS[ID].check(Context(exercise, participant, 1, answer=answer))
            assert judged.ruling is verdict, judged
    finally:
        for container in trio:
            containers.remove(participant.session, container)
    judged = CHECKS[ID].check(Context(exercise, participant, 1, answer=answer))
    assert judged.ruling is Verdict.NOT_STARTED, judged


def watched(stack: Stack, trio: list[object]) -> pd.DataFrame:
    """What the sampler says of them in eight seconds."""
    with Sampler(stack.session.engine) as sampler:
        for name, container in zip("abc", trio, strict=True):
            sampler.add(container, name)
        time.sleep(8)
        return sampler.frame().dropna(subset=["cpu_percent"])
