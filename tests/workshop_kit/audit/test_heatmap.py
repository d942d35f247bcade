"""Audits side by side: the table has every principle, the picture says the same in words."""

from __future__ import annotations

from dataclasses import replace

from tests.workshop_kit.audit.test_report import REFERENCE, audited
from workshop_kit.audit.data import Report, Verdict
from workshop_kit.audit.heatmap import heatmap, named, verdicts


def test_the_table_has_a_row_for_each_principle_and_a_column_for_each_audit() -> None:
    """What no rule looks at cannot be told, in every audit."""
    table = verdicts({"before": audited(Verdict.FAILS), "after": audited(Verdict.HOLDS)})
    assert table.shape == (22, 2)
    assert list(table.columns) == ["before", "after"]
    assert table.loc["F6 Logs"].tolist() == ["does not hold", "holds"]
    assert table.loc["F2 API first"].tolist() == ["cannot be told from outside"] * 2


def test_the_picture_says_everything_in_words_too() -> None:
    """The alt text names every principle under its verdict, and what is nobody's own work."""
    shown = heatmap("Ours", {"after": replace(audited(Verdict.HOLDS), reference=REFERENCE)})
    assert str(shown).startswith("Heat map: Ours. after: holds: F3, F4, F5")
    assert "cannot be told from outside: F1, F2, F8, F9, F10, F13, F15." in str(shown)
    assert f"after: {REFERENCE}" in str(shown)
    assert shown.html.count("<img") == 1


def test_names_are_text() -> None:
    """A column that is HTML, or a formula, stays text."""
    assert "<b>" not in heatmap("x", {"<b>": audited(Verdict.HOLDS)}).html
    assert "$\\no$: holds" in str(heatmap("x", {"$\\no$": audited(Verdict.HOLDS)}))


def test_two_of_one_name_are_told_apart() -> None:
    """Copies of a compose project's service: each has its column."""
    copies = Report("compose:shop", (audited(Verdict.HOLDS, target="web"), audited(Verdict.FAILS, target="web")))
    assert list(named(copies)) == ["web", "web 2"]
