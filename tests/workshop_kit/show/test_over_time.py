"""Tests of charts over time: what they say, and what they refuse."""

from __future__ import annotations

import pandas as pd
import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.show.over_time import lines

TIMES = pd.date_range("2026-11-24 16:06:00", periods=4, freq="10s", tz="UTC")


def test_lines_say_their_ranges_and_events() -> None:
    """The alt text gives each line's range and the moment of each event: it is the chart for who cannot see it."""
    frame = pd.DataFrame({"p50": [3.0, 4.0, None, 5.0], "p99": [None] * 4}, index=TIMES)
    shown = lines("Latency", frame, "ms", events={TIMES[2]: "redis hangs"})
    assert "p50 from 3 to 5; p99 has no values" in str(shown)
    assert "redis hangs at 16:06:20." in str(shown)
    assert 'alt="Line chart: Latency. In ms:' in shown.html


def test_nothing_to_draw_is_said() -> None:
    """Without rows, or without times, it is one sentence with a next step."""
    with pytest.raises(WrongUsage, match="there is nothing to draw"):
        lines("Empty", pd.DataFrame({"a": []}, index=TIMES[:0]), "lines")
    with pytest.raises(WrongUsage, match="holds no times"):
        lines("Numbers", pd.DataFrame({"a": [1]}), "lines")
