"""Tests of charts over time: what they say, and what they refuse."""

from __future__ import annotations

import pandas as pd
import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.show.over_time import lines, stacks

TIMES = pd.date_range("2026-11-24 16:06:00", periods=4, freq="10s", tz="UTC")


def test_lines_say_their_ranges_and_events() -> None:
    """The alt text gives each line's range and the moment of each event: it is the chart for who cannot see it."""
    frame = pd.DataFrame({"p50": [3.0, 4.0, None, 5.0], "p99": [None] * 4}, index=TIMES)
    shown = lines("Latency", frame, "ms", events={TIMES[2]: "redis hangs"})
    assert "p50 from 3 to 5; p99 has no values" in str(shown)
    assert "redis hangs at 16:06:20." in str(shown)
    assert 'alt="Line chart: Latency. In ms:' in shown.html


def test_stacks_say_their_sums() -> None:
    """The alt text of stacked bars gives what each layer adds up to, and its highest."""
    frame = pd.DataFrame({"info": [10, 20, 30, 40], "error": [0, 0, 7, 2]}, index=TIMES)
    assert "info 100, at most 40; error 9, at most 7." in str(stacks("Lines", frame, "lines"))


@pytest.mark.parametrize("draw", [lines, stacks])
def test_nothing_to_draw_is_said(draw: object) -> None:
    """Without rows, or without times, it is one sentence with a next step."""
    with pytest.raises(WrongUsage, match="there is nothing to draw"):
        draw("Empty", pd.DataFrame({"a": []}, index=TIMES[:0]), "lines")  # type: ignore[operator]
    with pytest.raises(WrongUsage, match="holds no times"):
        draw("Numbers", pd.DataFrame({"a": [1]}), "lines")  # type: ignore[operator]
