"""What a check found, as data: the panel, the terminal and ``--json`` show the same words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
    """One check of one exercise. ``seconds`` is how long it took; ``output`` the container's last lines (may be empty).

    ``summary`` is one sentence: the symptom while it is not good, what was shown once it is.
    """

    exercise: str
    verdict: Verdict
    summary: str
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0
    output: str = ""

    @property
    def passed(self) -> bool:
        """Whether the exercise is done."""
        return self.verdict is Verdict.PASSED
