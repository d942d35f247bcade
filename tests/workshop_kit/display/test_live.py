"""The live chart without a page: its data and its end. Clicks are tested in tests/browser."""

from __future__ import annotations

import threading

import numpy as np
import pandas as pd
import pytest

from workshop_kit.display.live import LiveChart, Panel, Screens
from workshop_kit.display.live_data import describe, read

PANEL = Panel("CPU", "%", {"cpu": ""}, by="container", limit="limit", scale=2)


def long(count: int = 10) -> pd.DataFrame:
    """Two containers, one row a second each, the last at 1000 + count - 1."""
    rows = [
        {"time": 1000.0 + n, "container": name, "cpu": float(n), "limit": 20.0, "wide": 1.0}
        for n in range(count)
        for name in ("<b>web</b>", "db")
    ]
    return pd.DataFrame(rows)


def threads() -> list[str]:
    """The names of the live charts' threads."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("live chart")]


def test_the_alt_text_tells_values_and_gaps() -> None:
    """It has the newest known value, the range and the limit, but no line of gaps."""
    frame = long()
    frame.loc[frame["container"] == "db", "cpu"] = np.nan
    said = describe("T", read(frame, [PANEL], 1009, 60), 60)
    assert "now 18 %, between 0 and 18, limit 40" in said
    assert "db" not in said


def test_headless_draws_once_and_leaves_no_thread(capsys: pytest.CaptureFixture[str]) -> None:
    """The picture comes after the limit, no thread runs on, and the table is escaped."""
    chart = LiveChart(long, [PANEL], "Loads", headless_seconds=0.1).show(Screens(headless=True))
    assert not chart.is_running
    assert threads() == []
    html = chart.picture().html
    assert "data:image/png" in html
    assert "Data: 20 rows" in html
    assert "<b>" not in html


def test_one_chart_a_name_and_it_ends_by_itself() -> None:
    """Showing a name again ends the former chart; a chart ends after its time; stop can be called again."""
    screens = Screens()
    first = LiveChart(long, [PANEL], "Loads").show(screens)
    second = LiveChart(long, [PANEL], "Loads", stop_after_seconds=0.2).show(screens)
    assert not first.is_running
    second.wait()
    assert threads() == []
    screens.stop()
    second.stop()


def test_a_source_that_fails_ends_the_chart_with_a_sentence() -> None:
    """It has the type of the error but not its text, which may hold a secret."""

    def source() -> pd.DataFrame:
        raise ValueError("password=canary")

    chart = LiveChart(source, [PANEL], "Loads").show(Screens())
    chart.wait()
    assert "ValueError" in str(chart.picture())
    assert "canary" not in chart.picture().html
