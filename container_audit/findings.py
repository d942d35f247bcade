"""The data of an audit: rules, verdicts, evidence, findings, reports."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

GRAVEST = 3
"""The number of findings at the head of a report."""
SENTENCE_LENGTH = 600
"""The most characters of a finding's sentence."""
ERROR_LENGTH = 200
"""The most characters of the text of an error that the audit did not expect."""


class RuleVerdict(StrEnum):
    """The result of a rule, in words that need no symbol."""

    HOLDS = "holds"
    FAILS = "does not hold"
    CANNOT_TELL = "cannot be told from outside"
    NOT_APPLICABLE = "not applicable"

    @property
    def symbol(self) -> str:
        """One character; the four differ in shape, not only in color."""
        symbols = {"HOLDS": "✓", "FAILS": "✗", "CANNOT_TELL": "?", "NOT_APPLICABLE": "–"}
        return symbols[self.name]


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
    ``of_containers`` marks a rule that does not apply to an image. A finding of the rule comes from these
    ``instructions`` of a Dockerfile, the nearest to the cause first.
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
    why: str
    next_step: str
    instructions: tuple[str, ...] = ()
    of_containers: bool = False

    @property
    def decides(self) -> tuple[str, ...]:
        """The principles that do not hold if the rule fails: those it serves, none for one of low severity."""
        if self.severity is Severity.LOW:
            return ()
        return self.serves


@dataclass(frozen=True)
class Evidence:
    """What was done and what was observed. It may hold secrets until `runner` has masked it."""

    action: str
    observation: str


@dataclass(frozen=True)
class Judgment:
    """What a rule returns for one target: the verdict, one sentence, and the evidence.

    ``by_time`` marks a judgment by a clock alone, which does not count on a busy machine. ``next_step`` replaces that
    of the rule where the cause is known.
    """

    verdict: RuleVerdict
    sentence: str
    evidence: tuple[Evidence, ...] = ()
    by_time: bool = False
    next_step: str = ""


def holds(sentence: str, *evidence: Evidence) -> Judgment:
    """Return the judgment that the rule holds."""
    return Judgment(RuleVerdict.HOLDS, sentence, evidence)


def fails(sentence: str, *evidence: Evidence, by_time: bool = False, next_step: str = "") -> Judgment:
    """Return the judgment that the rule does not hold; see `Judgment` for ``by_time`` and ``next_step``."""
    return Judgment(RuleVerdict.FAILS, sentence, evidence, by_time, next_step)


def cannot_tell(sentence: str, *evidence: Evidence) -> Judgment:
    """Return the judgment that the rule cannot be tested; ``sentence`` gives the reason and what would help."""
    return Judgment(RuleVerdict.CANNOT_TELL, sentence, evidence)


def not_applicable(sentence: str, *evidence: Evidence) -> Judgment:
    """Return the judgment that the rule does not apply to this target."""
    return Judgment(RuleVerdict.NOT_APPLICABLE, sentence, evidence)


@dataclass(frozen=True)
class RuleFinding:
    """A rule and its judgment of a target.

    ``accepted`` gives the reason of an ignore entry, or "". ``own_next_step`` is that of the judgment,
    or "". ``is_unexpected`` marks a rule that the audit failed to apply.
    """

    rule: Rule
    verdict: RuleVerdict
    sentence: str
    evidence: tuple[Evidence, ...]
    seconds: float
    accepted: str = ""
    own_next_step: str = ""
    is_unexpected: bool = False

    @property
    def next_step(self) -> str:
        """What to do: the next step of this finding if it has one, else that of its rule."""
        return self.own_next_step or self.rule.next_step


@dataclass(frozen=True)
class TargetReport:
    """All findings about one image or container. Every text is masked and free of control characters."""

    target: str
    kind: str
    image_id: str
    how: str
    findings: tuple[RuleFinding, ...]
    seconds: float

    def of(self, verdict: RuleVerdict) -> tuple[RuleFinding, ...]:
        """Return the findings with one verdict."""
        return tuple(finding for finding in self.findings if finding.verdict is verdict)

    @property
    def failing(self) -> tuple[RuleFinding, ...]:
        """The failed findings that are not accepted, the most severe first."""
        findings = [finding for finding in self.of(RuleVerdict.FAILS) if not finding.accepted]
        return tuple(sorted(findings, key=_severity_rank))

    @property
    def accepted(self) -> tuple[RuleFinding, ...]:
        """The failed findings that an ignore entry accepts."""
        return tuple(finding for finding in self.of(RuleVerdict.FAILS) if finding.accepted)

    def of_principle(self, identifier: str) -> tuple[RuleFinding, ...]:
        """Return the findings of the rules that serve a factor or principle, or prove it."""
        findings = []
        for finding in self.findings:
            principle_ids = (*finding.rule.serves, *finding.rule.proves)
            if identifier in principle_ids:
                findings.append(finding)

        return tuple(findings)

    def verdict_on(self, identifier: str) -> RuleVerdict:
        """Return the verdict on a principle: FAILS if a rule that decides it fails, HOLDS if one that proves it holds.

        Without such a rule it is NOT_APPLICABLE if that is the verdict of every rule, else CANNOT_TELL.
        """
        findings = self.of_principle(identifier)
        failing = [finding for finding in findings if finding.verdict is RuleVerdict.FAILS]
        holding = [finding for finding in findings if finding.verdict is RuleVerdict.HOLDS]
        verdicts = {finding.verdict for finding in findings}

        if any(identifier in finding.rule.decides for finding in failing):
            return RuleVerdict.FAILS
        if any(identifier in finding.rule.proves for finding in holding):
            return RuleVerdict.HOLDS
        if verdicts == {RuleVerdict.NOT_APPLICABLE}:
            return RuleVerdict.NOT_APPLICABLE
        return RuleVerdict.CANNOT_TELL


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
        """Return the findings that failed and are not accepted, of all targets.

        With words, these are only the findings of these guidelines, rules or principles.
        """
        failing_findings = [finding for target in self.targets for finding in target.failing]
        chosen_words = set(words)
        if not chosen_words:
            return tuple(failing_findings)
        return tuple(finding for finding in failing_findings if chosen_words & _deciding_words(finding.rule))


def _severity_rank(finding: RuleFinding) -> int:
    """Return the rank of a finding by severity: 0 is the most severe."""
    return list(Severity).index(finding.rule.severity)


def _deciding_words(rule: Rule) -> set[str]:
    """Return the words that name a rule, its guideline, or a principle on which it decides."""
    return {rule.id, rule.guideline, *rule.decides}


def unexpected_sentence(error: Exception) -> str:
    """Return the sentence about an error that the audit did not expect: a fault of its own, and no finding.

    It has the kind of the error, its text, which is not masked, and the file and line that raised it.
    """
    description = type(error).__name__
    text = str(error)[:ERROR_LENGTH].rstrip(".")
    if text:
        description += f": {text}"

    place = ""
    frames = traceback.extract_tb(error.__traceback__)
    if frames:
        last_frame = frames[-1]
        place = f" ({Path(last_frame.filename).name}, line {last_frame.lineno})"

    return f"The audit met an error that it did not expect: {description}{place}."
