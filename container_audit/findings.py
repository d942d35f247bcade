"""The data of an audit: rules, verdicts, evidence, findings, reports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from container_audit.sources import Sources

GRAVEST = 3
"""The number of findings at the head of a report."""
SENTENCE_LENGTH = 600
"""The most characters of a finding's sentence."""


class RuleVerdict(StrEnum):
    """The result of a rule, in words that need no symbol."""

    HOLDS = "holds"
    FAILS = "does not hold"
    CANNOT_TELL = "cannot be told from outside"
    NOT_APPLICABLE = "not applicable"

    @property
    def symbol(self) -> str:
        """One character; the four differ in shape, not only in color."""
        return {"HOLDS": "✓", "FAILS": "✗", "CANNOT_TELL": "?", "NOT_APPLICABLE": "–"}[self.name]


class Severity(StrEnum):
    """How severe a violation of a rule is, the most severe first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Method(StrEnum):
    """Static rules inspect; dynamic rules run a clone."""

    STATIC = "static"
    DYNAMIC = "dynamic"


@dataclass(frozen=True)
class Rule:
    """One behavior that can be tested from outside; an entry of catalog.toml.

    If the rule fails, every principle that it `decides` fails; if it holds, every principle in ``proves`` holds.
    ``of_containers`` marks one that does not apply to an image. It is about these ``instructions`` of a Dockerfile and
    ``compose_keys`` of a service.
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
    instructions: tuple[str, ...]
    compose_keys: tuple[str, ...]
    why: str
    next_step: str
    of_containers: bool = False

    @property
    def decides(self) -> tuple[str, ...]:
        """The principles that do not hold if the rule fails: those it serves, none for one of low severity."""
        return () if self.severity is Severity.LOW else self.serves


@dataclass(frozen=True)
class Evidence:
    """What was run and what was seen. It may hold secrets until `runner` has masked it."""

    ran: str
    saw: str


@dataclass(frozen=True)
class Judgment:
    """What a rule returns for one target: the verdict, one sentence, and the evidence.

    ``by_time``: a clock alone decided, so on a busy machine it says nothing about the target. ``next_step`` replaces
    the rule's where the cause is known.
    """

    verdict: RuleVerdict
    said: str
    evidence: tuple[Evidence, ...] = ()
    by_time: bool = False
    next_step: str = ""


def holds(said: str, *evidence: Evidence) -> Judgment:
    """Return the judgment that the rule holds."""
    return Judgment(RuleVerdict.HOLDS, said, evidence)


def fails(said: str, *evidence: Evidence, by_time: bool = False, next_step: str = "") -> Judgment:
    """Return the judgment that the rule does not hold; with ``by_time`` on a machine that is not busy."""
    return Judgment(RuleVerdict.FAILS, said, evidence, by_time, next_step)


def cannot_tell(said: str, *evidence: Evidence) -> Judgment:
    """Return the judgment that the rule cannot be tested; ``said`` gives the reason and what would help."""
    return Judgment(RuleVerdict.CANNOT_TELL, said, evidence)


def not_applicable(said: str, *evidence: Evidence) -> Judgment:
    """Return the judgment that the rule does not apply to this target."""
    return Judgment(RuleVerdict.NOT_APPLICABLE, said, evidence)


@dataclass(frozen=True)
class RuleFinding:
    """A rule and its judgment of a target; ``accepted`` gives the reason and the last day of an ignore entry.

    ``own_next_step`` is that of the judgment, or "". ``is_unexpected`` marks a rule that the audit failed to apply.
    """

    rule: Rule
    verdict: RuleVerdict
    said: str
    evidence: tuple[Evidence, ...]
    seconds: float
    accepted: str = ""
    own_next_step: str = ""
    is_unexpected: bool = False

    @property
    def next_step(self) -> str:
        """What to do: of this finding if its cause is known, else of the rule."""
        return self.own_next_step or self.rule.next_step


@dataclass(frozen=True)
class TargetReport:
    """All findings about one image or container. Every text is masked and free of control characters.

    ``image_name`` is how its image is called, and ``sources`` are the files that it is made from.
    """

    target: str
    kind: str
    image_id: str
    how: str
    findings: tuple[RuleFinding, ...]
    seconds: float
    image_name: str = ""
    sources: Sources = field(default_factory=Sources)

    def of(self, verdict: RuleVerdict) -> tuple[RuleFinding, ...]:
        """Return the findings with one verdict."""
        return tuple(finding for finding in self.findings if finding.verdict is verdict)

    @property
    def failing(self) -> tuple[RuleFinding, ...]:
        """The failed findings that are not accepted, the most severe first."""
        order = list(Severity)
        found = [one for one in self.of(RuleVerdict.FAILS) if not one.accepted]
        return tuple(sorted(found, key=lambda one: order.index(one.rule.severity)))

    @property
    def accepted(self) -> tuple[RuleFinding, ...]:
        """The failed findings that an ignore entry accepts."""
        return tuple(one for one in self.of(RuleVerdict.FAILS) if one.accepted)

    def of_principle(self, identifier: str) -> tuple[RuleFinding, ...]:
        """Return the findings of the rules that serve a factor or principle, or prove it."""
        return tuple(one for one in self.findings if identifier in (*one.rule.serves, *one.rule.proves))

    def verdict_on(self, identifier: str) -> RuleVerdict:
        """Return the verdict on a principle: one failed rule decides, above low severity; else one that proves it."""
        found = self.of_principle(identifier)
        verdicts = {one.verdict for one in found}
        if any(one.verdict is RuleVerdict.FAILS and identifier in one.rule.decides for one in found):
            return RuleVerdict.FAILS
        if any(one.verdict is RuleVerdict.HOLDS and identifier in one.rule.proves for one in found):
            return RuleVerdict.HOLDS
        return RuleVerdict.NOT_APPLICABLE if verdicts == {RuleVerdict.NOT_APPLICABLE} else RuleVerdict.CANNOT_TELL


@dataclass(frozen=True)
class AuditReport:
    """The audit of a target: one image or container, or every container of a compose project."""

    asked: str
    targets: tuple[TargetReport, ...]

    @property
    def unexpected(self) -> tuple[RuleFinding, ...]:
        """The rules that the audit failed to apply, by an error that it did not expect."""
        all_findings = [finding for target in self.targets for finding in target.findings]
        return tuple(finding for finding in all_findings if finding.is_unexpected)

    def failing(self, words: Iterable[str] = ()) -> tuple[RuleFinding, ...]:
        """Return the failed, not accepted findings; with words, only those of these guidelines, rules or principles."""
        failing = [finding for target in self.targets for finding in target.failing]
        wanted = set(words)
        if not wanted:
            return tuple(failing)
        return tuple(finding for finding in failing if wanted & _deciding_words(finding.rule))


def _deciding_words(rule: Rule) -> set[str]:
    """Return the words that name a rule, its guideline, or a principle on which it decides."""
    return {rule.id, rule.guideline, *rule.decides}
