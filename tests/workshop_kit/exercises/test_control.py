"""The third outcome: where a wait ended by its limit and an empty container was slow, too, nothing is judged."""

from __future__ import annotations

from typing import Any

import pytest

from workshop_kit.engine.stack import Stack
from workshop_kit.errors import NotInTime
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.trials import control
from workshop_kit.trials.control import Control, Waits
from workshop_kit.trials.result import Finding, Result, Verdict

QUICK = Control(0.4, 0.5)
SLOW = Control(9.3, 0.5)
STACK: Any = None
WRONG = Result(Verdict.WRONG, "It hangs.", (Finding(False, "GET /livez", "no answer", "200", "It hangs."),))
RIGHT = Result(Verdict.PASSED, "It answers.")
WAITED = "no good answer to GET /livez on port 8531"


def judged(monkeypatch: pytest.MonkeyPatch, result: Result, measured: Control, *, waited: bool = True) -> Result:
    """The result of a check that found this, waited in vain or not, and was followed by such a control."""
    monkeypatch.setattr(control, "measure", lambda _stack: measured)
    waits = Waits()
    if waited:
        waits.add("the log was not complete", 2.0)
        waits.add(WAITED, 31.4)
    return control.judge(lambda: result, waits, STACK)


@pytest.mark.parametrize("slow", [SLOW, Control(0.4, 12.0)])
def test_a_slow_machine_is_not_held_against_the_code(monkeypatch: pytest.MonkeyPatch, slow: Control) -> None:
    """The sentence has what was waited for, and how long; there is no finding."""
    result = judged(monkeypatch, WRONG, slow)
    assert (result.verdict, result.findings, result.output) == (Verdict.NOT_JUDGED, (), "")
    assert f"{WAITED[1:]} after 31.4 s" in result.summary


def test_on_an_idle_machine_code_that_hangs_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control was quick."""
    assert judged(monkeypatch, WRONG, QUICK) == WRONG


@pytest.mark.parametrize(
    ("result", "waited"), [(WRONG, False), (RIGHT, True), (Result.not_readable("Compose refuses compose.yaml."), True)]
)
def test_what_time_does_not_explain_is_judged(monkeypatch: pytest.MonkeyPatch, result: Result, waited: bool) -> None:
    """No wait ended by its limit, or what was found is no matter of time: the machine may be as slow as it likes."""
    assert judged(monkeypatch, result, SLOW, waited=waited) == result


def test_an_engine_that_is_late_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not judged where the control was slow, too; else the error is told as it is."""

    def late() -> Result:
        raise NotInTime("The container proxy did not take the fault within 61 s.")

    monkeypatch.setattr(control, "measure", lambda _stack: SLOW)
    assert "did not take the fault within 61 s. This machine was slow" in control.judge(late, Waits(), STACK).summary
    monkeypatch.setattr(control, "measure", lambda _stack: QUICK)
    with pytest.raises(NotInTime):
        control.judge(late, Waits(), STACK)


def test_not_judged_changes_no_progress(engineless: ExerciseService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the state nor the attempts nor the hint; and a starter is not told that it was not started."""
    identifier = "container.graceful"
    before = engineless.progress.exercise(identifier)
    result = control.not_judged(WAITED, SLOW)
    monkeypatch.setattr(ExerciseService, "judge", lambda *_: result)
    assert engineless.check(identifier).verdict is Verdict.NOT_JUDGED
    assert engineless.progress.exercise(identifier) == before


@pytest.mark.engine
def test_a_control_runs_an_empty_container(stack: Stack) -> None:
    """It takes some time, and leaves nothing."""
    measured = control.measure(stack)
    assert measured.container_seconds > 0
    assert "an empty container took" in str(measured)
