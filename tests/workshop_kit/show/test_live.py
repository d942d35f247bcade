"""The live chart without a page: what is read, what is drawn, how it ends. Clicks are tested in tests/browser."""

from __future__ import annotations

import threading
import time

import numpy as np
import pandas as pd
import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.observe import stats
from workshop_kit.show.live import LiveChart, Panel, Screens, container_panels
from workshop_kit.show.live_data import describe, read
from workshop_kit.show.live_figure import Frames, top_of

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


def test_a_long_table_gives_a_line_for_each_container() -> None:
    """Lines are named after the container, in the panel's unit, in seconds before the edge, within the window."""
    (plot,) = read(long(), [PANEL], 1009, 5)
    assert [line.label for line in plot.lines] == ["<b>web</b>", "db"]
    assert plot.lines[0].x.tolist() == [-5, -4, -3, -2, -1, 0]
    assert plot.lines[0].y.tolist() == [8, 10, 12, 14, 16, 18]
    assert plot.lines[0].limit == 40


def test_the_sampler_s_table_fits_the_ready_panels() -> None:
    """Every column that `container_panels` names is one of the statistics."""
    empty = stats.frame([])
    assert [plot.panel for plot in read(empty, container_panels(), 0, 60)] == list(container_panels())


def test_a_missing_column_is_named() -> None:
    """The error says which column is missing and which are there."""
    with pytest.raises(WrongUsage, match="no column latency"):
        read(long(), [Panel("L", "ms", {"latency": ""})], 1009, 5)


def test_the_alt_text_tells_values_and_gaps() -> None:
    """The newest known value, the range and the limit are said; a line of gaps is not."""
    frame = long()
    frame.loc[frame["container"] == "db", "cpu"] = np.nan
    said = describe("T", read(frame, [PANEL], 1009, 60), 60)
    assert "now 18 %, between 0 and 18, limit 40" in said
    assert "db" not in said


@pytest.mark.parametrize(("value", "top"), [(0, 1), (0.9, 2), (10, 20), (80, 100), (90, 200), (260, 300)])
def test_axes_have_steps_with_headroom(value: float, top: float) -> None:
    """1, 2, 3 or 5 × a power of ten, at least 15 % above the data; it stays while it fits."""
    assert top_of(value) == top
    assert top_of(value, 1.5 * max(value, 1)) in (top, 1.5 * max(value, 1))


def test_only_a_change_of_scale_draws_all_again() -> None:
    """Data that moves within its axes costs no redraw; data that leaves them one; frames differ all the same."""
    frames = Frames("T", 60)
    pictures = {frames.png(read(long(10), [PANEL], 1009 + n, 60)) for n in range(5)}
    assert len(pictures) == 5
    assert frames.redraws == 1
    frames.png(read(long(60), [PANEL], 1059, 60))
    assert frames.redraws == 2


def test_headless_draws_once_and_leaves_no_thread(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody watches, the picture stands after the limit, nothing runs on, and the table is escaped."""
    started = time.monotonic()
    chart = LiveChart(long, [PANEL], "Loads", headless_seconds=0.1).show(Screens(headless=True))
    assert time.monotonic() - started < 60
    assert not chart.is_running
    assert threads() == []
    html = chart.picture().html
    assert "data:image/png" in html
    assert "Data: 20 rows" in html
    assert "<b>" not in html


def test_one_chart_a_name_and_it_ends_by_itself() -> None:
    """Showing a name again ends the chart before; a chart whose time is over ends; stop can be called again."""
    screens = Screens()
    first = LiveChart(long, [PANEL], "Loads").show(screens)
    second = LiveChart(long, [PANEL], "Loads", stop_after_seconds=0.2).show(screens)
    assert not first.is_running
    second.wait()
    assert threads() == []
    screens.stop()
    second.stop()


def test_a_source_that_fails_ends_the_chart_with_a_sentence() -> None:
    """The kind of the error is said, never its words: they may hold a secret."""

    def source() -> pd.DataFrame:
        raise ValueError("password=canary")

    chart = LiveChart(source, [PANEL], "Loads").show(Screens())
    chart.wait()
    assert "ValueError" in str(chart.picture())
    assert "canary" not in chart.picture().html
