"""The audit in a notebook: a card, tables and a heat map."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.workshop_kit.audit.test_report import REFERENCE, report, rule_of, target_report
from workshop_kit.audit import catalog
from workshop_kit.audit.findings import AuditReport, RuleVerdict
from workshop_kit.audit.notebook import Audit, audit
from workshop_kit.audit.report import as_card
from workshop_kit.engine.session import Session


def test_the_data_has_a_row_for_each_rule() -> None:
    """Verdict, evidence, reason and next step of each rule are columns."""
    data = Audit(report(RuleVerdict.FAILS)).data
    assert data.rule.tolist() == [rule.id for rule in catalog.rules()]
    row = data.set_index("rule").loc["logs.rotation"]
    assert (row.verdict, row.evidence) == ("does not hold", "ran It is so.: saw It is so.")
    assert (row.why, row.next_step) == (rule_of("logs.rotation").why, rule_of("logs.rotation").next_step)
    assert set(Audit(report(RuleVerdict.HOLDS)).data.next_step) == {""}


def test_the_card_is_what_a_cell_shows() -> None:
    """Its text version is for a terminal or an exported page."""
    found = Audit(report(RuleVerdict.FAILS))
    bundle = found._repr_mimebundle_()
    assert bundle["text/html"] == as_card(found.report).html
    assert bundle["text/plain"] == str(found)


def test_audits_stand_side_by_side_in_a_heat_map() -> None:
    """Earlier audits have their given names; the alt text has each principle under its verdict, and reference code."""
    after = replace(target_report(RuleVerdict.HOLDS), reference=REFERENCE)
    shown = Audit(AuditReport("shop:1", (after,))).heatmap("Ours", before=Audit(report(RuleVerdict.FAILS)))
    assert re.match(r"Heat map: Ours\. before: does not hold: F1, .* shop:1: holds: F3, F4, F5", str(shown))
    assert "shop:1: holds: F3, F4, F5" in str(shown)
    assert "cannot be told from outside: F1, F2, F8, F9, F10, F13, F15." in str(shown)
    assert f"shop:1: {REFERENCE}" in str(shown)
    assert shown.html.count("<img") == 1


def test_names_in_a_heat_map_are_text() -> None:
    """A name that is HTML, or a formula, stays text; copies of a compose project's service are told apart."""
    copies = AuditReport("compose:shop", tuple(target_report(RuleVerdict.HOLDS, target="$\\no$ <b>") for _ in range(2)))
    shown = Audit(copies).heatmap("x")
    assert "<b>" not in shown.html
    assert "$\\no$ <b>: holds" in str(shown)
    assert "$\\no$ <b> 2: holds" in str(shown)


@pytest.mark.engine
def test_a_target_is_a_name_or_an_object_of_the_sdk(session: Session, images: dict[str, str]) -> None:
    """``only`` takes one word or several; no workspace is needed."""
    image = session.engine.client.images.get(images["app"])
    assert audit(image, only="build.labels", session=session).report.targets[0].image_id == image.id
    by_name = audit(images["app"], only=["build.labels", "build.pinned"])
    assert by_name.report.targets[0].image_id == image.id
    assert len(by_name.data) == 2
