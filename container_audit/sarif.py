"""A report as SARIF 2.1.0 (docs.oasis-open.org/sarif), with what code hosts require of it.

They show each result as an alert, also one of kind ``pass`` or with a suppression; so what holds, what cannot be told
and what is accepted has no result. They refuse a result without a physical location.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any
from urllib.parse import quote

from container_audit import catalog
from container_audit.findings import AuditReport, Rule, RuleFinding, Severity, TargetReport
from container_audit.sources import Place
from workshop_kit.paths import project

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
NAME = "Container audit"
FULL_NAME = "Audit of the Container Design Workshop"
SOURCE = "Source"
LEVELS = {
    Severity.CRITICAL: ("error", "9.5"),
    Severity.HIGH: ("error", "8.0"),
    Severity.MEDIUM: ("warning", "5.0"),
    Severity.LOW: ("note", "2.0"),
}
"""SARIF's level, and the property security-severity, which is for rules on security alone."""


def as_sarif(report: AuditReport) -> dict[str, Any]:
    """Return one run: all rules of the catalog, and a result for each finding that fails and is not accepted."""
    results: list[dict[str, Any]] = []
    for target_report in report.targets:
        results += [_result(target_report, finding) for finding in target_report.failing]

    run = {
        "tool": {"driver": _driver()},
        "automationDetails": {"id": f"container-audit/{_quote_uri(report.asked, safe='')}/"},
        "invocations": [_invocation(report)],
        "results": results,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _driver() -> dict[str, Any]:
    """Return the audit as a tool: the version of the workshop and, if it has one, its public address."""
    metadata = project()
    driver = {
        "name": NAME,
        "fullName": FULL_NAME,
        "version": metadata["version"],
        "semanticVersion": metadata["version"],
        "informationUri": metadata.get("urls", {}).get(SOURCE),
        "rules": [_rule(rule) for rule in catalog.rules()],
    }
    return {key: value for key, value in driver.items() if value is not None}


def _rule(rule: Rule) -> dict[str, Any]:
    level, severity = LEVELS[rule.severity]
    properties: dict[str, Any] = {"tags": [rule.guideline, *rule.serves]}
    if rule.guideline == "confinement" or "secret" in rule.id:
        properties["tags"].append("security")
        properties["security-severity"] = severity

    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in re.split(r"\W", rule.id)),
        "shortDescription": {"text": f"{rule.title}."},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.next_step},
        "defaultConfiguration": {"level": level},
        "properties": properties,
    }


def _invocation(report: AuditReport) -> dict[str, Any]:
    """Return whether every rule could be applied, with a notification for each error that was not expected."""
    notifications = [
        {
            "level": "error",
            "associatedRule": {"id": finding.rule.id, "index": catalog.rules().index(finding.rule)},
            "message": {"text": finding.said},
        }
        for finding in report.unexpected
    ]
    return {"executionSuccessful": not notifications, "toolExecutionNotifications": notifications}


def _result(target_report: TargetReport, finding: RuleFinding) -> dict[str, Any]:
    """Return a finding: its message includes the evidence, and a next step of its own."""
    rule = finding.rule
    image_uri = f"image/{_quote_uri(repository(target_report))}"
    place = target_report.sources.place_of(rule, finding.said) or Place(image_uri)
    evidence = [f"{item.ran}: {item.saw}" for item in finding.evidence]
    next_steps = [finding.own_next_step] if finding.own_next_step else []  # that of the rule is its help
    name = f"{target_report.target}@{target_report.image_id}"

    return {
        "ruleId": rule.id,
        "ruleIndex": catalog.rules().index(rule),
        "kind": "fail",
        "level": LEVELS[rule.severity][0],
        "message": {"text": "\n".join([finding.said, *evidence, *next_steps])},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": place.uri},
                    "region": {"startLine": place.line},
                },
                "logicalLocations": [{"fullyQualifiedName": name, "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"primaryLocationLineHash": _fingerprint(target_report, rule)},
    }


def repository(target_report: TargetReport) -> str:
    """Return the name of a target's image without tag and digest, which change from build to build."""
    name = (target_report.image_name or target_report.target).partition("@")[0]
    folder, slash, name_and_tag = name.rpartition("/")
    return f"{folder}{slash}{name_and_tag.partition(':')[0]}" or target_report.target


def _quote_uri(name: str, safe: str = "/") -> str:
    """Return a name as part of a URI."""
    return quote(name, safe=safe, errors="backslashreplace")


def _fingerprint(target_report: TargetReport, rule: Rule) -> str:
    """Return what makes a finding the same in the next audit: target and rule, wherever the line has gone."""
    target = repository(target_report) if target_report.kind == "image" else target_report.target
    digest = hashlib.sha256(f"{target}\n{rule.id}".encode(errors="backslashreplace"))
    return f"{digest.hexdigest()[:16]}:1"
