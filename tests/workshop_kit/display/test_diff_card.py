"""What a file cell shows: the sentence, and the diff of the file."""

from __future__ import annotations

import pytest

from workshop_kit.display.diff_card import FOLDED_FROM, Written, card


@pytest.mark.parametrize("length", [FOLDED_FROM, FOLDED_FROM + 1])
def test_a_long_diff_is_folded(length: int) -> None:
    """Its text has all lines; nothing in a line is taken for HTML."""
    lines = tuple(f"+{number} <b>\n" for number in range(length))
    rendered = card(Written("app.py has the new lines.", lines))
    assert str(rendered) == "app.py has the new lines.\n" + "".join(lines).rstrip("\n")
    html = rendered.html
    assert f"{length} lines added, 0 removed" in html
    assert ("<b>" in html, " open>" in html) == (False, length == FOLDED_FROM)
