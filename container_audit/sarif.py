"""A report as SARIF 2.1.0 (docs.oasis-open.org/sarif), with what code hosts require of it.

Code hosts show each result as an alert, also one of kind ``pass`` or with a suppression; so only findings that fail and
are not accepted become results. They refuse a result without a physical location.
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
        results += [_result_object(target_report, finding) for finding in target_report.failing]

    target = _quote_uri(report.asked, safe="")
    run = {
        "tool": {"driver": _driver_object()},
        "automationDetails": {"id": f"container-audit/{target}/"},
        "invocations": [_invocation_object(report)],
        "results": results,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _driver_object() -> dict[str, Any]:
    """Return the audit as SARIF's tool: its names, version, rules and, if the project has one, its public address."""
    metadata = project()
    driver = {
        "name": NAME,
        "fullName": FULL_NAME,
        "version": metadata["version"],
        "semanticVersion": metadata["version"],
        "informationUri": metadata.get("urls", {}).get(SOURCE),
        "rules": [_rule_object(rule) for rule in catalog.rules()],
    }
    return {key: value for key, value in driver.items() if value is not None}


def _rule_object(rule: Rule) -> dict[str, Any]:
    """Return a rule as SARIF's reportingDescriptor; only rules on security have a security-severity."""
    level, severity = LEVELS[rule.severity]
    properties: dict[str, Any] = {"tags": [rule.guideline, *rule.serves]}
    if rule.guideline == "confinement" or "secret" in rule.id:
        properties["tags"].append("security")
        properties["security-severity"] = severity

    words = re.split(r"\W", rule.id)
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in words),
        "shortDescription": {"text": f"{rule.title}."},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.next_step},
        "defaultConfiguration": {"level": level},
        "properties": properties,
    }


def _invocation_object(report: AuditReport) -> dict[str, Any]:
    """Return SARIF's invocation: whether every rule could be applied, and a notification for each unexpected error."""
    notifications = [
        {
            "level": "error",
            "associatedRule": {"id": finding.rule.id, "index": catalog.rules().index(finding.rule)},
            "message": {"text": finding.sentence},
        }
        for finding in report.unexpected
    ]
    return {"executionSuccessful": not notifications, "toolExecutionNotifications": notifications}


def _result_object(target_report: TargetReport, finding: RuleFinding) -> dict[str, Any]:
    """Return a finding as SARIF's result; without a known file of the target, its place is a URI of the image."""
    rule = finding.rule
    repository_uri = _quote_uri(repository(target_report))
    place_of_image = Place(f"image/{repository_uri}")
    place = target_report.sources.place_of(rule, finding.sentence) or place_of_image
    level, _ = LEVELS[rule.severity]
    name = f"{target_report.target}@{target_report.image_id}"

    lines = [finding.sentence]
    lines += [f"{item.action}: {item.observation}" for item in finding.evidence]
    if finding.own_next_step:  # the next step of the rule is its help
        lines.append(finding.own_next_step)

    return {
        "ruleId": rule.id,
        "ruleIndex": catalog.rules().index(rule),
        "kind": "fail",
        "level": level,
        "message": {"text": "\n".join(lines)},
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
    reference = target_report.image_name or target_report.target
    reference_without_digest, _, _ = reference.partition("@")
    folder, slash, name_and_tag = reference_without_digest.rpartition("/")
    name, _, _ = name_and_tag.partition(":")
    return f"{folder}{slash}{name}" or target_report.target


def _quote_uri(name: str, safe: str = "/") -> str:
    """Return a name as part of a URI."""
    return quote(name, safe=safe, errors="backslashreplace")


def _fingerprint(target_report: TargetReport, rule: Rule) -> str:
    """Return a hash of target and rule, by which a finding of the next audit is the same, whatever its line is."""
    target = repository(target_report) if target_report.kind == "image" else target_report.target
    digest = hashlib.sha256(f"{target}\n{rule.id}".encode(errors="backslashreplace"))
    return f"{digest.hexdigest()[:16]}:1"
