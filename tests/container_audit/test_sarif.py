"""SARIF: valid by the schema of 2.1.0, and as code hosts take it; each result has a line in a file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

from container_audit import catalog, sarif
from container_audit.findings import AuditReport, Evidence, RuleFinding, RuleVerdict, TargetReport
from container_audit.sarif import as_sarif
from container_audit.sources import Sources, locate
from container_audit.targets import Target

SCHEMA = Path(__file__).parent / "schemas" / "sarif-2.1.0-rtm.5.json"
HOSTILE = "<img src=x>:\u202e @all http://evil.example \"'%00../../etc"
DAY = date(2026, 3, 1)
MOST_RESULTS = 5000
MOST_TAGS = 20
LONGEST = 1024
LEVELS = {"error", "warning", "note"}

DOCKERFILE = """\
# syntax=docker/dockerfile:1
FROM python:3.13 AS base
ENV LOG_LEVEL=info
ENV DB_PASSWORD=secret
USER root

FROM node:24 AS assets
CMD ["node"]

FROM base
RUN apt-get update \\
    # a comment between
    && apt-get install gcc
COPY . /srv
RUN <<EOF
USER not-an-instruction
EOF
EXPOSE 8080/tcp
CMD ["python3", "main.py"]
"""
COMPOSE = """\
name: shop
x-limits: &limits
  mem_limit: 64m
services:
  orders:
    <<: *limits
    image: shop:1
    build: .
    cap_drop: [ALL]
    user: "0"
  database:
    image: mariadb
