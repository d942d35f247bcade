"""The CPU time of a dashboard's picture, from tables to PNG, beside a new matplotlib figure for each picture."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks._rows import Row, cpu_pair, show
from workshop_kit.display.dashboard.renderer import DashboardRenderer
from workshop_kit.display.dashboard.view import Panel, container_view, describe
from workshop_kit.observe.watcher import Tables

POINTS = 300
SECONDS = 300.0
RUNS = 60
PANELS = (
    Panel("CPU", "% (100 = one core)", {"cpu_percent": "CPU"}),
    Panel("Memory (working set)", "MiB", {"memory_mib": "memory"}, limit=128.0),
    Panel("Held back by the CPU limit", "% of periods", {"throttled_percent": "held back"}),
    Panel("Requests", "per second", {"requests_per_second": "all"}),
)


class GrowingTable:
    """A container's measurements, one a second; each call returns the last 300 of them, one second later."""

    def __init__(self) -> None:
        noise = np.random.default_rng(7)
        count = POINTS + 10 * RUNS
        seconds = np.arange(count)
        start = pd.Timestamp("2026-01-01", tz="UTC")
        self._frame = pd.DataFrame(
            {
                "time": start + pd.to_timedelta(seconds, unit="s"),
                "container": "web",
                "cpu_percent": 40 + 10 * np.sin(seconds / 20) + noise.normal(0, 3, count),
                "state": "ok",
                "memory_mib": 60 + noise.normal(0, 1, count).cumsum() / 9,
                "throttled_percent": np.abs(noise.normal(5, 2, count)),
                "requests_per_second": 20 + noise.normal(0, 2, count),
            }
        )
        self._first_row = 0

    def __call__(self) -> tuple[pd.DataFrame, float]:
        """Return the table and its newest time in seconds since 1970."""
        self._first_row += 1
        frame = self._frame.iloc[self._first_row : self._first_row + POINTS]
        newest = frame["time"].iloc[-1]
        return frame, newest.timestamp()


def dashboard_picture() -> Callable[[], object]:
    """Return a function that draws a picture as the dashboard does: view, PNG and alt text."""
    table = GrowingTable()
    renderer = DashboardRenderer()

    def work() -> None:
        frame, now = table()
        view = container_view(Tables(requests=frame), (), "web", now, SECONDS, PANELS)
        renderer.png("Resources", view)
        describe("Resources", view)

    return work


def new_figure() -> Callable[[], object]:
    """Return a function that draws a new figure each time, saved as notebooks show figures."""
    table = GrowingTable()

    def work() -> None:
        frame, _ = table()
        figure = Figure(figsize=(8.6, 4.1), dpi=100)
        FigureCanvasAgg(figure)
        for axes, panel in zip(figure.subplots(2, 2).flat, PANELS, strict=True):
            column = next(iter(panel.columns))
            axes.plot(frame["time"], frame[column], marker="o", markevery=10)
            axes.set_title(panel.title)
        figure.savefig(io.BytesIO(), format="png", bbox_inches="tight")

    return work


def main() -> None:
    """Measure both in turn."""
    our_seconds, their_seconds = cpu_pair(dashboard_picture(), new_figure(), RUNS)
    work = f"CPU per picture, 4 panels × 300 points ({1000 * our_seconds:.1f} ms)"
    beside = f"matplotlib {version('matplotlib')}, new figure, bbox tight"
    show([Row(work, our_seconds, RUNS, "≤ 0.06 s (6 % of a core)", beside, their_seconds)])


if __name__ == "__main__":
    main()
