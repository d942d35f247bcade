"""Tables: escaped, with headers for a screen reader, and with a text twin."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from workshop_kit.display.tables import table


def test_a_table_has_headers_and_a_text_twin() -> None:
    """A screen reader hears caption, column heads and the name of each row; the text has the same in columns."""
    shown = table("Stops", ["container", "seconds"], [["shell", 10.2], ["direct", 0.3]])
    assert "<caption>Stops</caption>" in shown.html
    assert re.findall(r'<th scope="col">(\w+)</th>', shown.html) == ["container", "seconds"]
    assert re.findall(r'<th scope="row">(\w+)</th>', shown.html) == ["shell", "direct"]
    assert str(shown).split("\n") == ["Stops", "container  seconds", "shell      10.2", "direct     0.3"]


class Seen(HTMLParser):
    """What a browser would make of a page: which tags, which attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag and the names of its attributes."""
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)


@given(st.text() | st.sampled_from(['"><script>x</script>', "<img src=x onerror=alert(1)>", "&lt;b&gt;", "' a='"]))
def test_no_text_becomes_markup(text: str) -> None:
    """No text in titles, heads and values adds a tag or an attribute."""
    expected, seen = Seen(table("x", ["x"], [["x"]]).html), Seen(table(text, [text], [[text]]).html)
    assert seen.tags == expected.tags
    assert seen.attributes == expected.attributes
