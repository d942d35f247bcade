"""Doors: what is shut for one trial is open to everybody else."""

from __future__ import annotations

import pytest

from tests.workshop_kit.learn.exercise import trying
from tests.workshop_kit.learn.waiting import wait_until
from workshop_kit.engine.stack import Stack
from workshop_kit.learn.exercise import asking, doors, trial
from workshop_kit.learn.exercise.checks.monitoring_health import START_SECONDS, away, settled

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]


def test_a_door_is_shut_for_its_trial_alone_and_opens_again(participant: Stack) -> None:
    """The stack's own service does not notice; the trial does, and recovers."""
    port = int(participant.url().rsplit(":", 1)[1])
    with (
        trying.leaving_nothing(participant),
        doors.between(participant, "redis") as between,
        trial.run(participant, {}, environment=between.environment, deadline_seconds=60) as tried,
    ):
        assert tried.wait_answer("/readyz", within_seconds=START_SECONDS)
        for state in (doors.REFUSES, doors.HANGS):
            between.set(redis=state)
            assert away(settled(tried, {"redis"})) == {"redis"}
            wait_until(lambda: asking.ask(port, "GET", "/health").json()["status"] == "pass")
            assert away(settled(tried, {"redis"})) == {"redis"}
            between.set()
            assert tried.wait_answer("/readyz", within_seconds=5)
