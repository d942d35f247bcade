"""The dashboard and an incident on one time axis; text in pictures, tables and DataFrames acts on nothing."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell

from tests.workshop_kit.display.recorded import EDGE, FAULT, HOSTILE, SECONDS, lines, tables
from workshop_kit.display.dashboard import renderer
from workshop_kit.display.dashboard.renderer import DashboardRenderer
from workshop_kit.display.dashboard.view import View, container_view
from workshop_kit.display.incident_chart import one_clock
from workshop_kit.display.rendered import escape_dataframes, table
from workshop_kit.observe.watcher import Tables


def view(dependency: str = "redis") -> View:
    """The recording, seen at its end."""
    return container_view(tables(dependency=dependency), (FAULT,), "service", EDGE, SECONDS)


def test_only_what_matters_is_marked_and_resources_are_shares_of_their_limits() -> None:
    """No other container, no pause; 25 % of a core with a limit of half a core is half, 179 of 256 MiB are 70 %."""
    labels = [mark.label for mark in view().marks]
    assert labels == ["redis unhealthy", "service out of memory", "service ended (137)", "service started"]
    lines = {line.label: line.last for line in view().plots[2].lines}
    assert lines["CPU of 0.5 cores"] == 50
    assert lines["memory of 256 MiB"] == pytest.approx(100 * 179 / 256)


@pytest.mark.parametrize(
    ("cpu", "has_memory_limit", "name"),
    [(50.0, True, "limit"), (50.0, False, "limit of CPU"), (math.nan, True, "limit of memory"), (math.nan, False, "")],
)
def test_only_a_limit_that_is_set_is_drawn(cpu: float, has_memory_limit: bool, name: str) -> None:
    """Without a memory limit the engine says the machine's memory, which is no limit of the container."""
    recorded_tables = tables()
    resources = recorded_tables.resources.assign(cpu_limit_percent=cpu, has_memory_limit=has_memory_limit)
    dashboard = container_view(replace(recorded_tables, resources=resources), (), "service", EDGE, SECONDS)
    panel = dashboard.plots[2].panel
    *_, axes, _states = renderer.figure("T", dashboard).axes
    dashed = [line for line in axes.lines if line.get_linestyle() == "--"]
    limits = [line for line in dashed if np.ptp(np.asarray(line.get_ydata())) == 0]
    words = [text.get_text() for text in axes.texts if text.get_text().startswith("limit")]
    assert panel.limit_name == name
    assert words == ([name] if name else [])
    assert len(limits) == bool(name)


def test_any_name_and_a_container_without_metrics_are_drawn() -> None:
    """A name with markup, an escape and a formula stays text; without rows or known metrics the picture says so."""
    hostile = view(dependency=HOSTILE)
    assert hostile.rows[-1].name == "<b>cache</b>\\x1b[31m $x$"
    assert renderer.figure("T $x$", hostile)
    empty = container_view(Tables(), (), "service", EDGE, 60)
    assert DashboardRenderer().png("T", empty)
    assert empty.no_data_text == "no data"
    recorded_tables = tables()
    no_metrics = recorded_tables.requests.assign(state="no metrics", requests_per_second=float("nan"))
    dashboard = container_view(replace(recorded_tables, requests=no_metrics), (), "service", EDGE, 60)
    assert dashboard.no_data_text == "no data: no metrics"
    assert DashboardRenderer().png("T", dashboard)


def test_everything_stands_on_one_axis() -> None:
    """Lines by level, errors, p95, states, events and the fault; half a minute before it and after."""
    shown = one_clock("The cache stands still", tables(), logs=lines(), faults=[FAULT])
    assert "85 seconds until 12:01:45" in shown.text
    for words in (
        "of all requests 0 (at most 60)",
        "p95 12 (at most 2,000)",
        "Fault pause redis",
        "service ended (137)",
        "redis: pass",
    ):
        assert words in shown.text
    assert "85 info, 25 warning, 1 error, 1 other in all" in shown.text
    assert "Warnings and errors: 26 lines, 2 different" in shown.html
    assert shown.html.count('<th scope="row">') == 2  # the one error does not drown


TEXTS = (r"_private $x$ $\frac{a$ 100% {x:,g}", "\x1b[31mred\x07\u202eright to left")
ACTIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
TIMES = pd.date_range("2026-11-24", periods=3, freq="s", tz="UTC")


def log(text: str) -> pd.DataFrame:
    """Log lines with this text in every column."""
    fields = {"service": text, "level": "error", "msg": text, "request_id": text, "error": text, "path": text}
    return pd.DataFrame([{"ts": moment, **fields} for moment in TIMES])


@pytest.mark.parametrize("text", TEXTS)
def test_a_picture_takes_any_text(text: str) -> None:
    """matplotlib draws it without a warning, and the text around the picture has no control character."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ResourceWarning)  # of what another test has left to the garbage collector
        warnings.filterwarnings("ignore", "Glyph .* missing")
        shown = one_clock(text, Tables(), logs=log(text))
    assert "data:image/png" in shown.html
    assert ACTIVE.search(shown.html) is None
    assert ACTIVE.search(shown.text) is None


@pytest.fixture
def shown() -> Iterator[Callable[[object], dict[str, str]]]:
    """What a lesson's kernel shows of a value, by media type."""
    shell: Any = InteractiveShell.instance()
    escape_dataframes()
    yield lambda value: shell.display_formatter.format(value)[0]
    InteractiveShell.clear_instance()


@pytest.mark.parametrize("text", TEXTS)
def test_a_frame_that_a_cell_shows_does_not_act(shown: Callable[[object], dict[str, str]], text: str) -> None:
    """On the page and as text, in cells, names and index; pandas shortens a long frame as usual."""
    frame = pd.DataFrame({"msg": [text], text: [text]}, [text])
    mime_bundle = shown(frame)
    assert ACTIVE.search(mime_bundle["text/html"] + mime_bundle["text/plain"]) is None
    assert mime_bundle["text/html"].startswith("<div>\n<style")
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
