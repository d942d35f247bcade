"""The audit in a notebook: a card that says what was found, and the same as tables."""

from __future__ import annotations

import re

import pytest

from tests.workshop_kit.audit.test_report import report, rule_of
from workshop_kit.audit import catalog
from workshop_kit.audit.data import Verdict
from workshop_kit.audit.notebook import COLUMNS, Audit, audit
from workshop_kit.audit.report import as_card
from workshop_kit.engine.session import Session


def test_the_data_has_a_row_for_each_rule() -> None:
    """What was found, why it matters, what to do next: to sort, to count, to keep."""
    data = Audit(report(Verdict.FAILS)).data
    assert tuple(data.columns) == COLUMNS
    assert data.rule.tolist() == [rule.id for rule in catalog.rules()]
    row = data.set_index("rule").loc["logs.rotation"]
    assert (row.verdict, row.evidence) == ("does not hold", "ran It is so.: saw It is so.")
    assert (row.why, row.next_step) == (rule_of("logs.rotation").why, rule_of("logs.rotation").next_step)
    assert set(Audit(report(Verdict.HOLDS)).data.next_step) == {""}
    assert Audit(report(Verdict.HOLDS)).principles.loc["F6 Logs", "shop:1"] == "holds"


def test_the_card_is_what_a_cell_shows() -> None:
    """With the same as text, for a terminal or an exported page."""
    found = Audit(report(Verdict.FAILS))
    bundle = found._repr_mimebundle_()
    assert bundle["text/html"] == as_card(found.report).html
    assert bundle["text/plain"] == str(found)


def test_audits_stand_side_by_side() -> None:
    """Those before by the names they are given, then this one by its target."""
    shown = Audit(report(Verdict.HOLDS)).heatmap("Ours", before=Audit(report(Verdict.FAILS)))
    assert re.search(r"before: does not hold: F1, .* shop:1: holds: F3, ", str(shown))


@pytest.mark.engine
def test_a_name_and_an_object_of_the_sdk_are_the_same(session: Session, images: dict[str, str]) -> None:
    """One word for ``only`` or several; in any notebook, without a workspace."""
    image = session.engine.client.images.get(images["app"])
    assert audit(image, only="build.labels", session=session).report.audited[0].image_id == image.id
    by_name = audit(images["app"], only=["build.labels", "build.pinned"])
    assert by_name.report.audited[0].image_id == image.id
    assert len(by_name.data) == 2
