"""The catalog; the forms of a report: the most severe first, no markup; ignored rules."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from markupsafe import escape

from container_audit import catalog
from container_audit.findings import (
    AuditReport,
    Evidence,
    Method,
    Rule,
    RuleFinding,
    RuleVerdict,
    TargetReport,
)
from container_audit.notebook import audit
from container_audit.report import as_card, as_json, as_text
from workshop_dev.generated import audit_page
from workshop_kit import guidelines
from workshop_kit.engine.session import Session
from workshop_kit.errors import WrongUsage

HOSTILE = "<img src=x onerror=alert(1)> [x](javascript:1) | ` @all http://evil.example \"'"


def rule_of(identifier: str) -> Rule:
    """The rule of that id."""
    return {rule.id: rule for rule in catalog.rules()}[identifier]


def report(verdict: RuleVerdict, sentence: str = "It is so.", target: str = "shop:1") -> AuditReport:
    """A report of one target: every rule with one verdict."""
    findings = tuple(
        RuleFinding(rule, verdict, sentence, (Evidence(f"ran {sentence}", f"saw {sentence}"),), 0.1)
        for rule in catalog.rules()
    )
    target_report = TargetReport(target, "image", "sha256:" + "0" * 64, "looked at, nothing was run", findings, 1.0)
    return AuditReport(target, (target_report,))


def test_the_catalog_and_its_page(root: Path) -> None:
    """Rules serve known principles, only dynamic ones act, and docs/audit.md is what `./workshop build` would write."""
    principles = {principle.id for principle in guidelines.principles()}
    for rule in catalog.rules():
        assert rule.serves, rule.id
        assert {*rule.serves, *rule.proves} <= principles, rule.id
        assert (rule.side_effects == "none") is (rule.method is Method.STATIC), rule.id
    assert (root / "docs" / "audit.md").read_text() == audit_page()


def test_words_choose_rules() -> None:
    """Guidelines, ids and principles add up, a method narrows; one sentence names an unknown word and the choices."""
    chosen = {"logs,static": {"logs.rotation"}, "logs.rotation,P1": {"logs.rotation", "build.single-concern"}}
    for words, expected in chosen.items():
        assert {rule.id for rule in catalog.select_rules([words])} == expected
    with pytest.raises(WrongUsage, match=r"'F16' names no guideline.*config, logs"):
        catalog.select_rules(["config", "F16"])


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ({"build.pinned": RuleVerdict.FAILS, "build.labels": RuleVerdict.HOLDS}, RuleVerdict.FAILS),
        ({"build.pinned": RuleVerdict.HOLDS, "build.labels": RuleVerdict.FAILS}, RuleVerdict.HOLDS),
        ({"build.no-compiler": RuleVerdict.FAILS, "build.labels": RuleVerdict.FAILS}, RuleVerdict.CANNOT_TELL),
        ({"build.pinned": RuleVerdict.CANNOT_TELL, "build.labels": RuleVerdict.HOLDS}, RuleVerdict.CANNOT_TELL),
        ({"build.pinned": RuleVerdict.NOT_APPLICABLE}, RuleVerdict.NOT_APPLICABLE),
    ],
)
def test_a_principle_holds_if_a_rule_that_proves_it_does(
    verdicts: dict[str, RuleVerdict], expected: RuleVerdict
) -> None:
    """F4: the name of the image proves it; one rule that fails decides; labels, of low severity, do neither."""
    findings = tuple(RuleFinding(rule_of(rule), verdict, "", (), 0.0) for rule, verdict in verdicts.items())
    assert replace(report(RuleVerdict.HOLDS).targets[0], findings=findings).verdict_on("F4") is expected


def test_a_gate_on_a_factor_is_what_the_report_says() -> None:
    """``--fail-on F4`` fails where F4 does: not for labels, which ``--fail-on build`` still finds."""
    finding = RuleFinding(rule_of("build.labels"), RuleVerdict.FAILS, "", (), 0.0)
    target_report = replace(report(RuleVerdict.HOLDS).targets[0], findings=(finding,))
    audit_report = AuditReport("shop", (target_report,))
    assert not audit_report.failing(["F4"])
    assert audit_report.failing(["build"]) == audit_report.failing() == (finding,)


def test_nothing_of_the_targets_is_html() -> None:
    """A card has no tag, script or link of the target, whatever its texts are."""
    for verdict in RuleVerdict:
        card = as_card(report(verdict, HOSTILE, HOSTILE)).html
        assert not re.search(r"<(script|img|a|link)\b", card)
        assert escape(HOSTILE) in card


def test_each_form_has_the_next_step_of_the_finding() -> None:
    """Where a rule knows better than its usual advice, text, card and JSON say that."""
    audited = report(RuleVerdict.FAILS)
    (target_report,) = audited.targets
    finding = replace(target_report.findings[0], own_next_step="Start that with a tin opener.")
    audited = replace(audited, targets=(replace(target_report, findings=(finding,)),))
    for form in (as_text(audited), as_card(audited).html, str(as_json(audited))):
        assert "a tin opener." in form


def test_what_is_accepted_stays_in_the_report_and_does_not_count(tmp_path: Path) -> None:
    """With its reason, which is text."""
    file = tmp_path / "ignore.toml"
    file.write_text('[[ignore]]\nrule = "logs.rotation"\nreason = "Our platform <b>rotates</b>."\n')
    bad = report(RuleVerdict.FAILS)
    accepted_report = catalog.apply_ignored(bad, catalog.load_ignored(file))
    still_failing = {finding.rule.id for finding in accepted_report.failing()}
    assert {finding.rule.id for finding in bad.failing()} - still_failing == {"logs.rotation"}
    assert "Our platform <b>rotates</b>." in as_text(accepted_report)
    assert "<b>" not in as_card(accepted_report).html


def test_an_entry_may_be_for_one_container_of_a_project() -> None:
    """The same rule counts for the others; an entry without a container is for all."""
    database, service = (report(RuleVerdict.FAILS, target=name).targets[0] for name in ("database", "my-service"))
    project = AuditReport("compose:shop", (database, service))
    entry = catalog.IgnoreEntry(rule="logs.structured", target="database", reason="It is text.")
    audit_report = catalog.apply_ignored(project, [entry])
    assert [finding.rule.id for finding in audit_report.targets[0].accepted] == ["logs.structured"]
    assert audit_report.targets[1].accepted == ()
    audit_report = catalog.apply_ignored(project, [entry.model_copy(update={"target": None})])
    assert all(target.accepted for target in audit_report.targets)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('rule = "logs.rotation"\n', "ignore.0.reason: Field required."),
        ('rule = "logs"\nreason = "So."\n', "ignore.0.rule: 'logs' is no rule."),
    ],
)
def test_an_entry_without_a_rule_or_a_reason_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    """One sentence, with the entry's place and the rule."""
    file = tmp_path / "ignore.toml"
    file.write_text(f"[[ignore]]\n{text}")
    with pytest.raises(WrongUsage, match=re.escape(sentence)):
        catalog.load_ignored(file)


