"""The forms of a report: text, HTML without a script, JSON, and SARIF 2.1.0 (docs.oasis-open.org/sarif).

Every text of the target is escaped in HTML.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from workshop_kit.audit import catalog
from workshop_kit.audit.findings import GRAVEST, Finding, Principle, Report, Rule, Severity, TargetReport, Verdict
from workshop_kit.display.rendered import Rendered
from workshop_kit.screen import as_html

CLOSING = (
    "These rules are a choice, and they test from outside. What differs where you work? "
    "What cannot be told from outside, only you can tell."
)
STYLE = f"<style>{(Path(__file__).parent / 'report.css').read_text()}</style>"
FOLDED = {
    Verdict.CANNOT_TELL: "What cannot be told from outside",
    Verdict.NOT_APPLICABLE: "What does not apply",
    Verdict.HOLDS: "What holds",
}
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {
    Severity.CRITICAL: ("error", "9.5"),
    Severity.HIGH: ("error", "8.0"),
    Severity.MEDIUM: ("warning", "5.0"),
    Severity.LOW: ("note", "2.0"),
}
"""SARIF's level, and the property security-severity by which code hosts sort."""
KINDS = {
    Verdict.HOLDS: "pass",
    Verdict.FAILS: "fail",
    Verdict.CANNOT_TELL: "open",
    Verdict.NOT_APPLICABLE: "notApplicable",
}


def as_text(report: Report) -> str:
    """Failed findings in full, findings that cannot be told in a line each, the others as a count."""
    return "\n".join([*(line for one in report.targets for line in _text_of_target(one)), CLOSING])


def _text_of_target(one: TargetReport) -> Iterator[str]:
    yield f"Audit of {one.target}: {counts(one)}."
    yield f"({identity(one)})"
    if one.reference:
        yield one.reference
    yield "  ".join(f"{principle.id} {verdict.symbol}" for principle, verdict in principles(one))
    yield from _text_of_group("The gravest", one.failing[:GRAVEST])
    yield from _text_of_group("What else does not hold", one.failing[GRAVEST:])
    for title, found in (("Accepted", one.accepted), ("What cannot be told", one.of(Verdict.CANNOT_TELL))):
        if found:
            yield from ("", title)
        for said in dict.fromkeys(finding.accepted or finding.said for finding in found):
            titles = [each.rule.title for each in found if said in {each.accepted, each.said}]
            yield f"  {found[0].verdict.symbol} {'; '.join(titles)}: {said}"
    yield ""


def _text_of_group(title: str, found: tuple[Finding, ...]) -> Iterator[str]:
    if found:
        yield from ("", title)
    for finding in found:
        rule = finding.rule
        yield f"  {finding.verdict.symbol} {rule.title}: {finding.verdict} ({rule.severity}). {finding.said}"
        yield from (f"      {one.ran}: {one.saw}" for one in finding.evidence)
        yield f"      {rule.why}"
        yield f"      -> {rule.next_step} ({rule.id})"


def as_card(report: Report) -> Rendered:
    """A card for a notebook, with a text version."""
    return Rendered(f"{STYLE}{_html_body(report, 'h4')}", as_text(report))


