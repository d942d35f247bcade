"""A container and an incident on one time axis; text in pictures, tables and DataFrames acts on nothing."""

from __future__ import annotations

import re
import warnings
from typing import Any

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from markupsafe import escape

from tests.workshop_kit.display.recorded import FAULT, SECONDS, at, lines, tables
from workshop_kit.display.one_clock import one_clock
from workshop_kit.display.panels import PANELS
from workshop_kit.display.rendered import escape_dataframes, table
from workshop_kit.display.timeline import Timeline
from workshop_kit.observe.watcher import Tables


def timeline(title: str, dependency: str = "redis") -> Timeline:
    """The recording as a figure, from its begin to its end."""
    recorded = tables(dependency)
    whole = (recorded.measurements(), at(0), at(SECONDS), PANELS, recorded.health, recorded.events, [FAULT])
    return Timeline(title, "service", *whole)


def test_one_table_has_all_that_was_measured() -> None:
    """Traffic, probes, and usage as a share of the limits: 25 % of a core with a limit of half a core is half."""
    last = tables().measurements().iloc[-1]
    assert (last["requests_per_second"], last["/livez"], last["cpu_percent"]) == (20, "pass", 50)
    assert last["memory_percent"] == pytest.approx(100 * 179 / 256)


def test_a_timeline_has_its_values_in_words() -> None:
    """The fault, and the events of the container and its dependencies: no other container, no pause."""
    text = timeline("Live").text()
    assert "p95 12 (max 2,000) ms" in text
    assert "pause redis from 12:00:50 to 12:01:15." in text
    for words in ("redis health check unhealthy", "service out of memory", "service ended (137)", "service started"):
        assert f"{words} at 12:01:" in text
    assert "load generator" not in text
    assert "redis: pass since 12:01:15." in text


def test_what_is_not_known_is_said() -> None:
    """A container without an answer is drawn, too; in any size."""
    empty = Timeline("T", "service", Tables().measurements(), at(0), at(60))
    assert "Latency of requests: p50 not known" in empty.text()
    assert empty.png((9.6, 5.4), 50)


def test_everything_stands_on_one_clock() -> None:
    """Lines by level, errors, p95 and the fault; half a minute before it and after. Other logs have no lines there."""
    recorded = tables()
    shown = one_clock("The cache stands still", recorded, recorded.measurements(), logs=lines(), faults=[FAULT])
    assert "from 12:00:20 to 12:01:45" in shown.text
    assert "of all requests 0 (max 60) %" in shown.text
    assert "Log lines: 1 error, 25 warning, 85 info, 1 other." in shown.text
    for log in (pd.DataFrame(), lines()[:0], pd.DataFrame({"msg": ["hello"]})):
        assert "Log lines: none." in one_clock("T", recorded, recorded.measurements(), logs=log).text


TEXTS = (r"_private $x$ $\frac{a$ 100% {x:,g}", "\x1b[31mred\x07\u202eright to left")
ACTIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


@pytest.mark.parametrize("text", TEXTS)
def test_a_picture_takes_any_text(text: str) -> None:
    """matplotlib draws it without a warning, and the text around the picture has no control character."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ResourceWarning)  # of what another test has left to the garbage collector
        warnings.filterwarnings("ignore", "Glyph .* missing")
        shown = timeline(text, text).picture()
    assert "data:image/png" in shown.html
    assert ACTIVE.search(shown.html + shown.text) is None


@pytest.mark.parametrize("text", TEXTS)
def test_a_frame_that_a_cell_shows_does_not_act(text: str) -> None:
    """On the page and as text, in cells, names and index; pandas shortens a long frame as usual."""
    shell: Any = InteractiveShell.instance()
    escape_dataframes()
    frame = pd.DataFrame({"msg": [text], text: [text]}, [text])
    shown, _ = shell.display_formatter.format(frame)
    assert shown["text/html"].startswith("<div>\n<style")
    assert ACTIVE.search(shown["text/html"] + shown["text/plain"]) is None
    long_frame: Any = pd.DataFrame({"n": range(1_000)})
    assert shell.display_formatter.format(long_frame)[0]["text/html"] == long_frame._repr_html_()
    InteractiveShell.clear_instance()


def test_a_table_has_headers_and_a_text_twin() -> None:
    """A screen reader hears caption, column heads and the name of each row; the text has the same in columns."""
    shown = table("Stops", ["container", "seconds"], [["shell", 10.2], ["direct", 0.3]])
    assert "<caption>Stops</caption>" in shown.html
    assert re.findall(r'<th scope="(?:col|row)">(\w+)</th>', shown.html) == ["container", "seconds", "shell", "direct"]
    assert str(shown).split("\n") == ["Stops", "container  seconds", "shell      10.2", "direct     0.3"]


def test_no_text_becomes_markup_or_a_row() -> None:
    """In titles, heads and values every text is escaped; a log line cannot forge another one in the table's text."""
    text = "\"><script>x</script>&lt;b&gt; ' a=' <!--"
    html = table(text, [text], [[text]]).html
    assert html.count(escape(text)) == 3
    assert "<script" not in html
    assert table("Lines", ["msg"], [["one\r\ntwo"]]).text.split("\n") == ["Lines", "msg", "one\\r\\ntwo"]