@pytest.mark.engine
def test_a_target_is_a_name_or_an_object_of_the_sdk(session: Session, images: dict[str, str]) -> None:
    """``only`` takes one word or several; no workspace is needed."""
    image = session.engine.client.images.get(images["app"])
    assert audit(image, only="build.labels").report.targets[0].image_id == image.id
    by_name = audit(images["app"], only=["build.labels", "build.pinned"])
    assert by_name.report.targets[0].image_id == image.id
    assert len(by_name.data) == 2


def test_the_three_gravest_come_first_and_what_holds_is_folded() -> None:
    """In the terminal rules that hold are a number; on the card they are folded, below the summary."""
    text = as_text(report(RuleVerdict.FAILS))
    card = as_card(report(RuleVerdict.FAILS)).html
    assert re.findall(r"does not hold \((\w+)\)", text)[:3] == ["critical"] * 3
    assert text.index("The gravest") < text.index("What else does not hold")
    assert card.index('class="wk-strip"') < card.index("<details")
    assert card.count("<details open>") == 3
    good = as_text(report(RuleVerdict.HOLDS))
    assert f"{len(catalog.rules())} hold." in good
    assert rule_of("logs.rotation").title not in good
    assert "<details><summary>What holds" in as_card(report(RuleVerdict.HOLDS)).html
