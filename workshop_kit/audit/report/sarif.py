"""The report as SARIF 2.1.0, the form that code hosts and editors read (docs.oasis-open.org/sarif)."""

from __future__ import annotations

from typing import Any

from workshop_kit.audit import catalog
from workshop_kit.audit.data import Audited, Finding, Report, Rule, Severity, Verdict

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {
    Severity.CRITICAL: ("error", "9.5"),
    Severity.HIGH: ("error", "8.0"),
    Severity.MEDIUM: ("warning", "5.0"),
    Severity.LOW: ("note", "2.0"),
}
"""A severity as SARIF's level, and as the number that code hosts sort by (property security-severity)."""
KINDS = {
    Verdict.HOLDS: "pass",
    Verdict.FAILS: "fail",
    Verdict.CANNOT_TELL: "open",
    Verdict.NOT_APPLICABLE: "notApplicable",
}


def as_sarif(report: Report) -> dict[str, Any]:
    """One run with all rules of the catalog, and a result for each finding."""
    rules = [_rule(rule) for rule in catalog.rules()]
    results = [_result(one, finding) for one in report.audited for finding in one.findings]
    driver = {"name": "Container Design Workshop audit", "rules": rules}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _rule(rule: Rule) -> dict[str, Any]:
    level, severity = LEVELS[rule.severity]
    return {
        "id": rule.id,
        "shortDescription": {"text": f"{rule.title}."},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.next_step},
        "defaultConfiguration": {"level": level},
        "properties": {"security-severity": severity, "tags": [rule.guideline, *rule.serves]},
    }


def _result(one: Audited, finding: Finding) -> dict[str, Any]:
    """A finding; what it rests on is part of its message, and why it is accepted is a suppression."""
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
