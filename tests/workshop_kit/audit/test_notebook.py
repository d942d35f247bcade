"""The audit in a notebook: a card that says what was found, and the same as tables."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape

import pytest

from tests.workshop_kit.audit import animals
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


def test_what_holds_is_folded_or_counted() -> None:
    """A card without a fault is short: its text has no line for each rule, its HTML keeps them in details."""
    html, text = card(Audit(report(Verdict.HOLDS)))
    assert f"What holds ({len(catalog.rules())})" in html
    assert catalog.find("logs.rotation").title not in text


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


def test_what_is_no_target_is_said() -> None:
    """A number names nothing."""
    with pytest.raises(WrongUsage, match="int is neither a name nor a container nor an image"):
        audit(5)


@pytest.mark.engine
def test_names_and_what_is_in_the_hand_are_the_same(
    session: Session, python_image: str, build: Callable[[animals.Animal], str]
) -> None:
    """An image by its name or as the SDK's; one word for ``only`` or several; in any notebook, without a workspace."""
    image = session.engine.client.images.get(python_image)
    assert audit(image, only="build.labels", session=session).audited.image_id == image.id
    (animal,) = (animal for animal in animals.STATIC if animal.name == "root")
    by_name = audit(build(animal), only=["confinement", "static"])
    assert [finding.rule.id for finding in by_name.report.failing()] == ["confinement.non-root"]