"""
CONFIG = {
    "Env": ["PATH=/bin", "LOG_LEVEL=info", "DB_PASSWORD=secret"],
    "User": "root",
    "ExposedPorts": {"8080/tcp": {}},
    "Cmd": ["python3", "main.py"],
}
LABELS = {"com.docker.compose.project": "shop", "com.docker.compose.service": "orders"}
IMAGE = Target("shop:1", {"Id": "sha256:0", "Config": CONFIG})
CONTAINER = Target("orders", IMAGE.image, {"Config": {**CONFIG, "Image": "shop:1", "Labels": LABELS}})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a repository with a Dockerfile and a compose file; it is the current folder."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def audited(
    target: Target, sources: Sources, verdict: RuleVerdict = RuleVerdict.FAILS, sentence: str = "So."
) -> AuditReport:
    """A report of one target: every rule with this verdict."""
    findings = tuple(RuleFinding(rule, verdict, sentence, (Evidence("ran", "saw"),), 0.1) for rule in catalog.rules())
    target_report = TargetReport(
        target.name, target.kind, "sha256:0", "looked at", findings, 1.0, image_name=target.image_name
    )
    return AuditReport(target.name, (replace(target_report, sources=sources),))


def mistakes(document: dict[str, Any]) -> list[str]:
    """What the schema of SARIF 2.1.0 finds in a document."""
    return [error.message for error in Draft4Validator(json.loads(SCHEMA.read_text())).iter_errors(document)]


def objections_of_a_code_host(document: dict[str, Any]) -> list[str]:
    """What GitHub refuses, shows wrongly or leaves out, by its page "SARIF support for code scanning"."""
    (run,) = document["runs"]
    driver = run["tool"]["driver"]
    rules = [rule["id"] for rule in driver["rules"]]
    objections = []
    if not driver["version"] or driver["semanticVersion"] != driver["version"]:
        objections.append("no version")
    if len(set(rules)) != len(rules):
        objections.append("two rules with one id")
    if len(run["results"]) > MOST_RESULTS:
        objections.append("too many results")
    for rule in driver["rules"]:
        objections += [f"{rule['id']}: {objection}" for objection in _objections_to_rule(rule)]
    for result in run["results"]:
        objections += [f"{result['ruleId']}: {objection}" for objection in _objections_to_result(result, rules)]
    return objections


def _objections_to_rule(rule: dict[str, Any]) -> Iterator[str]:
    texts = [rule[name]["text"] for name in ("shortDescription", "fullDescription", "help")]
    tags = rule["properties"]["tags"]
    if not all(0 < len(text) <= LONGEST for text in texts):
        yield "no text, or one that is cut"
    if len(tags) > MOST_TAGS:
        yield "too many tags"
    if ("security" in tags) is not ("security-severity" in rule["properties"]):
        yield "a severity of security that is not read, or none"


def _objections_to_result(result: dict[str, Any], rules: list[str]) -> Iterator[str]:
    (location,) = result["locations"]
    physical = location.get("physicalLocation")
    if not physical:
        yield "expected a physical location"
        return
    uri = physical["artifactLocation"]["uri"]
    if not re.fullmatch(r"[\w%.~-]+(/[\w%.~-]+)*", uri) or ".." in uri.split("/"):
        yield f"{uri} is not relative"
    if physical["region"]["startLine"] < 1:
        yield "no line"
    if result["kind"] != "fail" or "suppressions" in result:
        yield "shown as an alert"
    if rules[result["ruleIndex"]] != result["ruleId"] or result["level"] not in LEVELS:
        yield "another rule, or no level"
    if not result["message"]["text"]:
        yield "no message"
    if not re.fullmatch(r"[0-9a-f]+:\d+", result["partialFingerprints"]["primaryLocationLineHash"]):
        yield "no fingerprint"


@pytest.mark.parametrize("target", [IMAGE, CONTAINER, Target(HOSTILE, IMAGE.image)])
@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("verdict", RuleVerdict)
def test_it_is_valid_and_a_code_host_takes_it(
    folder: Path, target: Target, is_known: bool, verdict: RuleVerdict
) -> None:
    """With the files of a target and without, whatever its name is; only what fails is a result."""
    report = audited(target, locate(target) if is_known else Sources(), verdict, HOSTILE)
    document = json.loads(json.dumps(as_sarif(report)))
    assert mistakes(document) == []
    assert objections_of_a_code_host(document) == []
    assert len(document["runs"][0]["results"]) == (len(catalog.rules()) if verdict is RuleVerdict.FAILS else 0)


def places(report: AuditReport) -> dict[str, str]:
    """File and line of each result, by rule."""
    by_rule = {}
    for result in as_sarif(report)["runs"][0]["results"]:
        physical = result["locations"][0]["physicalLocation"]
        by_rule[result["ruleId"]] = f"{physical['artifactLocation']['uri']}:{physical['region']['startLine']}"
    return by_rule


@pytest.mark.parametrize(
    ("rule", "of_image", "of_container"),
    [
        ("confinement.non-root", "Dockerfile:5", "compose.yaml:10"),
        ("build.single-concern", "Dockerfile:19", "Dockerfile:19"),
        ("lifecycle.serves-a-port", "Dockerfile:18", "Dockerfile:18"),
        ("build.no-compiler", "Dockerfile:15", "Dockerfile:15"),
        ("monitoring.health-truthful", "Dockerfile:1", "Dockerfile:1"),  # no HEALTHCHECK to point to
        ("confinement.limits", "Dockerfile:1", "compose.yaml:3"),
        ("confinement.privileges", "Dockerfile:1", "compose.yaml:9"),
        ("confinement.read-only", "Dockerfile:1", "compose.yaml:5"),  # no key to point to
        ("build.pinned", "Dockerfile:1", "compose.yaml:7"),
    ],
)
def test_a_result_has_the_line_of_the_instruction(folder: Path, rule: str, of_image: str, of_container: str) -> None:
    """Instructions of the last stage and those below it; keys of the service, also merged ones."""
    assert places(audited(IMAGE, locate(IMAGE)))[rule] == of_image
    assert places(audited(CONTAINER, locate(CONTAINER)))[rule] == of_container


def test_an_instruction_that_names_the_finding_comes_first(folder: Path) -> None:
    """Of two ENV it is that of the password."""
    rule = "config.no-secrets-in-environment"
    assert places(audited(IMAGE, locate(IMAGE), sentence="It shows DB_PASSWORD."))[rule] == "Dockerfile:4"
    assert places(audited(IMAGE, locate(IMAGE), sentence="It shows LOG_LEVEL."))[rule] == "Dockerfile:3"


def test_a_file_has_its_place_in_the_repository(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the audit runs in a folder below its root."""
    below = folder / "services" / "my shop"
    below.mkdir(parents=True)
    (folder / "Dockerfile").rename(below / "Dockerfile")
    monkeypatch.chdir(below)
    assert places(audited(IMAGE, locate(IMAGE)))["confinement.non-root"] == "services/my%20shop/Dockerfile:5"


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("shop:1", "image/shop:1"),
        ("registry.example:5000/team/shop:1.2@sha256:00", "image/registry.example%3A5000/team/shop:1"),
        ("a shop", "image/a%20shop:1"),
    ],
)
def test_without_a_file_the_artifact_names_the_image(name: str, uri: str) -> None:
    """Without its tag, which changes from build to build and would make new alerts of old ones; it has one line."""
    assert set(places(audited(Target(name, IMAGE.image), Sources())).values()) == {uri}


