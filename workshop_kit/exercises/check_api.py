"""What a check is given, what it says, and where it registers: one function an exercise."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workshop_kit.engine.stack import Stack
from workshop_kit.exercises.registry import Exercise
from workshop_kit.exercises.result import Finding, Verdict
from workshop_kit.observe.http import Answer
from workshop_kit.progress import Report, Step, silent


@dataclass(frozen=True)
class Context:
    """What a check may look at.

    ``files`` maps an exercise file (``config.py``) to its text: the participant's region, the others solved.
    ``folder`` is a copy of ``my_service/`` for a check that judges the service: the participant's regions of this
    exercise, the others solved. Once ``superseded`` is set, a newer check of the exercise has begun and this one ends.
    ``seed`` is the participant's, or one for a table. ``answer`` is what a notebook's cell handed over.
    """

    exercise: Exercise
    stack: Stack
    seed: int
    files: Mapping[str, str] = field(default_factory=dict)
    answer: Any = None
    report: Report = silent
    folder: Path = Path()
    superseded: threading.Event = field(default_factory=threading.Event)

    @property
    def text(self) -> str:
        """The text of the exercise's own file."""
        return self.files[self.exercise.file or ""]

    def report_step(self, what: str) -> None:
        """Report what the check does now."""
        self.report(Step("Check", None, what))


@dataclass(frozen=True)
class CheckResult:
    """What a check found.

    ``summary`` is one sentence: the symptom, or what was shown. ``override`` replaces the verdict that follows from the
    findings. ``output`` has the container's last lines where they help.
    """

    summary: str
    findings: tuple[Finding, ...] = ()
    override: Verdict | None = None
    output: str = ""

    @property
    def verdict(self) -> Verdict:
        """The override, else passed if there are findings and all of them passed, else wrong."""
        if self.override is not None:
            return self.override
        passed = bool(self.findings) and all(finding.passed for finding in self.findings)
        return Verdict.PASSED if passed else Verdict.WRONG


def found(passed: bool, called: str, got: str, expected: str, means: str, look: str) -> Finding:
    """Return a finding, which says what it means and where to look only if it did not pass."""
    return Finding(passed, called, got, expected) if passed else Finding(passed, called, got, expected, means, look)


def has_status(answer: Answer, status: int, called: str, means: str, look: str) -> Finding:
    """Return a finding that passes if an HTTP answer has this status."""
    return found(answer.status == status, called, str(answer), str(status), means, look)


def has_none(items: Iterable[str], called: str, means: str, look: str) -> Finding:
    """Return a finding that passes if there are no items; it names the first three."""
    names = [*items]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return found(not names, called, f"{', '.join(names[:3])}{more}" or "none", "none", means, look)


class CheckEnded(Exception):
    """Raised where a check cannot go on, with its ``result``: the service does not start, no answer was handed in."""

    def __init__(self, result: CheckResult) -> None:
        super().__init__(result.summary)
        self.result = result


def conclude(
    shown: str, findings: Iterable[Finding], output: str = "", override: Verdict | None = None, symptom: str = ""
) -> CheckResult:
    """Return the result of a check: ``shown`` if all findings passed, else ``symptom``, or what the first failed means.

    ``output`` and ``override`` go with a failed finding only.
    """
    all_findings = tuple(findings)
    failed = next((finding for finding in all_findings if not finding.passed), None)
    if failed is None:
        return CheckResult(shown, all_findings)
    return CheckResult(symptom or failed.means, all_findings, override, output)


Check = Callable[[Context], CheckResult]
Given = Callable[[int], dict[str, Any]]


@dataclass(frozen=True)
class Registered:
    """A check, and the numbers that its task names: a function of the seed, for ``task.format(**given(seed))``."""

    check: Check
    given: Given


CHECKS: dict[str, Registered] = {}


def nothing_given(_: int) -> dict[str, Any]:
    """Return no numbers: most tasks have none."""
    return {}


def check(identifier: str, given: Given = nothing_given) -> Callable[[Check], Check]:
    """Register the function below as the check of an exercise: ``@check("container.graceful")``."""

    def register(function: Check) -> Check:
        def run(context: Context) -> CheckResult:
            try:
                return function(context)
            except CheckEnded as ended:
                return ended.result

        if identifier in CHECKS:
            raise ValueError(f"{identifier} has a check already")
        CHECKS[identifier] = Registered(run, given)
        return function

    return register
