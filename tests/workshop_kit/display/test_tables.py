"""Tables: escaped, with headers for a screen reader, and with a text twin."""

from __future__ import annotations

import re
from html import escape

import pytest

from workshop_kit.display.tables import table


def test_a_table_has_headers_and_a_text_twin() -> None:
    """A screen reader hears caption, column heads and the name of each row; the text has the same in columns."""
    shown = table("Stops", ["container", "seconds"], [["shell", 10.2], ["direct", 0.3]])
    assert "<caption>Stops</caption>" in shown.html
    assert re.findall(r'<th scope="col">(\w+)</th>', shown.html) == ["container", "seconds"]
    assert re.findall(r'<th scope="row">(\w+)</th>', shown.html) == ["shell", "direct"]
    assert str(shown).split("\n") == ["Stops", "container  seconds", "shell      10.2", "direct     0.3"]


@pytest.mark.parametrize("text", ['"><script>x</script>', "<img src=x onerror=alert(1)>", "&lt;b&gt;", "' a='", "<!--"])
def test_no_text_becomes_markup(text: str) -> None:
    """In titles, heads and values every text is escaped."""
    html = table(text, [text], [[text]]).html
    assert html.count("<") == table("x", ["x"], [["x"]]).html.count("<")
    assert html.count(escape(text)) == 3
