"""The audit in a notebook: a card, tables and a heat map."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.workshop_kit.audit.test_report import REFERENCE, report, rule_of, target_report
from workshop_kit.audit import catalog
from workshop_kit.audit.findings import Report, Verdict
from workshop_kit.audit.notebook import COLUMNS, Audit, audit, heatmap, targets_by_name, verdict_table
from workshop_kit.audit.report import as_card
from workshop_kit.engine.session import Session


def test_the_data_has_a_row_for_each_rule() -> None:
    """Verdict, evidence, reason and next step of each rule are columns."""
    data = Audit(report(Verdict.FAILS)).data
    assert tuple(data.columns) == COLUMNS
    assert data.rule.tolist() == [rule.id for rule in catalog.rules()]
    row = data.set_index("rule").loc["logs.rotation"]
    assert (row.verdict, row.evidence) == ("does not hold", "ran It is so.: saw It is so.")
    assert (row.why, row.next_step) == (rule_of("logs.rotation").why, rule_of("logs.rotation").next_step)
    assert set(Audit(report(Verdict.HOLDS)).data.next_step) == {""}
    assert Audit(report(Verdict.HOLDS)).principles.loc["F6 Logs", "shop:1"] == "holds"


def test_the_card_is_what_a_cell_shows() -> None:
    """Its text version is for a terminal or an exported page."""
    found = Audit(report(Verdict.FAILS))
    bundle = found._repr_mimebundle_()
    assert bundle["text/html"] == as_card(found.report).html
    assert bundle["text/plain"] == str(found)


def test_audits_stand_side_by_side() -> None:
    """Earlier audits have their given names, the last one the name of its target."""
    shown = Audit(report(Verdict.HOLDS)).heatmap("Ours", before=Audit(report(Verdict.FAILS)))
    assert re.search(r"before: does not hold: F1, .* shop:1: holds: F3, ", str(shown))


def test_the_table_has_a_row_for_each_principle_and_a_column_for_each_audit() -> None:
    """A principle without a rule cannot be told, in every audit."""
    table = verdict_table({"before": target_report(Verdict.FAILS), "after": target_report(Verdict.HOLDS)})
    assert table.shape == (22, 2)
    assert list(table.columns) == ["before", "after"]
    assert table.loc["F6 Logs"].tolist() == ["does not hold", "holds"]
    assert table.loc["F2 API first"].tolist() == ["cannot be told from outside"] * 2


def test_the_picture_says_everything_in_words_too() -> None:
    """The alt text names every principle under its verdict, and the reference code."""
    shown = heatmap("Ours", {"after": replace(target_report(Verdict.HOLDS), reference=REFERENCE)})
    assert str(shown).startswith("Heat map: Ours. after: holds: F3, F4, F5")
    assert "cannot be told from outside: F1, F2, F8, F9, F10, F13, F15." in str(shown)
    assert f"after: {REFERENCE}" in str(shown)
    assert shown.html.count("<img") == 1


def test_names_are_text() -> None:
    """A column that is HTML, or a formula, stays text."""
    assert "<b>" not in heatmap("x", {"<b>": target_report(Verdict.HOLDS)}).html
    assert "$\\no$: holds" in str(heatmap("x", {"$\\no$": target_report(Verdict.HOLDS)}))


def test_two_of_one_name_are_told_apart() -> None:
    """Copies of a compose project's service: each has its column."""
    copies = Report(
        "compose:shop", (target_report(Verdict.HOLDS, target="web"), target_report(Verdict.FAILS, target="web"))
    )
    assert list(targets_by_name(copies)) == ["web", "web 2"]


@pytest.mark.engine
def test_a_target_is_a_name_or_an_object_of_the_sdk(session: Session, images: dict[str, str]) -> None:
    """``only`` takes one word or several; no workspace is needed."""
    image = session.engine.client.images.get(images["app"])
    assert audit(image, only="build.labels", session=session).report.targets[0].image_id == image.id
    by_name = audit(images["app"], only=["build.labels", "build.pinned"])
    assert by_name.report.targets[0].image_id == image.id
    assert len(by_name.data) == 2
