"""Text of log lines in pictures, tables and DataFrames acts on nothing; a table has headers and a text twin."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell

from workshop_kit.display import tables
from workshop_kit.display.incident_chart import one_clock
from workshop_kit.display.tables import table

TEXTS = (r"_private $x$ $\frac{a$ 100% {x:,g}", "\x1b[31mred\x07\u202eright to left")
ACTIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
TIMES = pd.date_range("2026-11-24", periods=3, freq="s", tz="UTC")


def log(text: str) -> pd.DataFrame:
    """Log lines with this text in every column."""
    said = {"service": text, "level": "error", "msg": text, "request_id": text, "error": text, "path": text}
    return pd.DataFrame([{"ts": moment, **said} for moment in TIMES])


@pytest.mark.parametrize("text", TEXTS)
def test_a_picture_takes_any_text(text: str) -> None:
    """matplotlib draws it without a warning, and the text around the picture has no control character."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ResourceWarning)  # of what another test has left to the garbage collector
        warnings.filterwarnings("ignore", "Glyph .* missing")
        shown = one_clock(text, logs=log(text))
    assert "data:image/png" in shown.html
    assert ACTIVE.search(shown.html) is None
    assert ACTIVE.search(shown.text) is None


@pytest.fixture
def shown() -> Iterator[Callable[[object], dict[str, str]]]:
    """What a lesson's kernel shows of a value, by media type."""
    shell: Any = InteractiveShell.instance()
    tables.escape_dataframes()
    yield lambda value: shell.display_formatter.format(value)[0]
    InteractiveShell.clear_instance()


@pytest.mark.parametrize("text", TEXTS)
def test_a_frame_that_a_cell_shows_does_not_act(shown: Callable[[object], dict[str, str]], text: str) -> None:
    """On the page and as text, in cells, names and index; pandas shortens a long frame as usual."""
    frame = pd.DataFrame({"msg": [text], text: [text]}, [text])
    found = shown(frame)
    assert ACTIVE.search(found["text/html"] + found["text/plain"]) is None
    assert found["text/html"].startswith("<div>\n<style")
    assert ACTIVE.search(shown(frame["msg"])["text/plain"]) is None
    long: Any = pd.DataFrame({"n": range(1_000)})
    assert shown(long)["text/html"] == long._repr_html_()


def test_a_table_has_headers_and_a_text_twin() -> None:
    """A screen reader hears caption, column heads and the name of each row; the text has the same in columns."""
    shown = table("Stops", ["container", "seconds"], [["shell", 10.2], ["direct", 0.3]])
    assert "<caption>Stops</caption>" in shown.html
    assert re.findall(r'<th scope="col">(\w+)</th>', shown.html) == ["container", "seconds"]
    assert re.findall(r'<th scope="row">(\w+)</th>', shown.html) == ["shell", "direct"]
    assert str(shown).split("\n") == ["Stops", "container  seconds", "shell      10.2", "direct     0.3"]


def test_no_text_becomes_markup_or_a_row() -> None:
    """In titles, heads and values every text is escaped; a log line cannot forge another one in the table's text."""
    text = "\"><script>x</script>&lt;b&gt; ' a=' <!--"
    html = table(text, [text], [[text]]).html
    assert html.count("<") == table("x", ["x"], [["x"]]).html.count("<")
    assert html.count(escape(text)) == 3
    assert table("Lines", ["msg"], [["one\r\ntwo"]]).text.split("\n") == ["Lines", "msg", "one\\r\\ntwo"]
