"""The audit in a notebook: a card that says what was found, and the same as tables."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest

from tests.workshop_kit.audit.test_report import HOSTILE, Tags, report
from workshop_kit.audit import catalog
from workshop_kit.audit.data import Report, Verdict
from workshop_kit.audit.notebook import COLUMNS, Audit, audit
from workshop_kit.engine.session import Session
from workshop_kit.errors import WrongUsage

ALLOWED = {
    "style", "div", "p", "code", "ul", "li", "table", "caption", "thead", "tbody", "tr", "th", "td", "br", "dl", "dt",
    "dd", "details", "summary",
}  # fmt: skip


def card(found: Audit) -> tuple[str, str]:
    """The card as HTML and as text."""
    bundle = found._repr_mimebundle_()
    return bundle["text/html"], bundle["text/plain"]


def test_the_card_says_what_does_not_hold_and_what_to_do() -> None:
    """With evidence, reason and next step, in both forms; every principle has its field."""
    html, text = card(Audit(report(Verdict.FAILS)))
    rule = catalog.find("logs.rotation")
    for form in (unescape(html), text):
        assert rule.why in form
        assert rule.next_step in form
        assert "saw It is so." in form
    assert len(re.findall(r"<li data-verdict=", html)) == 22
    assert "F6 ✗" in text


def test_nothing_of_the_targets_acts_on_the_page() -> None:
    """Tags and attributes are ours alone, whatever a target says and is called; no picture, no script, no link."""
    tags = Tags()
    for verdict in Verdict:
        tags.feed(card(Audit(report(verdict, HOSTILE, HOSTILE)))[0])
    assert tags.tags <= ALLOWED
    assert tags.attributes <= {"class", "scope", "title", "aria-label", "data-verdict"}


def test_the_data_has_a_row_for_each_rule() -> None:
    """What was found, why it matters, what to do next: to sort, to count, to keep."""
    data = Audit(report(Verdict.FAILS)).data
    assert tuple(data.columns) == COLUMNS
    assert data.rule.tolist() == [rule.id for rule in catalog.rules()]
    row = data.set_index("rule").loc["logs.rotation"]
    assert (row.verdict, row.evidence) == ("does not hold", "ran It is so.: saw It is so.")
    assert (row.why, row.next_step) == (catalog.find("logs.rotation").why, catalog.find("logs.rotation").next_step)
    assert set(Audit(report(Verdict.HOLDS)).data.next_step) == {""}
    assert Audit(report(Verdict.HOLDS)).principles.set_index("id").loc["F6"].verdict == "holds"


def test_several_have_no_single_one() -> None:
    """A project's report says so, with their names, rather than show the first."""
    one = report(Verdict.HOLDS).audited[0]
    several = Audit(Report("compose:shop", (one, replace(one, target="redis"))))
    assert len(several.data) == 2 * len(catalog.rules())
    with pytest.raises(WrongUsage, match="several containers: shop:1, redis"):
        _ = several.audited


@pytest.mark.engine
def test_a_name_and_an_object_of_the_sdk_are_the_same(session: Session, images: dict[str, str]) -> None:
    """One word for ``only`` or several; in any notebook, without a workspace."""
    image = session.engine.client.images.get(images["app"])
    assert audit(image, only="build.labels", session=session).audited.image_id == image.id
    by_name = audit(images["app"], only=["build.labels", "build.pinned"])
    assert by_name.audited.image_id == image.id
    assert len(by_name.data) == 2
