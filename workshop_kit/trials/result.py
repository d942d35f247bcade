"""What a check found, as data: the panel, the terminal and ``--json`` show the same words.

Every verdict is set here: by `conclude` from what was tried, or by the constructors of `Result` where nothing could be
tried.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self


class Verdict(StrEnum):
    """The verdict of a check. Only ``PASSED`` is good; each of the others needs different help."""

    PASSED = "passed"
    NOT_STARTED = "not started"  # still the starter: the findings show its symptom
    NOT_READABLE = "not readable"  # no such file, not text: nothing was run
    DID_NOT_START = "did not start"  # the container ended or never answered: ``output`` has its last lines
    WRONG = "started, but wrong"
    CANNOT_JUDGE = "cannot be judged here"  # nothing is wrong, but the engine lacks what would show that it is right
    NOT_JUDGED = "not judged"  # it took too long, and so did the control


BLAMES = (Verdict.WRONG, Verdict.DID_NOT_START)
"""The verdicts for which a slow machine may be the reason."""


@dataclass(frozen=True)
class Finding:
    """One thing that was tried, as a card. Every text is plain, one or two sentences, and without secrets.

    ``called``: what was done from outside (``GET /readyz while the database is paused``). ``got`` and ``expected``:
    what came back and what should have. ``means``: the symptom in a user's words. ``look``: where to look next.
    ``hint``: the number of the hint that suits it, 0 for none. ``seconds``: the time until it was so.
    """

    passed: bool
    called: str
    got: str
    expected: str
    means: str = ""
    look: str = ""
    hint: int = 0
    seconds: float = 0.0


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

    @classmethod
    def not_started(cls, summary: str) -> Self:
        """Return the result where there is nothing to judge yet."""
        return cls(Verdict.NOT_STARTED, summary)

    @classmethod
    def not_readable(cls, summary: str, *findings: Finding, output: str = "") -> Self:
        """Return the result for a text that could not be read, so that nothing was run."""
        return cls(Verdict.NOT_READABLE, summary, findings, output)

    @classmethod
    def did_not_start(cls, summary: str, *findings: Finding, output: str = "") -> Self:
        """Return the result for an image that does not build, or a container that ended or never answered."""
        return cls(Verdict.DID_NOT_START, summary, findings, output)

    @classmethod
    def cannot_judge(cls, summary: str, *findings: Finding) -> Self:
        """Return the result where the engine lacks what would show whether it is right."""
        return cls(Verdict.CANNOT_JUDGE, summary, findings)

    @classmethod
    def not_judged(cls, summary: str, *findings: Finding) -> Self:
        """Return the result where this machine was too slow to tell; it says nothing of the code."""
        return cls(Verdict.NOT_JUDGED, summary, findings)

    def for_starter(self) -> Self:
        """Return the result for a text that nobody has changed: not started, unless it passed or was not judged."""
        if self.passed or self.verdict is Verdict.NOT_JUDGED:
            return self
        return replace(self, verdict=Verdict.NOT_STARTED)


def conclude(success_summary: str, findings: Iterable[Finding], output: str = "") -> Result:
    """Return the result of what was tried.

    If all findings passed, it is passed, and its summary is ``success_summary``. Otherwise it is wrong, with
    ``output``; its summary is what the first failed finding means.
    """
    all_findings = tuple(findings)
    first_failed = next((finding for finding in all_findings if not finding.passed), None)
    if first_failed is None:
        return Result(Verdict.PASSED, success_summary, all_findings)

    return Result(Verdict.WRONG, first_failed.means, all_findings, output)
