"""The forms of a report: text and a card for notebooks (templates), and JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup

from container_audit import catalog
from container_audit.findings import GRAVEST, AuditReport, RuleFinding, RuleVerdict, TargetReport
from workshop_kit import guidelines
from workshop_kit.display.rendered import Rendered, template
from workshop_kit.guidelines import Principle

CLOSING = (
    "These rules are a choice, and they test from outside. What differs where you work? "
    "What cannot be told from outside, only you can tell."
)
HERE = Path(__file__).parent


def as_text(report: AuditReport) -> str:
    """Return failed findings in full, findings that cannot be told in a line each, the others as a count."""
    return _render("report.txt", report)


def as_card(report: AuditReport) -> Rendered:
    """Return a card for a notebook, with a text version."""
    return Rendered(_render("report.html", report), as_text(report))


def _render(name: str, report: AuditReport) -> str:
    """Return a report as the template ``name`` of this folder writes it."""
    return template(HERE / name).render(
        report=report,
        style=Markup((HERE / "report.css").read_text()),  # noqa: S704 - a file of this package
        gravest=GRAVEST,
        verdicts=RuleVerdict,
        closing=CLOSING,
        counts=counts,
        identity=identity,
        principles=principles,
    )


def as_json(report: AuditReport) -> dict[str, Any]:
    """Return ``asked``, ``holds`` (no unaccepted finding fails), and ``audited``: an object for each target."""
    return {
        "asked": report.asked,
        "holds": not report.failing(),
        "audited": [_json_of_target(target_report) for target_report in report.targets],
    }


def _json_of_target(target_report: TargetReport) -> dict[str, Any]:
    verdicts = principles(target_report)
    return {
        "target": target_report.target,
        "kind": target_report.kind,
        "image_id": target_report.image_id,
        "how": target_report.how,
        "seconds": round(target_report.seconds, 2),
        "counts": {verdict.name.lower(): len(target_report.of(verdict)) for verdict in RuleVerdict},
        "principles": [_json_of_principle(target_report, principle, verdict) for principle, verdict in verdicts],
        "findings": [json_of_finding(finding) for finding in target_report.findings],
    }


def _json_of_principle(target_report: TargetReport, principle: Principle, verdict: RuleVerdict) -> dict[str, Any]:
    return {
        "id": principle.id,
        "name": principle.name,
        "verdict": verdict.name.lower(),
        "rules": [finding.rule.id for finding in target_report.of_principle(principle.id)],
        "unseen": principle.unseen,
    }


def json_of_finding(finding: RuleFinding) -> dict[str, Any]:
    """Return a finding as in ``--json``."""
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
        "said": finding.sentence,
        "evidence": [{"ran": item.action, "saw": item.observation} for item in finding.evidence],
        "why": rule.why,
        "next_step": finding.next_step if finding.verdict is RuleVerdict.FAILS else "",
        "seconds": round(finding.seconds, 2),
    }


def counts(target_report: TargetReport) -> str:
    """Return the number of findings by verdict: ``21 hold, 2 do not hold (1 accepted), …``."""
    singular_and_plural = {
        RuleVerdict.HOLDS: ("holds", "hold"),
        RuleVerdict.FAILS: ("does not hold", "do not hold"),
        RuleVerdict.CANNOT_TELL: ("cannot be told", "cannot be told"),
        RuleVerdict.NOT_APPLICABLE: ("is not applicable", "are not applicable"),
    }

    texts = {}
    for verdict, (singular, plural) in singular_and_plural.items():
        number = len(target_report.of(verdict))
        if number:
            words = singular if number == 1 else plural
            texts[verdict] = f"{number} {words}"

    if target_report.accepted:
        texts[RuleVerdict.FAILS] += f" ({len(target_report.accepted)} accepted)"

    return ", ".join(texts.values())


def identity(target_report: TargetReport) -> str:
    """Return kind, short image id, method and duration: ``container of the image 0f1e2d3c4b5a; …; 12 s``."""
    subject = "image" if target_report.kind == "image" else f"{target_report.kind} of the image"
    short_id = target_report.image_id.removeprefix("sha256:")[:12]
    return f"{subject} {short_id}; {target_report.how}; {target_report.seconds:.0f} s"


def principles(target_report: TargetReport) -> tuple[tuple[Principle, RuleVerdict], ...]:
    """Return each principle with its verdict, without those whose rules were not applied.

    A principle that no rule serves is listed in a complete audit only.
    """
    is_complete = len(target_report.findings) == len(catalog.rules())
    served_ids = {identifier for rule in catalog.rules() for identifier in rule.serves}

    verdicts: list[tuple[Principle, RuleVerdict]] = []
    for principle in guidelines.principles():
        has_findings = bool(target_report.of_principle(principle.id))
        is_unserved = principle.id not in served_ids
        if has_findings or (is_complete and is_unserved):
            verdicts.append((principle, target_report.verdict_on(principle.id)))

    return tuple(verdicts)
