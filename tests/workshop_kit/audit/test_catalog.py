"""The catalog: every rule is filled in, words choose rules, and docs/audit.md is generated from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from tests.workshop_kit.audit.test_report import rule_of
from workshop_kit.audit import catalog, subject
from workshop_kit.audit.findings import Evidence, Method, RuleVerdict, fails
from workshop_kit.audit.subject import Subject
from workshop_kit.audit.targets import Target
from workshop_kit.dev.generated import TITLES, audit_page
from workshop_kit.errors import WrongUsage


def test_every_rule_is_filled_in() -> None:
    """It serves known principles; only dynamic rules act; its guideline has a title on the page."""
    principles = {one.id for one in catalog.principles()}
    for rule in catalog.rules():
        assert rule.serves, rule.id
        assert {*rule.serves, *rule.proves} <= principles, rule.id
        assert (rule.side_effects == "none") is (rule.method is Method.STATIC), rule.id
    assert set(TITLES) == set(catalog.guidelines())


def test_the_page_is_made_from_the_catalog(root: Path) -> None:
    """docs/audit.md is what `./workshop build` would write."""
    assert (root / "docs" / "audit.md").read_text() == audit_page()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["logs", "static"], {"logs.rotation"}),
        (["logs.rotation,build.labels"], {"logs.rotation", "build.labels"}),
        (["P1"], {"build.single-concern"}),
    ],
)
def test_words_choose_rules(words: list[str], expected: set[str]) -> None:
    """Guidelines, ids and principles add up; a method narrows."""
    assert {rule.id for rule in catalog.chosen(words)} == expected


def test_a_word_that_names_nothing_is_wrong_usage() -> None:
    """The sentence names the word and the choices."""
    with pytest.raises(WrongUsage, match=r"'F16' names no guideline.*config, logs"):
        catalog.chosen(["config", "F16"])


@pytest.mark.parametrize(("busy", "verdict"), [(1.0, RuleVerdict.FAILS), (20.0, RuleVerdict.CANNOT_TELL)])
def test_what_is_slow_on_a_machine_that_is_too_busy_cannot_be_told(
    monkeypatch: pytest.MonkeyPatch, busy: float, verdict: RuleVerdict
) -> None:
    """The sentence gives the load; a rule that measures no time is not affected."""
    monkeypatch.setattr(subject, "how_busy", lambda: busy)
    target = Target("shop", {"Id": "sha256:0", "Config": {}})
    looked_at = Subject(cast(Any, None), target)
    slow, root = (
        looked_at.judge(rule_of(rule), lambda _: fails("It is slow.", Evidence("GET", "/livez")))
        for rule in ("monitoring.probes-fast", "confinement.non-root")
    )
    assert (slow.verdict, "20 programs" in slow.said) == (verdict, verdict is RuleVerdict.CANNOT_TELL)
    assert root.verdict is RuleVerdict.FAILS
