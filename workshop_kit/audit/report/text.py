"""The report for a terminal: the gravest first, in full; what holds is counted."""

from __future__ import annotations

from collections.abc import Iterator

from workshop_kit.audit.data import GRAVEST, Audited, Finding, Report, Verdict
from workshop_kit.audit.report.words import CLOSING, counts, identity, principles


def as_text(report: Report) -> str:
    """Of what does not hold evidence, reason and next step; of what cannot be told a line; of the rest a number."""
    return "\n".join([*(line for one in report.audited for line in _audited(one)), CLOSING])


def _audited(one: Audited) -> Iterator[str]:
    yield f"Audit of {one.target}: {counts(one)}."
    yield f"({identity(one)})"
    if one.reference:
        yield one.reference
    yield "  ".join(f"{principle.id} {verdict.symbol}" for principle, verdict in principles(one))
    yield from _group("The gravest", one.failing[:GRAVEST])
    yield from _group("What else does not hold", one.failing[GRAVEST:])
    for title, found in (("Accepted", one.accepted), ("What cannot be told", one.of(Verdict.CANNOT_TELL))):
        if found:
            yield from ("", title)
        for said in dict.fromkeys(finding.accepted or finding.said for finding in found):  # often that of many rules
            titles = [each.rule.title for each in found if said in {each.accepted, each.said}]
            yield f"  {found[0].verdict.symbol} {'; '.join(titles)}: {said}"
    yield ""


def _group(title: str, found: tuple[Finding, ...]) -> Iterator[str]:
    if found:
        yield from ("", title)
    for finding in found:
        rule = finding.rule
        yield f"  {finding.verdict.symbol} {rule.title}: {finding.verdict} ({rule.severity}). {finding.said}"
        yield from (f"      {one.ran}: {one.saw}" for one in finding.evidence)
        yield f"      {rule.why}"
        yield f"      -> {rule.next_step} ({rule.id})"
