"""A report as JSON-ready data: the kit's own format, and SARIF 2.1.0 (docs.oasis-open.org/sarif)."""

from __future__ import annotations

from typing import Any

from workshop_kit.audit import catalog
from workshop_kit.audit.findings import Finding, Report, Rule, Severity, TargetReport, Verdict
from workshop_kit.audit.report import principles

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
