"""The catalog; the forms of a report and of a notebook: the most severe first, no markup; ignored rules."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
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
from container_audit.notebook import Audit, audit
from container_audit.report import as_json, as_markdown, as_page, as_text
from container_audit.sarif import as_sarif
from workshop_dev.generated import audit_page
from workshop_kit import guidelines
from workshop_kit.engine.session import Session
from workshop_kit.errors import WrongUsage
from workshop_kit.observe.masking import Mask

HOSTILE = "<img src=x onerror=alert(1)> [x](javascript:1) | ` @all http://evil.example \"'"
DAY = date(2026, 3, 1)


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
        ({"build.pinned": RuleVerdict.HOLDS, "build.labels": RuleVerdict.CANNOT_TELL}, RuleVerdict.HOLDS),
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
    """A page has no tag, script or link of the target, whatever its texts are."""
    for verdict in RuleVerdict:
        page = as_page(report(verdict, HOSTILE, HOSTILE))
        assert not re.search(r"<(script|img|a|link)\b", page)
        assert escape(HOSTILE) in page


def test_each_form_has_the_next_step_of_the_finding() -> None:
    """Where a rule knows better than its usual advice, text, page, Markdown, JSON and SARIF say that."""
    audited = report(RuleVerdict.FAILS)
    (target_report,) = audited.targets
    finding = replace(target_report.findings[0], own_next_step="Start that with a tin opener.")
    audited = replace(audited, targets=(replace(target_report, findings=(finding,)),))
    forms = (
        as_text(audited),
        as_page(audited),
        as_markdown(audited, Mask()),
        str(as_json(audited)),
        str(as_sarif(audited)["runs"][0]["results"]),
    )
    for form in forms:
        assert "a tin opener." in form


def test_what_is_accepted_does_not_count_until_its_day(tmp_path: Path) -> None:
    """It stays in the report with its reason; after its last day it counts again."""
    file = tmp_path / "ignore.toml"
    file.write_text('[[ignore]]\nrule = "logs.rotation"\nreason = "Our platform <b>rotates</b>."\nuntil = 2026-03-01\n')
    bad = report(RuleVerdict.FAILS)
    ignored = catalog.load_ignored(file)
    accepted_report = catalog.apply_ignored(bad, ignored, DAY)
    still_failing = {finding.rule.id for finding in accepted_report.failing()}
    assert {finding.rule.id for finding in bad.failing()} - still_failing == {"logs.rotation"}
    assert "accepted until 2026-03-01: Our platform <b>rotates</b>." in as_text(accepted_report)
    assert "<b>" not in as_page(accepted_report)
    late = catalog.apply_ignored(bad, ignored, date(2026, 3, 2))
    assert len(late.failing()) == len(bad.failing())
    assert "It was accepted until 2026-03-01." in as_text(late)


def test_an_entry_may_be_for_one_container_of_a_project() -> None:
    """The same rule counts for the others; an entry without a container is for all."""
    database, service = (report(RuleVerdict.FAILS, target=name).targets[0] for name in ("database", "my-service"))
    project = AuditReport("compose:shop", (database, service))
    entry = catalog.IgnoreEntry(rule="logs.structured", target="database", reason="It is text.", until=DAY)
    audit_report = catalog.apply_ignored(project, [entry], DAY)
    assert [finding.rule.id for finding in audit_report.targets[0].accepted] == ["logs.structured"]
    assert audit_report.targets[1].accepted == ()
    audit_report = catalog.apply_ignored(project, [entry.model_copy(update={"target": None})], DAY)
    assert all(target.accepted for target in audit_report.targets)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('rule = "logs.rotation"\nuntil = 2027-01-31\n', "ignore.0.reason: Field required."),
        ('rule = "logs"\nreason = "So."\nuntil = 2027-01-31\n', "ignore.0.rule: 'logs' is no rule."),
    ],
)
def test_an_entry_without_reason_or_date_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    """One sentence, with the entry's place and the rule."""
    file = tmp_path / "ignore.toml"
    file.write_text(f"[[ignore]]\n{text}")
    with pytest.raises(WrongUsage, match=re.escape(sentence)):
        catalog.load_ignored(file)


@pytest.mark.engine
def test_a_target_is_a_name_or_an_object_of_the_sdk(session: Session, images: dict[str, str]) -> None:
    """``only`` takes one word or several; no workspace is needed."""
    image = session.engine.client.images.get(images["app"])
    assert audit(image, only="build.labels", session=session).report.targets[0].image_id == image.id
    by_name = audit(images["app"], only=["build.labels", "build.pinned"])
    assert by_name.report.targets[0].image_id == image.id
    assert len(by_name.data) == 2


def test_the_three_gravest_come_first_and_what_holds_is_folded() -> None:
    """In the terminal rules that hold are a number; on a page they are folded, below the summary."""
    text = as_text(report(RuleVerdict.FAILS))
    page = as_page(report(RuleVerdict.FAILS))
    assert re.findall(r"does not hold \((\w+)\)", text)[:3] == ["critical"] * 3
    assert text.index("The gravest") < text.index("What else does not hold")
    assert page.index('class="wk-gravest"') < page.index('class="wk-strip"') < page.index("<details")
    assert page.count("<details open>") == 3
    good = as_text(report(RuleVerdict.HOLDS))
    assert f"{len(catalog.rules())} hold." in good
    assert rule_of("logs.rotation").title not in good
    assert "<details><summary>What holds" in as_page(report(RuleVerdict.HOLDS))


def test_names_in_a_heat_map_are_text() -> None:
    """A name that is HTML, or a formula, stays text; copies of a compose project's service are told apart."""
    targets = report(RuleVerdict.HOLDS, target="$\\no$ <b>").targets
    shown = Audit(AuditReport("compose:shop", targets + targets)).heatmap("x")
    assert "<b>" not in shown.html
    assert "$\\no$ <b>: holds" in str(shown)
    assert "$\\no$ <b> 2: holds" in str(shown)


def test_a_heat_map_has_a_column_for_every_target_of_every_audit() -> None:
    """Several targets of an earlier audit are named after it, and a name that is used gets the next number."""
    database, service = (report(RuleVerdict.HOLDS, target=name).targets[0] for name in ("database", "service"))
    project = Audit(AuditReport("compose:shop", (database, service, service)))
    image = Audit(report(RuleVerdict.HOLDS, target="service"))

    chart = project.heatmap("x", before=project, image=image, service=image)
    columns = re.findall(r"[.] ([a-z0-9 ]+): holds", str(chart))
    assert columns[:3] == ["before database", "before service", "before service 2"]
    assert columns[3:5] == ["image", "service"]
    assert columns[5:] == ["database", "service 2", "service 3"]
