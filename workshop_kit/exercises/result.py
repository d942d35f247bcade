"""What a check found, as data: the panel, the terminal and ``--json`` show the same words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from workshop_kit.observe.http import Answer


class Verdict(StrEnum):
    """The verdict of a check. Only ``PASSED`` is good; each of the others needs different help."""

    PASSED = "passed"
    NOT_STARTED = "not started"  # still the starter: the findings show its symptom
    NOT_READABLE = "not readable"  # damaged markers, no such file, not text: nothing was run
    DID_NOT_START = "did not start"  # the container ended or never answered: ``output`` has its last lines
    WRONG = "started, but wrong"
    LUCKY = "right for the wrong reason"  # hard-coded, say: right once, wrong with other values
    CANNOT_JUDGE = "cannot be judged here"  # nothing is wrong, but the engine lacks what would show that it is right


@dataclass(frozen=True)
class Finding:
    """One thing that was tried, as a card. Every text is plain, one or two sentences, and without secrets.

    ``called``: what was done from outside (``GET /readyz while the database is paused``). ``got`` and ``expected``:
    what came back and what should have. ``means``: the symptom in a user's words. ``look``: where to look next.
    """

    passed: bool
    called: str
    got: str
    expected: str
    means: str = ""
    look: str = ""


@dataclass(frozen=True)
class Result:
    """What a check found.

    ``summary`` is one sentence: the symptom while it is not good, what was shown once it is. ``output`` has the
    container's last lines where they help. The exercise service adds the exercise's id and how long the check took.
    """

    verdict: Verdict
    summary: str
    findings: tuple[Finding, ...] = ()
    output: str = ""
    exercise: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether the exercise is done."""
        return self.verdict is Verdict.PASSED


def found(passed: bool, called: str, got: str, expected: str, means: str, look: str) -> Finding:
    """Return a finding, which says what it means and where to look only if it did not pass."""
    return Finding(passed, called, got, expected) if passed else Finding(passed, called, got, expected, means, look)


def equals(called: str, got: str, expected: str, means: str, look: str) -> Finding:
    """Return a finding that passes if what came back is what was expected, to the letter."""
    return found(got == expected, called, got, expected, means, look)


def has_status(answer: Answer, status: int, called: str, means: str, look: str) -> Finding:
    """Return a finding that passes if an HTTP answer has this status."""
    return equals(called, str(answer), str(status), means, look)


def has_none(items: Iterable[str], called: str, means: str, look: str) -> Finding:
    """Return a finding that passes if there are no items; it names the first three."""
    names = [*items]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return found(not names, called, f"{', '.join(names[:3])}{more}" or "none", "none", means, look)


def conclude(
    shown: str,
    findings: Iterable[Finding],
    output: str = "",
    verdict: Verdict = Verdict.WRONG,
    symptom: str = "",
) -> Result:
    """Return the result of a check: ``shown`` if all findings passed, else ``symptom``, or what the first failed means.

    ``verdict`` and ``output`` go with a failed finding only.
    """
    all_findings = tuple(findings)
    failed = next((finding for finding in all_findings if not finding.passed), None)
    if failed is None:
        return Result(Verdict.PASSED, shown, all_findings)
    return Result(verdict, symptom or failed.means, all_findings, output)


def failure(
    called: str,
    got: str,
    expected: str,
    means: str,
    look: str,
    verdict: Verdict = Verdict.WRONG,
    *,
    summary: str = "",
    output: str = "",
) -> Result:
    """Return the result of a check that ends with one failed finding; ``summary`` is its meaning unless it is given."""
    return Result(verdict, summary or means, (Finding(False, called, got, expected, means, look),), output)