def test_an_alert_stays_the_same_when_the_image_is_built_again() -> None:
    """Its fingerprint is of rule and target; two rules and two targets have different ones."""

    def fingerprints(name: str) -> list[str]:
        results = as_sarif(audited(Target(name, IMAGE.image), Sources()))["runs"][0]["results"]
        return [result["partialFingerprints"]["primaryLocationLineHash"] for result in results]

    assert fingerprints("shop:1") == fingerprints("shop:2")
    assert len({*fingerprints("shop:1"), *fingerprints("other:1")}) == 2 * len(catalog.rules())


def test_what_is_accepted_is_no_alert() -> None:
    """Code hosts show a result with a suppression, too."""
    entry = catalog.IgnoreEntry(rule="logs.rotation", reason="Our platform rotates.", until=DAY)
    accepted = catalog.apply_ignored(audited(IMAGE, Sources()), [entry], DAY)
    assert places(audited(IMAGE, Sources())).keys() - places(accepted).keys() == {"logs.rotation"}


def test_the_tool_has_the_version_and_the_public_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are those of pyproject.toml; without an address there it has none."""
    monkeypatch.setattr(sarif, "project", lambda: {"version": "1.2.3", "urls": {"Source": "https://example.org/shop"}})
    driver = as_sarif(audited(IMAGE, Sources()))["runs"][0]["tool"]["driver"]
    assert (driver["version"], driver["semanticVersion"]) == ("1.2.3", "1.2.3")
    assert driver["informationUri"] == "https://example.org/shop"
    monkeypatch.setattr(sarif, "project", lambda: {"version": "1.2.3"})
    assert "informationUri" not in as_sarif(audited(IMAGE, Sources()))["runs"][0]["tool"]["driver"]


def test_rules_on_security_alone_are_alerts_of_security() -> None:
    """A missing label is none; code hosts show it by its level."""
    driver = as_sarif(audited(IMAGE, Sources()))["runs"][0]["tool"]["driver"]
    scores = {rule["id"]: rule["properties"].get("security-severity") for rule in driver["rules"]}
    assert scores["confinement.non-root"] == scores["config.no-secrets-in-environment"] == "8.0"
    assert scores["build.labels"] is scores["lifecycle.stops"] is None


def test_a_rule_that_could_not_be_applied_is_a_notification() -> None:
    """The run says that it was not successful."""
    (target_report,) = audited(IMAGE, Sources(), RuleVerdict.CANNOT_TELL, "The audit met an error.").targets
    broken = replace(
        target_report, findings=(replace(target_report.findings[0], is_unexpected=True), *target_report.findings[1:])
    )
    document = as_sarif(AuditReport("shop:1", (broken,)))
    (invocation,) = document["runs"][0]["invocations"]
    assert not invocation["executionSuccessful"]
    [notification] = invocation["toolExecutionNotifications"]
    assert notification["message"]["text"] == "The audit met an error."
    assert mistakes(document) == []
