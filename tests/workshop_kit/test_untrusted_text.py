"""Texts of others are shown without acting."""

from __future__ import annotations

import unicodedata

from tests.examples import given, st
from workshop_kit import untrusted_text
from workshop_kit.errors import WorkshopError

HOSTILE = "<script>planted()</script>\x1b[2J\x07\r\n\u202e\u2028\x9b31m"


@given(st.text())
def test_nothing_acts_on_a_screen(text: str) -> None:
    """Any text at all ends without control characters, halves and line ends; `in_lines` keeps newlines."""
    acting = {"Cc", "Cs", "Zl", "Zp"}
    assert not {unicodedata.category(character) for character in untrusted_text.visible(text)} & acting
    assert "\u202e" not in untrusted_text.visible(text)
    assert untrusted_text.in_lines(text).count("\n") == text.count("\n")


def test_an_error_shows_no_control_characters_of_a_container() -> None:
    """The sentence and the last lines may quote a log; line ends between the lines stay."""
    error = WorkshopError(f"It said {HOSTILE}", output=f"one\n{HOSTILE}")
    for text in (str(error), error.output, "".join(error._render_traceback_())):
        assert "\x1b" not in text
    assert error.output.startswith("one\n<script>")
