"""Tables and cards: escaped, readable without color, and with a text twin."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from workshop_kit.show.shown import Shown
from workshop_kit.show.tables import Card, Line, State, cards, status_panel, table

LINES = [
    Line("Engine", State.GOOD, "version 26.1"),
    Line("Images", State.FIXABLE, "2 of 4 are missing", "./workshop setup"),
    Line("Proxy", State.NOT_APPLICABLE, "none is set"),
]


def body(shown: Shown) -> str:
    """The HTML without its style sheet."""
    return re.sub("<style>.*?</style>", "", shown.html, flags=re.DOTALL)


def test_states_are_words_with_symbols() -> None:
    """Each state differs from the others in its symbol and its word, so color is only a third hint."""
    html = body(status_panel("Doctor", LINES))
    for word, symbol in (("good", "✓"), ("fixable", "▲"), ("n/a", "–")):
        assert re.search(rf'aria-hidden="true">{symbol}</span> {word}</span>', html)
    assert len({state.symbol for state in State}) == len(State)


def test_a_panel_is_a_table_with_headers() -> None:
    """A screen reader hears caption, column heads and the name of each row."""
    html = body(status_panel("Doctor", LINES))
    assert "<caption>Doctor: 1 good, 1 fixable, 1 n/a</caption>" in html
    assert re.findall(r'<th scope="col">(\w+)</th>', html) == ["State", "What", "Seen"]
    assert re.findall(r'<th scope="row">(\w+)</th>', html) == ["Engine", "Images", "Proxy"]
    assert '<code class="wk-command">./workshop setup</code>' in html


def test_the_panel_as_text() -> None:
    """The text twin has the same lines, and the command below the line that it mends."""
    assert str(status_panel("Doctor", LINES)).split("\n") == [
        "Doctor: 1 good, 1 fixable, 1 n/a",
        "✓ good     Engine: version 26.1",
        "▲ fixable  Images: 2 of 4 are missing",
        "           -> ./workshop setup",
        "– n/a      Proxy: none is set",
    ]


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
    """Whatever names, details and answers contain (a stranger may have written them), no tag or attribute is added."""
    pages: list[tuple[Callable[[str, Any], Shown], Any, Any]] = [
        (status_panel, [Line("x", State.GOOD, "x", "x")], [Line(text, State.GOOD, text, text)]),
        (cards, [Card("x", "x", "x", State.BAD, "x")], [Card(text, text, text, State.BAD, text)]),
    ]
    for draw, plain, strange in pages:
        expected, seen = Seen(draw("x", plain).html), Seen(draw(text, strange).html)
        assert seen.attributes == expected.attributes
        assert seen.tags <= expected.tags
    seen = Seen(table(text, [text], [[text]]).html)
    assert seen.tags == Seen(table("x", ["x"], [["x"]]).html).tags