def as_page(report: Report) -> str:
    """A complete page: UTF-8, light and dark theme, no external resource."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Audit of {as_html(report.asked)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{STYLE}</head>'
        f'<body class="wk-page"><main>{_html_body(report, "h1")}</main></body></html>\n'
    )


def _html_body(report: Report, heading: str) -> str:
    parts = "".join(part for one in report.targets for part in _html_of_target(one, heading))
    return f'<div class="wk-audit">{parts}<p class="wk-how">{escape(CLOSING)}</p></div>'


def _html_of_target(one: TargetReport, heading: str) -> Iterator[str]:
    """A summary, then the failed findings in full, then the others folded."""
    failing = one.failing
    yield f"<section><header><{heading}>Audit of <code>{as_html(one.target)}</code></{heading}>"
    yield f'<p class="wk-counts">{escape(counts(one))}.</p><p class="wk-how">{as_html(identity(one))}</p>'
    if one.reference:
        yield f'<p class="wk-reference">{as_html(one.reference)}</p>'
    if failing:
        items = "".join(f"<li>{_headline(finding)}</li>" for finding in failing[:GRAVEST])
        yield f'<p class="wk-title">The gravest</p><ol class="wk-gravest">{items}</ol>'
    strip = "".join(_html_principles(one))
    yield f'<ul class="wk-strip" aria-label="Factors and principles">{strip}</ul></header>'
    if failing:
        yield f'<p class="wk-title">What does not hold ({len(failing)})</p>'
        yield from (_html_finding(finding, is_open=number < GRAVEST) for number, finding in enumerate(failing))
    if one.accepted:
        yield _html_folded("Accepted", one.accepted)
    for verdict, title in FOLDED.items():
        if found := one.of(verdict):
            yield _html_folded(title, found)
    yield "</section>"


def _html_principles(one: TargetReport) -> Iterator[str]:
    for principle, verdict in principles(one):
        title = escape(f"{principle.full_name}: {verdict}", quote=True)
        yield (
            f'<li data-verdict="{verdict.name.lower()}" title="{title}" aria-label="{title}">'
            f"{principle.id} {verdict.symbol}</li>"
        )


def _headline(finding: Finding) -> str:
    severity = finding.rule.severity
    return (
        f'<span class="wk-severity" data-severity="{severity}">{severity}</span> '
        f"<strong>{escape(finding.rule.title)}</strong>: {as_html(finding.said)}"
    )


def _html_finding(finding: Finding, *, is_open: bool) -> str:
    rule = finding.rule
    evidence = "".join(
        f"<dt>{as_html(one.ran)}</dt><dd><code>{as_html(one.saw)}</code></dd>" for one in finding.evidence
    )
    return (
        f"<details{' open' if is_open else ''}><summary>{finding.verdict.symbol} {_headline(finding)}</summary>"
        f"<dl>{evidence}</dl><p>{escape(rule.why)}</p><p>Next: {escape(rule.next_step)} "
        f"<code>{escape(rule.id)}</code></p></details>"
    )


def _html_folded(title: str, found: Sequence[Finding]) -> str:
    items = "".join(f"<li>{escape(one.rule.title)}: {as_html(one.accepted or one.said)}</li>" for one in found)
    return f"<details><summary>{title} ({len(found)})</summary><ul>{items}</ul></details>"


def as_json(report: Report) -> dict[str, Any]:
    """``asked``, ``holds`` (no unaccepted finding fails), and ``audited``: an object for each image or container."""
    return {
        "asked": report.asked,
        "holds": not report.failing(),
        "audited": [_json_of_target(one) for one in report.targets],
    }


def _json_of_target(one: TargetReport) -> dict[str, Any]:
    return {
        "target": one.target,
        "kind": one.kind,
        "image_id": one.image_id,
        "how": one.how,
        "reference": one.reference,
        "seconds": round(one.seconds, 2),
        "counts": {verdict.name.lower(): len(one.of(verdict)) for verdict in Verdict},
        "principles": [
            {
                "id": principle.id,
                "name": principle.name,
                "verdict": verdict.name.lower(),
                "rules": [finding.rule.id for finding in one.of_principle(principle.id)],
                "unseen": principle.unseen,
            }
            for principle, verdict in principles(one)
        ],
        "findings": [_json_of_finding(finding) for finding in one.findings],
    }


def _json_of_finding(finding: Finding) -> dict[str, Any]:
    rule = finding.rule
    return {
        "rule": rule.id,
        "title": rule.title,
        "guideline": rule.guideline,
        "serves": list(rule.serves),
        "method": rule.method.value,
        "severity": rule.severity.value,
        "verdict": finding.verdict.name.lower(),
        "accepted": finding.accepted,
        "said": finding.said,
        "evidence": [{"ran": one.ran, "saw": one.saw} for one in finding.evidence],
        "why": rule.why,
        "next_step": rule.next_step if finding.verdict is Verdict.FAILS else "",
        "seconds": round(finding.seconds, 2),
    }


def as_sarif(report: Report) -> dict[str, Any]:
    """One run with all rules of the catalog, and a result for each finding."""
    rules = [_sarif_rule(rule) for rule in catalog.rules()]
    results = [_sarif_result(one, finding) for one in report.targets for finding in one.findings]
    driver = {"name": "Container Design Workshop audit", "rules": rules}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    level, severity = LEVELS[rule.severity]
    return {
        "id": rule.id,
        "shortDescription": {"text": f"{rule.title}."},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.next_step},
        "defaultConfiguration": {"level": level},
        "properties": {"security-severity": severity, "tags": [rule.guideline, *rule.serves]},
    }


def _sarif_result(one: TargetReport, finding: Finding) -> dict[str, Any]:
    """A finding: the message includes the evidence; the reason of an accepted one is a suppression."""
    rule = finding.rule
    fails = finding.verdict is Verdict.FAILS
    place = {"fullyQualifiedName": f"{one.target}@{one.image_id}", "kind": "resource"}
    evidence = [f"{each.ran}: {each.saw}" for each in finding.evidence] if fails else []
    result: dict[str, Any] = {
        "ruleId": rule.id,
        "ruleIndex": catalog.rules().index(rule),
        "kind": KINDS[finding.verdict],
        "level": LEVELS[rule.severity][0] if fails else "none",
        "message": {"text": "\n".join([finding.said, *evidence, *([one.reference] if one.reference else [])])},
        "locations": [{"logicalLocations": [place]}],
    }
    if finding.accepted:
        result["suppressions"] = [{"kind": "external", "justification": finding.accepted}]
    return result


def counts(one: TargetReport) -> str:
    """The number of findings by verdict: ``21 hold, 2 do not hold (1 accepted), …``."""
    words = {
        Verdict.HOLDS: ("holds", "hold"),
        Verdict.FAILS: ("does not hold", "do not hold"),
        Verdict.CANNOT_TELL: ("cannot be told", "cannot be told"),
        Verdict.NOT_APPLICABLE: ("is not applicable", "are not applicable"),
    }
    numbers = {verdict: len(one.of(verdict)) for verdict in Verdict}
    told = {verdict: f"{number} {words[verdict][number != 1]}" for verdict, number in numbers.items() if number}
    if one.accepted:
        told[Verdict.FAILS] += f" ({len(one.accepted)} accepted)"
    return ", ".join(told.values())


def identity(one: TargetReport) -> str:
    """Kind, short image id, method and duration: ``container of the image 0f1e2d3c4b5a; …; 12 s``."""
    words = "image" if one.kind == "image" else f"{one.kind} of the image"
    return f"{words} {one.image_id.removeprefix('sha256:')[:12]}; {one.how}; {one.seconds:.0f} s"


def principles(one: TargetReport) -> tuple[tuple[Principle, Verdict], ...]:
    """Each principle with its verdict, without those whose rules were not applied.

    A principle that no rule serves is listed in a complete audit only.
    """
    whole = len(one.findings) == len(catalog.rules())
    return tuple(
        (principle, one.verdict_on(principle.id))
        for principle in catalog.principles()
        if one.of_principle(principle.id) or (whole and not catalog.served(principle.id))
    )
