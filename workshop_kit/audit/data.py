"""What an audit is made of, as data: principles, rules, verdicts, evidence, findings, reports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

GRAVEST = 3
"""So many findings stand first in a report."""


class Verdict(StrEnum):
    """What a rule has to say; the text stands without its symbol."""

    HOLDS = "holds"
    FAILS = "does not hold"
    CANNOT_TELL = "cannot be told from outside"
    NOT_APPLICABLE = "not applicable"

    @property
    def symbol(self) -> str:
        """One character that differs in shape from the others."""
        return {"HOLDS": "✓", "FAILS": "✗", "CANNOT_TELL": "?", "NOT_APPLICABLE": "–"}[self.name]


class Severity(StrEnum):
    """How grave it is if a rule does not hold, the gravest first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Method(StrEnum):
    """How a rule finds out: by looking at what is there, or by running a clone."""

    STATIC = "static"
    DYNAMIC = "dynamic"


@dataclass(frozen=True)
class Principle:
    """One of the 15 factors (F1 …) or 7 principles (P1 …).

    ``met`` says where lessons meet it (``01: SIGTERM, heard or not``), ``unseen`` what cannot be judged from outside.
    """

    id: str
    name: str
    met: str
    unseen: str

    @property
    def full_name(self) -> str:
        """The name with where it comes from: ``Factor 5, Configuration, credentials and code``."""
        kind = "Factor" if self.id.startswith("F") else "Principle"
        return f"{kind} {self.id[1:]}, {self.name}"


@dataclass(frozen=True)
class Rule:
    """One behavior that can be tested from outside; an entry of catalog.toml.

    ``serves`` names the principles that do not hold if it does not; ``proves`` those at whose substance it looks, so
    that they hold if it does.
    """

    id: str
    title: str
    guideline: str
    severity: Severity
    serves: tuple[str, ...]
    proves: tuple[str, ...]
    method: Method
    looks_at: str
    side_effects: str
    cost_seconds: float
    why: str
    next_step: str
    timed: bool = False


@dataclass(frozen=True)
class Evidence:
    """What was run, and what was seen. Nothing here is safe to show before `Subject.masked` has seen it."""

    ran: str
    saw: str


@dataclass(frozen=True)
class Judged:
    """What a rule says about one target: the verdict, one sentence, and what it rests on."""

    verdict: Verdict
    said: str
    evidence: tuple[Evidence, ...] = ()


def holds(said: str, *evidence: Evidence) -> Judged:
    """It is as the rule says."""
    return Judged(Verdict.HOLDS, said, evidence)


def fails(said: str, *evidence: Evidence) -> Judged:
    """It is not as the rule says."""
    return Judged(Verdict.FAILS, said, evidence)


def cannot_tell(said: str, *evidence: Evidence) -> Judged:
    """Nobody could say from outside; the sentence says why, and what would help."""
    return Judged(Verdict.CANNOT_TELL, said, evidence)


def not_applicable(said: str, *evidence: Evidence) -> Judged:
    """The rule asks about something that this target does not have."""
    return Judged(Verdict.NOT_APPLICABLE, said, evidence)


@dataclass(frozen=True)
class Finding:
    """A rule and what it says of a target; ``accepted`` says why and until when somebody lives with it."""

    rule: Rule
    verdict: Verdict
    said: str
    evidence: tuple[Evidence, ...]
    seconds: float
    accepted: str = ""


@dataclass(frozen=True)
class Audited:
    """One image or container and everything found about it. Every text is masked and free of control characters.

    ``reference`` says which parts of it are not its owner's work, where somebody knows.
    """

    target: str
    kind: str
    image_id: str
    how: str
    findings: tuple[Finding, ...]
    seconds: float
    reference: str = ""

    def of(self, verdict: Verdict) -> tuple[Finding, ...]:
        """The findings with one verdict."""
        return tuple(finding for finding in self.findings if finding.verdict is verdict)

    @property
    def failing(self) -> tuple[Finding, ...]:
        """What does not hold and is not accepted, the gravest first."""
        order = list(Severity)
        found = [one for one in self.of(Verdict.FAILS) if not one.accepted]
        return tuple(sorted(found, key=lambda one: order.index(one.rule.severity)))

    @property
    def accepted(self) -> tuple[Finding, ...]:
        """What does not hold, and somebody decided to live with."""
        return tuple(one for one in self.of(Verdict.FAILS) if one.accepted)

    def of_principle(self, identifier: str) -> tuple[Finding, ...]:
        """The findings of the rules that serve a factor or principle, or prove it."""
        return tuple(one for one in self.findings if identifier in (*one.rule.serves, *one.rule.proves))

    def verdict_on(self, identifier: str) -> Verdict:
        """The verdict on a principle: one rule that does not hold decides; to hold takes one that proves it."""
        found = self.of_principle(identifier)
        verdicts = {one.verdict for one in found}
        if any(one.verdict is Verdict.FAILS and identifier in one.rule.serves for one in found):
            return Verdict.FAILS
        if any(one.verdict is Verdict.HOLDS and identifier in one.rule.proves for one in found):
            return Verdict.HOLDS
        return Verdict.NOT_APPLICABLE if verdicts == {Verdict.NOT_APPLICABLE} else Verdict.CANNOT_TELL


@dataclass(frozen=True)
class Report:
    """The audit of a target: one image or container, or every container of a compose project."""

    asked: str
    audited: tuple[Audited, ...]

    def failing(self, words: Iterable[str] = ()) -> tuple[Finding, ...]:
        """What does not hold and is not accepted; with words, only of those guidelines, rules or principles."""
        wanted = set(words)
        return tuple(
            finding
            for one in self.audited
            for finding in one.failing
            if not wanted or wanted & {finding.rule.id, finding.rule.guideline, *finding.rule.serves}
        )
