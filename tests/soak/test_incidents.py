"""Every incident that a seed may draw, on the live stack: the starter's answer is wrong, the solution's right."""

from __future__ import annotations

from random import Random

import pytest

from tests.conftest import LiveStack
from tests.workshop_kit.gameday import cells
from workshop_kit.exercises import incidents
from workshop_kit.exercises.checks import logging_incident
from workshop_kit.exercises.checks.logging_incident import Evidence
from workshop_kit.exercises.incidents import TROUBLES, Trouble
from workshop_kit.exercises.result import Verdict
from workshop_kit.faults.journal import Journal

pytestmark = [pytest.mark.engine, pytest.mark.long, pytest.mark.timeout(300)]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
def test_every_trouble_can_be_found_and_not_by_its_first_warning(live_stack: LiveStack, trouble: Trouble) -> None:
    """For every seed no part of the starter's answer is right, and every part of the solution's is."""
    stack = live_stack.stack
    incident = incidents.inject(stack, Random(1), trouble=trouble)
    assert Journal(stack.session).entries() == []
    log = incidents.incident_log(stack, incident.id)
    evidence = Evidence(log, incident)
    begun = logging_incident.judge_cause(cells.starter("logging.cause", {"log": log}), evidence)
    assert [finding.passed for finding in begun.findings] == [False] * 3, begun
    solved = logging_incident.judge_cause(cells.solution("logging.cause", {"log": log}), evidence)
    assert solved.verdict is Verdict.PASSED, solved
    averaged = logging_incident.judge_percentiles(cells.starter("logging.percentiles", {"log": log}), log)
    assert averaged.verdict is Verdict.WRONG, averaged
    charted = logging_incident.judge_percentiles(cells.solution("logging.percentiles", {"log": log}), log)
    assert charted.verdict is Verdict.PASSED, charted
