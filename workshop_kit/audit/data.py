"""What an audit is made of, as data: principles, rules, verdicts, evidence, findings, reports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


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
    def lessons(self) -> tuple[str, ...]:
        """The numbers of the lessons that meet it: ``("01", "02")``."""
        return tuple(place.strip().partition(":")[0] for place in self.met.split(";"))

    @property
    def full_name(self) -> str:
        """The name with where it comes from: ``Factor 5, Configuration, credentials and code``."""
        kind = "Factor" if self.id.startswith("F") else "Principle"
        return f"{kind} {self.id[1:]}, {self.name}"


@dataclass(frozen=True)
class Rule:
    """One behavior that can be tested from outside; an entry of catalog.toml."""

    id: str
    title: str
    guideline: str
    serves: tuple[str, ...]
    method: Method
    looks_at: str
    side_effects: str
    cost_seconds: float
    why: str
    next_step: str
    timed: bool = False


@dataclass(frozen=True)
class Evidence:
    """What was run, and what was seen. Nothing here is safe to show before `Subject.judge` has masked it."""

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
    """A rule and what it says of a target; ``seconds`` is how long finding out took."""

    rule: Rule
    verdict: Verdict
    said: str
    evidence: tuple[Evidence, ...]
    seconds: float


@dataclass(frozen=True)
class Audited:
    """One image or container and everything found about it. Every text is masked and free of control characters."""

    target: str
    kind: str
    image_id: str
    how: str
    findings: tuple[Finding, ...]
    seconds: float

    def of(self, verdict: Verdict) -> tuple[Finding, ...]:
        """The findings with one verdict."""
        return tuple(finding for finding in self.findings if finding.verdict is verdict)

    def of_principle(self, identifier: str) -> tuple[Finding, ...]:
        """The findings of the rules that serve a factor or principle."""
        return tuple(finding for finding in self.findings if identifier in finding.rule.serves)

    @property
    def rules(self) -> frozenset[str]:
        """The ids of the rules that were applied."""
        return frozenset(finding.rule.id for finding in self.findings)

    def verdict_on(self, identifier: str) -> Verdict:
        """A principle does not hold if one of its rules does not; it holds if one does and none does not."""
        return together(finding.verdict for finding in self.of_principle(identifier))


@dataclass(frozen=True)
class Report:
    """The audit of a target: one image or container, or every container of a compose project."""

    asked: str
    audited: tuple[Audited, ...]

    def failing(self, words: Iterable[str] = ()) -> tuple[Finding, ...]:
        """What does not hold; with words, only of those guidelines, rules or principles."""
        wanted = set(words)
        return tuple(
            finding
            for one in self.audited
            for finding in one.of(Verdict.FAILS)
            if not wanted or wanted & {finding.rule.id, finding.rule.guideline, *finding.rule.serves}
        )


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """Several verdicts as one: the worst that could be told; nothing to judge by cannot be told."""
    met = set(verdicts)
    for verdict in (Verdict.FAILS, Verdict.HOLDS, Verdict.CANNOT_TELL, Verdict.NOT_APPLICABLE):
        if verdict in met:
            return verdict
    return Verdict.CANNOT_TELL
