"""Counts over time as stacked bars: log lines by level. Levels differ in hatching, not only in color."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from workshop_kit.display import charts
from workshop_kit.display.dashboard import axes
from workshop_kit.display.dashboard.view import Bars

LOOKS: dict[str, tuple[str, str]] = {
    "error": ("#a8264f", ""),
    "warning": ("#b3470b", "////"),
    "info": ("#9cc3e6", ""),
    "debug": ("#c8ccd0", "...."),
    "other": ("#e6dcf5", "xxxx"),
}
"""Color and hatching of each level, the gravest first, which stands at the bottom."""


def draw(ax: Axes, bars: Bars) -> None:
    """Draw them, with title, unit, and what each layer is."""
    axes.name_panel(ax, bars.title, bars.unit)
    below = np.zeros(len(bars.starts))
    named = []
    for name, (color, hatch) in LOOKS.items():
        counts = bars.counts.get(name)
        if counts is None or not counts.any():
            continue
        look: dict[str, Any] = {"facecolor": color, "hatch": hatch, "edgecolor": charts.INK, "linewidth": 0.3}
        ax.bar(bars.starts, counts, bars.step * 0.94, below, align="edge", **look)
        below += counts
        named.append((f"{name} ({counts.sum():,.0f})", look, 0.9))
    ax.set_ylim(0, max(1.0, float(below.max(initial=0)) * 1.12))
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.name_boxes(ax, named, step=0.2)
    if not named:
        axes.write(ax, 0.5, 0.5, "no lines", size=10, ha="center")
