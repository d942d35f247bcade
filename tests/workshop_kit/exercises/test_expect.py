"""Findings from `expect` and `require`, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workshop_kit.paths import CHECKOUT
from workshop_kit.trials import service
from workshop_kit.trials.check_context import CheckEnded, Context
from workshop_kit.trials.expect import expect, require
from workshop_kit.trials.result import Finding, Result, Verdict
from workshop_kit.trials.service import Service
from workshop_kit.workspace import exercise_list

TEXTS: dict[str, Any] = {"expected": "200", "means": "It is down.", "look": "The log."}
STACK: Any = None


@dataclass(frozen=True)
class Looked:
    """Something seen, after some seconds."""

    seconds: float
    called: str = "GET /health"
    got: str = "503"


def judged(check: Any, tmp_path: Path) -> tuple[Result, Context]:
    """The result of a check that needs no engine, and its context."""
    exercise = exercise_list.find(exercise_list.load(CHECKOUT), "monitoring.deep")
    context = Context(exercise, STACK, 1, folder=tmp_path)
    return service.judge(check, context), context


def test_all_expectations_are_noted_and_the_first_that_failed_is_the_summary(tmp_path: Path) -> None:
    """A finding that passed says neither what it means nor where to look."""

    def check(_service: Service) -> None:
        """It is up."""
        expect(True, seen=Looked(0.1), **TEXTS)
        expect(False, seen=Looked(0.1), hint=2, **TEXTS)
        require(False, seen=Looked(0.9, "GET /readyz"), **TEXTS)
        raise AssertionError("the requirement has ended the check")

    result, context = judged(check, tmp_path)
    assert (result.verdict, result.summary) == (Verdict.WRONG, "It is down.")
    assert [(finding.passed, finding.means, finding.hint) for finding in result.findings] == [
        (True, "", 0),
        (False, "It is down.", 2),
        (False, "It is down.", 0),
    ]
    waits = [str(wait) for wait in context.waits.ended]  # a control may follow
    assert waits == ["GET /readyz: not as expected after 0.9 s"]


def test_a_right_answer_is_summed_up_by_the_checks_docstring(tmp_path: Path) -> None:
    """However long it took, there is nothing to ask a control for."""

    def check(_service: Service) -> None:
        """It is up."""
        expect(True, seen=Looked(9.0), **TEXTS)

    result, context = judged(check, tmp_path)
    assert (result.verdict, result.summary) == (Verdict.PASSED, "It is up.")
    assert context.waits.longest is None


def test_a_service_that_does_not_start_ends_the_check(tmp_path: Path) -> None:
    """What was found before stays in the result."""
    refusal = Finding(False, "Start it", "exit code 1", "200", "It ended.")

    def check(_service: Service) -> None:
        """It is up."""
        expect(True, seen=Looked(0.1), **TEXTS)
        raise CheckEnded(Result.did_not_start("It ended.", refusal))

    result, _ = judged(check, tmp_path)
    assert (result.verdict, result.summary) == (Verdict.DID_NOT_START, "It ended.")
    assert [finding.passed for finding in result.findings] == [True, False]


def test_what_cannot_be_judged_hides_no_failure(tmp_path: Path) -> None:
    """It is the result only if nothing has failed."""
    for passed, verdict in ((True, Verdict.CANNOT_JUDGE), (False, Verdict.WRONG)):

        def check(_service: Service, passed: bool = passed) -> None:
            """It is up."""
            expect(passed, seen=Looked(0.1), **TEXTS)
            raise CheckEnded(Result.cannot_judge("The engine ignores limits."))

        result, _ = judged(check, tmp_path)
        assert result.verdict is verdict
        assert [finding.passed for finding in result.findings] == [passed]
