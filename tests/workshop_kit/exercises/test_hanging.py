"""Code that hangs is wrong where the control is quick; test_control.py has what a slow one changes."""

from __future__ import annotations

import re

import pytest

from tests.workshop_kit.exercises import check_runner
from workshop_kit import patience
from workshop_kit.engine import control
from workshop_kit.engine.control import Control
from workshop_kit.engine.session import Session
from workshop_kit.engine.stack import Stack
from workshop_kit.observe import jq
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials import service_image
from workshop_kit.trials.result import BLAMES, Result
from workshop_kit.workspace import exercise_list
from workshop_kit.workspace.exercise_list import Exercise

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

FOR_EVER = "__import__('time').sleep(9999)"
FROM = "FROM localhost/workshop/python:3.13\n"
ANSWERS = {
    "container.dockerfile": f"{FROM}RUN sleep 9999\n",
    "container.graceful": "sleep 9999\n",
    "container.limits": "services:\n  my-service:\n    cpus: 0.01\n",  # it starts for a minute
    "logging.jq": "last(repeat(1))\n",
    "monitoring.healthcheck": 'HEALTHCHECK --interval=1s --timeout=2s CMD ["sleep", "9999"]\n',
}
"""Answers in languages other than Python: one for each of them."""
IN_PYTHON = {"config.env", "logging.context", "monitoring.deep"}
"""At the start, in each request, and in an endpoint of its own."""
EXERCISES = [exercise for exercise in exercise_list.load(CHECKOUT) if exercise.id in ANSWERS.keys() | IN_PYTHON]
IN_DEFAULT = {"container.graceful", "config.env"}


def hanging(exercise: Exercise) -> str:
    """The solution, which waits for ever in its first statement."""
    if exercise.id in ANSWERS:
        return ANSWERS[exercise.id]
    body = next(change.text for change in check_runner.solution_of(exercise) if change.path == exercise.path)
    # Before the first statement of the first function, or before a class or a value of the module.
    function = re.compile(r'^( *)(?:async )?def .*?:\n(?: *""".*?"""\n)?', re.MULTILINE | re.DOTALL)
    if (first := function.search(body)) is None:
        return f"{FOR_EVER}\n{body}"
    return f"{body[: first.end()]}{first[1]}    {FOR_EVER}\n{body[first.end() :]}"


@pytest.mark.parametrize(
    "exercise",
    [
        pytest.param(exercise, marks=[] if exercise.id in IN_DEFAULT else pytest.mark.long, id=exercise.id)
        for exercise in EXERCISES
    ],
)
def test_code_that_hangs(participant: Stack, exercise: Exercise, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its check ends, has waited in vain, asks for a real control, and judges what was seen last."""
    monkeypatch.setattr(patience, "measured_factor", lambda: 1.0)  # it hangs anyway, and the suite need not wait for it
    monkeypatch.setattr(service_image, "BUILD_SECONDS", 15.0)
    monkeypatch.setattr(jq, "TIMEOUT_SECONDS", 5.0)
    monkeypatch.setattr(control, "SLOW_SECONDS", 60.0)  # a busy machine is quick, too
    controls: list[Control] = []
    measure = control.measure

    def measure_and_keep(session: Session) -> Control:
        controls.append(measure(session))
        return controls[-1]

    monkeypatch.setattr(control, "measure", measure_and_keep)
    result = judged(participant, exercise)
    assert result.verdict in BLAMES, result
    assert controls, "no wait was noted"


def judged(stack: Stack, exercise: Exercise) -> Result:
    """What the check says of the answer that hangs."""
    return check_runner.judge_answer(stack, exercise.id, hanging(exercise))
