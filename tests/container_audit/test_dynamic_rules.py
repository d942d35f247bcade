"""Dynamic rules on clones find every fault in behavior, and none in good targets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from container_audit import catalog
from container_audit.findings import Rule, RuleVerdict
from container_audit.runner import function_of, run_audit
from tests.container_audit import bad_images
from tests.container_audit.bad_images import BAD_IMAGE_RULES, BEHAVIOR, SETTINGS
from workshop_kit.engine.session import Session

AT_ONCE = 2


def failing(session: Session, word: str, only: str = "") -> set[str]:
    """The rules that find fault with a target."""
    return {finding.rule.id for finding in run_audit(session, word, only=[only] if only else []).failing()}


def test_every_rule_has_a_fault_that_it_must_find() -> None:
    """One rule never fails: a clone may have many reasons not to get ready without a network."""
    covered_rules = BAD_IMAGE_RULES | {rule for rule, _ in SETTINGS.values()}
    for _, _, failing_rules in BEHAVIOR.values():
        covered_rules |= failing_rules
    rules = {rule.id for rule in catalog.rules()} - {"build.self-contained"}
    assert covered_rules == rules, "tests/container_audit/bad_images.py has a fault for each rule"


@pytest.mark.parametrize("rule", catalog.rules(), ids=lambda rule: rule.id)
def test_every_rule_has_its_function(rule: Rule) -> None:
    """Without one it could not be told, on every target."""
    assert callable(function_of(rule))


@pytest.mark.engine
@pytest.mark.long
def test_faults_in_behavior_are_found(session: Session, python_image: str) -> None:
    """Each fault is found by its rule, and by no other dynamic rule."""

    def failing_rules(name: str) -> set[str]:
        settings, only, _ = BEHAVIOR[name]
        with bad_images.created(session, python_image, **settings) as word:
            return failing(session, word, only)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        failing_by_name = dict(zip(BEHAVIOR, pool.map(failing_rules, BEHAVIOR), strict=True))
    assert failing_by_name == {name: rules for name, (_, _, rules) in BEHAVIOR.items()}


@dataclass(frozen=True)
class Twin:
    """A container, and the verdicts of rules that used to blame or praise it wrongly."""

    settings: dict[str, Any]
    verdicts: dict[str, RuleVerdict]
    base: str = "python"


FIXED_PORT = """
from http.server import HTTPServer, SimpleHTTPRequestHandler
HTTPServer(("0.0.0.0", 8080), SimpleHTTPRequestHandler).serve_forever()
"""
PROBED = ("monitoring.probes-fast", "monitoring.liveness-alone", "monitoring.metrics-valid")
GOOD = (*PROBED, "logs.to-streams", "logs.structured", "config.from-environment")
TWINS = {
    "answers everything": Twin({"command": ["answers-everything"]}, dict.fromkeys(PROBED, RuleVerdict.CANNOT_TELL)),
    "good": Twin({}, dict.fromkeys(GOOD, RuleVerdict.HOLDS)),
    "log in a file, tracebacks in the streams": Twin(
        {"command": ["only-file"]}, {"logs.to-streams": RuleVerdict.FAILS, "logs.structured": RuleVerdict.CANNOT_TELL}
    ),
    "a port that it does not name": Twin(
        {"entrypoint": ["python3", "-c", FIXED_PORT], "stop_signal": "SIGKILL"},
        {"lifecycle.serves-a-port": RuleVerdict.FAILS},
        "base",
    ),
    "does not start": Twin(
        {"entrypoint": ["/no/such/program", "$(reboot)", "\u202e"]},
        dict.fromkeys(("lifecycle.stops", "lifecycle.survives-a-kill", *PROBED), RuleVerdict.CANNOT_TELL),
        "base",
    ),
    "a job": Twin(
        {"entrypoint": ["true"]},
        {"monitoring.health-check": RuleVerdict.CANNOT_TELL, "logs.to-streams": RuleVerdict.CANNOT_TELL},
        "base",
    ),
}


@pytest.mark.engine
@pytest.mark.long
def test_twins_are_told_apart(session: Session, python_image: str, images: dict[str, str]) -> None:
    """Of each pair one fails or cannot be told, and the other holds."""
    bases = {"python": python_image, "base": images["base"]}

    def verdicts_of(name: str) -> dict[str, RuleVerdict]:
        twin = TWINS[name]
        with bad_images.created(session, bases[twin.base], **twin.settings) as word:
            report = run_audit(session, word, only=list(twin.verdicts))
        return {finding.rule.id: finding.verdict for finding in report.targets[0].findings}

    with ThreadPoolExecutor(AT_ONCE) as pool:
        verdicts = dict(zip(TWINS, pool.map(verdicts_of, TWINS), strict=True))
    assert verdicts == {name: twin.verdicts for name, twin in TWINS.items()}


@pytest.mark.engine
@pytest.mark.long
def test_good_images_of_other_kinds_are_found_good(
    session: Session, image_session: Session, images: dict[str, str], tmp_path: Path
) -> None:
    """A shell script without a port and a compiled program without a shell: no rule at all finds fault."""
    kinds = {
        "shell": (bad_images.SHELL, images["base"]),
        "binary": (bad_images.BINARY, images["prometheus"]),
    }
    tags = [
        bad_images.build(image_session, tmp_path / name, f"workshop-audit-{name}-{{session}}:0f1e2d3c4b5a", text, base)
        for name, (text, base) in kinds.items()
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert list(pool.map(lambda tag: failing(session, tag), tags)) == [set()] * len(kinds)
