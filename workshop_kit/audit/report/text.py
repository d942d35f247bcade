"""The report for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from workshop_kit.audit import catalog
from workshop_kit.audit.data import Audited, Finding, Report, Verdict
from workshop_kit.audit.report.words import CLOSING, TITLES, counts, identity, principles


def as_text(report: Report) -> str:
    """Grouped by guideline; of what does not hold with evidence, reason and next step; the principles last."""
    return "\n".join([*(line for one in report.audited for line in _audited(one)), CLOSING])


def as_brief(report: Report) -> str:
    """In brief: the principles in one line, what does not hold in full, what cannot be told; the rest is counted."""
    return "\n".join([*(line for one in report.audited for line in _in_brief(one)), CLOSING])


def _in_brief(one: Audited) -> Iterator[str]:
    yield f"Audit of {one.target}: {counts(one)}."
    yield "  ".join(f"{principle.id} {verdict.symbol}" for principle, verdict in principles(one))
    for verdict in (Verdict.FAILS, Verdict.CANNOT_TELL):
        for finding in one.of(verdict):
            yield from _finding(finding)
    yield ""


def _audited(one: Audited) -> Iterator[str]:
    yield f"{one.target} ({' '.join(identity(one))}; {one.how}): {counts(one)}."
    for guideline in catalog.guidelines():
        found = [finding for finding in one.findings if finding.rule.guideline == guideline]
        if found:
            yield ""
            yield TITLES[guideline]
            for finding in found:
                yield from _finding(finding)
    yield ""
    yield "Factors and principles"
    for principle, verdict in principles(one):
        why = "" if catalog.served(principle.id) else f". {principle.unseen}"
        yield f"  {verdict.symbol} {principle.id:<4}{principle.name}: {verdict}{why}"
    yield ""


def _finding(finding: Finding) -> Iterator[str]:
    yield f"  {finding.verdict.symbol} {finding.rule.title}: {finding.verdict}. {finding.said}"
    if finding.verdict is Verdict.FAILS:
        for one in finding.evidence:
            yield f"      {one.ran}: {one.saw}"
        yield f"      {finding.rule.why}"
        yield f"      -> {finding.rule.next_step} ({finding.rule.id})"
