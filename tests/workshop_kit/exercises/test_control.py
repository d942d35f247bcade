"""The third outcome: where a wait ended by its limit and the control was slow, too, nothing is judged."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from workshop_kit.engine import control
from workshop_kit.engine.control import Control, explain_if_slow
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import NotInTime
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.patience import VARIABLE
from workshop_kit.trials.check_api import judge, not_judged
from workshop_kit.trials.check_context import CheckEnded, Context
from workshop_kit.trials.result import Finding, Result, Verdict
from workshop_kit.trials.service import Service

QUICK = Control(0.4)
SLOW = Control(9.3)
SESSION: Any = None
WRONG = Result(Verdict.WRONG, "It hangs.", (Finding(False, "GET /livez", "no answer", "200", "It hangs."),))
RIGHT = Result(Verdict.PASSED, "It answers.")
WAITED = "no good answer to GET /livez on port 8531"


def judged(monkeypatch: pytest.MonkeyPatch, result: Result, measured: Control, *, waited: bool = True) -> Result:
    """The result of a check that found this, waited in vain or not, and was followed by such a control."""
    monkeypatch.setattr(control, "measure", lambda _session: measured)
    context = idle_context()
    if waited:
        context.waits.add("the log was not complete", 2.0)
        context.waits.add(WAITED, 31.4)

    def end(_service: Service) -> None:
        raise CheckEnded(result)

    return judge(end, context)


def idle_context() -> Context:
    """What a check is given that has not waited yet."""
    exercise: Any = SimpleNamespace(id="container.graceful")
    stack: Any = SimpleNamespace(session=SESSION)
    return Context(exercise, stack, seed=1)


def test_a_slow_machine_is_not_held_against_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence has what was waited for, and how long; there is no finding."""
    result = judged(monkeypatch, WRONG, SLOW)
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
    """The machine was slow, too: not judged."""

    def late(_service: Service) -> None:
        raise NotInTime("The container proxy did not take the fault within 61 s.")

    monkeypatch.setattr(control, "measure", lambda _session: SLOW)
    result = judge(late, idle_context())
    assert "did not take the fault within 61 s. This machine was slow" in result.summary


def test_not_judged_changes_no_progress(engineless: ExerciseService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the state nor the attempts nor the hint; and a starter is not told that it was not started."""
    identifier = "container.graceful"
    before = engineless.progress.exercise(identifier)
    result = not_judged(WAITED, SLOW)
    monkeypatch.setattr(ExerciseService, "judge", lambda *_: result)
    assert engineless.check(identifier).verdict is Verdict.NOT_JUDGED
    assert engineless.progress.exercise(identifier) == before


def test_an_error_says_that_the_machine_was_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """How slow it was, and what to do; beside a quick control the error stays as it is."""
    monkeypatch.setattr(control, "measure", lambda _session: SLOW)
    with pytest.raises(NotInTime, match=r"is late. This machine was slow .* 9.3 s") as error, explain_if_slow(SESSION):
        raise NotInTime("The container production-40 is late.")
    assert "WORKSHOP_PATIENCE=10" in error.value.next_step

    monkeypatch.setattr(control, "measure", lambda _session: QUICK)
    with pytest.raises(NotInTime, match=r"is late.$"), explain_if_slow(SESSION):
        raise NotInTime("The container production-40 is late.")


def test_the_limit_of_the_control_grows_as_all_limits_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """WORKSHOP_PATIENCE multiplies it: a machine that is always slow is quick by its own measure."""
    monkeypatch.delenv(VARIABLE, raising=False)
    assert not QUICK.is_slow
    assert SLOW.is_slow
    monkeypatch.setenv(VARIABLE, "10")
    assert not SLOW.is_slow


@pytest.mark.engine
def test_a_control_runs_a_small_program(stack: Stack) -> None:
    """It takes some time, and leaves nothing."""
    measured = control.measure(stack.session)
    assert measured.program_seconds > 0
    assert "a small program took" in str(measured)
