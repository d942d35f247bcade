"""Four forms of one report: the same verdicts, no secret, nothing of the target's that acts."""

from __future__ import annotations

import json
import re
from html import unescape
from html.parser import HTMLParser

import pytest

from workshop_kit.audit import catalog
from workshop_kit.audit.data import Audited, Evidence, Finding, Report, Verdict, together
from workshop_kit.audit.report import as_html, as_json, as_markdown, as_text

HOSTILE = "<img src=x onerror=alert(1)> [x](javascript:1) | ` @all http://evil.example \"'"
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "section", "p", "strong", "code", "table",
    "caption", "thead", "tbody", "tr", "th", "td", "br", "dl", "dt", "dd", "span", "div", "img",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "name", "content", "scope", "data-verdict", "aria-hidden", "class", "src", "alt", "width",
    "height",
}  # fmt: skip


def audited(verdict: Verdict, said: str = "It is so.", target: str = "shop:1") -> Audited:
    """Every rule with one verdict."""
    findings = tuple(
        Finding(rule, verdict, said, (Evidence(f"ran {said}", f"saw {said}"),), 0.1) for rule in catalog.rules()
    )
    return Audited(target, "image", "sha256:" + "0" * 64, "looked at, nothing was run", findings, 1.0)


def report(verdict: Verdict, said: str = "It is so.", target: str = "shop:1") -> Report:
    """A report of one target."""
    return Report(target, (audited(verdict, said, target),))


class Tags(HTMLParser):
    """Collects tags, and attributes that are not ours."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([Verdict.HOLDS, Verdict.FAILS], Verdict.FAILS),
        ([Verdict.HOLDS, Verdict.CANNOT_TELL, Verdict.NOT_APPLICABLE], Verdict.HOLDS),
        ([Verdict.CANNOT_TELL, Verdict.NOT_APPLICABLE], Verdict.CANNOT_TELL),
        ([Verdict.NOT_APPLICABLE], Verdict.NOT_APPLICABLE),
        ([], Verdict.CANNOT_TELL),
    ],
)
def test_a_principle_is_as_good_as_its_worst_rule(verdicts: list[Verdict], expected: Verdict) -> None:
    """One rule that does not hold decides; what nobody looked at cannot be told."""
    assert together(verdicts) is expected


def test_json_says_everything_and_is_json() -> None:
    """Each rule with verdict, evidence and reason; each principle; the next step only where one is needed."""
    data = json.loads(json.dumps(as_json(report(Verdict.FAILS))))
    (one,) = data["audited"]
    assert data["holds"] is False
    assert [finding["rule"] for finding in one["findings"]] == [rule.id for rule in catalog.rules()]
    assert all(finding["next_step"] and finding["evidence"] for finding in one["findings"])
    assert len(one["principles"]) == 22
    assert one["counts"]["fails"] == len(catalog.rules())
    good = as_json(report(Verdict.HOLDS))
    assert good["holds"] is True
    assert not any(finding["next_step"] for finding in good["audited"][0]["findings"])


def test_text_has_a_line_for_every_rule_and_principle() -> None:
    """With the verdict as a word beside its symbol."""
    text = as_text(report(Verdict.HOLDS))
    for rule in catalog.rules():
        assert f"✓ {rule.title}: holds. It is so." in text
    for principle in catalog.principles():
        assert re.search(rf"{principle.id} +{re.escape(principle.name)}", text)


def test_what_does_not_hold_comes_with_evidence_reason_and_next_step() -> None:
    """In all three forms that people read."""
    bad = report(Verdict.FAILS)
    rule = catalog.find("logs.rotation")
    for form in (as_text(bad), as_markdown(bad), unescape(as_html(bad))):
        assert rule.why in form
        assert "saw It is so." in form
    assert f"-> {rule.next_step}" in as_text(bad)


def test_nothing_of_the_targets_is_html() -> None:
    """Tags and attributes of the page are ours alone."""
    tags = Tags()
    tags.feed(as_html(report(Verdict.FAILS, HOSTILE, HOSTILE)))
    assert tags.tags <= ALLOWED
    assert tags.attributes <= ATTRIBUTES


def test_nothing_of_the_targets_acts_in_markdown() -> None:
    """No HTML, link, mention, or end of a table's cell outside of code."""
    page = as_markdown(report(Verdict.FAILS, HOSTILE, HOSTILE))
    for row in [line for line in page.split("\n") if "config.fails-fast" in line]:
        bare = re.sub(r"(`+).+?\1(?!`)", "", row.replace("<br>", ""))
        assert not re.search(r"<|\[|@|https?://", bare)
        assert len(re.findall(r"(?<!\\)\|", bare)) == 4
