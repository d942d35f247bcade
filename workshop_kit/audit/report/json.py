"""The report as JSON-ready data; field names are stable."""

from __future__ import annotations

from typing import Any

from workshop_kit.audit.data import Audited, Finding, Report, Verdict
from workshop_kit.audit.report.words import principles


def as_json(report: Report) -> dict[str, Any]:
    """``asked``, ``holds`` (whether nothing fails that is not accepted), and one object for each image or container."""
    return {
        "asked": report.asked,
        "holds": not report.failing(),
        "audited": [_audited(one) for one in report.audited],
    }


def _audited(one: Audited) -> dict[str, Any]:
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
        "findings": [_finding(finding) for finding in one.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
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
