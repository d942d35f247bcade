"""Every incident that a seed may draw, on the live stack: the starter's answer is wrong, the solution's right."""

from __future__ import annotations

from random import Random

import pytest

from tests.workshop_kit.exercises.check_runner import result_of
from tests.workshop_kit.gameday import recorded
from tests.workshop_room.desk.test_controller import generators
from workshop_kit.checks import logging_incident
from workshop_kit.engine.stack import Stack
from workshop_kit.faults import active_fault
from workshop_kit.reporting import Step
from workshop_kit.trials import incidents
from workshop_kit.trials.incidents import TROUBLES, Trouble
from workshop_kit.trials.result import Result, Verdict

pytestmark = [pytest.mark.engine, pytest.mark.alone, pytest.mark.timeout(300)]  # a busy machine hides a trouble


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
def test_every_trouble_can_be_found_and_not_by_its_first_warning(live_stack: Stack, trouble: Trouble) -> None:
    """For every seed the starter names another dependency, and every part of the solution's answer is right.

    When it is over, no fault and no load is left, and a check in another process finds it.
    """
    stack = live_stack
    steps = list[Step]()
    incident = incidents.inject(stack, Random(1), steps.append, trouble)
    assert steps[-1].done
    assert active_fault.find(stack.session) == []
    assert generators(stack) == set()
    assert stack.container(trouble.target).status == "running"
    assert incident.began < incident.injecting < incident.injected < incident.ended
    assert incidents.find(stack.session, incident.id) == incident
    log = incidents.incident_log(stack, incident.id)
    assert set(incidents.FIELDS) <= set(log.columns)

    def judged(answer: object) -> Result:
        return result_of(lambda: logging_incident.judge_cause(answer, log, incident))

    begun = judged(recorded.starter("logging.cause", {"log": log}))
    assert begun.verdict is Verdict.WRONG
    assert "had its hiccup" in begun.summary
    solved = judged(recorded.solution("logging.cause", {"log": log}))
    assert solved.verdict is Verdict.PASSED, solved
