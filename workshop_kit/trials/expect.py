"""What a check expects: `expect` notes a finding and goes on, `require` ends the check if it failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Protocol

from workshop_kit.trials.result import Finding

_findings: ContextVar[list[Finding]] = ContextVar("findings")


class Seen(Protocol):
    """Something that a check has seen. It knows its seconds: what took long may be the machine's fault."""

    @property
    def called(self) -> str:
        """What was done from outside: ``GET /health while redis hangs``."""

    @property
    def got(self) -> str:
        """What came back, in words."""

    @property
    def seconds(self) -> float:
        """The seconds until it was so."""


@dataclass(frozen=True)
class Observation:
    """What was looked at, and what was seen."""

    called: str
    got: str
    seconds: float


class RequirementFailed(Exception):
    """Raised by `require`: what follows would fail only because of this."""


def expect(passed: bool, *, seen: Seen, expected: str, means: str, look: str, hint: int = 0) -> None:
    """Note a finding. If it failed, the card also says what that ``means``, and where to ``look``.

    ``hint`` is the number of the exercise's hint that is shown first for it; 0: they come in their order.
    """
    finding = Finding(passed, seen.called, seen.got, expected, hint=hint, seconds=seen.seconds)
    if not passed:
        finding = replace(finding, means=means, look=look)
    _findings.get().append(finding)


def require(passed: bool, *, seen: Seen, expected: str, means: str, look: str, hint: int = 0) -> None:
    """Note a finding, and end the check if it failed."""
    expect(passed, seen=seen, expected=expected, means=means, look=look, hint=hint)
    if not passed:
        raise RequirementFailed


@contextmanager
def collected() -> Iterator[list[Finding]]:
    """Yield the list that gets the findings of the block; a `require` that fails ends the block."""
    findings: list[Finding] = []
    token = _findings.set(findings)
    try:
        with suppress(RequirementFailed):
            yield findings
    finally:
        _findings.reset(token)
