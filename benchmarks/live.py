"""The CPU time of a live chart's frame, from table to PNG, beside a new matplotlib figure for each frame."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks._rows import Row, cpu_pair, show
from workshop_kit.display.live_data import container_panels, describe, read
from workshop_kit.display.live_figure import LiveRenderer

POINTS, SECONDS = 300, 300.0
RUNS = 60
PANELS = container_panels()


class Growing:
    """A container's statistics once a second; every call gives the table one second later, 300 rows long."""

    def __init__(self) -> None:
        noise = np.random.default_rng(7)
        count = POINTS + 10 * RUNS
        start = pd.Timestamp("2026-01-01", tz="UTC")
        self._frame = pd.DataFrame(
            {
                "time": start + pd.to_timedelta(np.arange(count), unit="s"),
                "container": "web",
                "cpu_percent": 40 + 10 * np.sin(np.arange(count) / 20) + noise.normal(0, 3, count),
                "memory_bytes": 60e6 + noise.normal(0, 1e6, count).cumsum() / 9,
                "memory_limit_bytes": 128.0 * 2**20,
                "throttled_percent": np.abs(noise.normal(5, 2, count)),
                "network_rx_bytes_per_second": 2e5 + noise.normal(0, 2e4, count),
            }
        )
        self._at = 0

    def __call__(self) -> tuple[pd.DataFrame, float]:
        """The table and its newest time in seconds since 1970."""
        self._at += 1
        frame = self._frame.iloc[self._at : self._at + POINTS]
        return frame, frame["time"].iloc[-1].timestamp()


def ours(data: Growing) -> Callable[[], object]:
    """The frame as the live chart makes it: lines, picture and alt text."""
    renderer = LiveRenderer("Resources", SECONDS)

    def work() -> None:
        frame, now = data()
        plots = read(frame, PANELS, now, SECONDS)
        renderer.png(plots)
        describe("Resources", plots, SECONDS)

    return work


def new_figure(data: Growing) -> Callable[[], object]:
    """A new figure for every frame, saved as notebooks show figures."""

    def work() -> None:
        frame, _ = data()
        figure = Figure(figsize=(8.6, 4.1), dpi=100)
        FigureCanvasAgg(figure)
        for axes, panel in zip(figure.subplots(2, 2).flat, PANELS, strict=True):
            axes.plot(frame["time"], frame[next(iter(panel.columns))], marker="o", markevery=10)
            axes.set_title(panel.title)
        figure.savefig(io.BytesIO(), format="png", bbox_inches="tight")

    return work


def main() -> None:
    """Measure both in turn."""
    mine, theirs = cpu_pair(ours(Growing()), new_figure(Growing()), RUNS)
    frame, beside = (
        "CPU per frame, 4 panels × 300 points",
        f"matplotlib {version('matplotlib')}, new figure, bbox tight",
    )
    second = f"CPU per second at 2 Hz, drawing alone ({200 * mine:.1f} % of a core)"
    show(
        [
            Row(frame, mine, RUNS, "≤ 0.015 s", beside, theirs),
            Row(second, 2 * mine, RUNS, "≤ 0.06 s (6 % of a core)"),
        ]
    )


if __name__ == "__main__":
    main()
