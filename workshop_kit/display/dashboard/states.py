"""How a state looks: every one differs from the others in color, in height, in hatching, and by its letter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D

from workshop_kit.display import charts
from workshop_kit.display.dashboard.view import Row, Run

Quad = Sequence[tuple[float, float]]
NARROW = 0.02
"""A run shorter than this share of the time shown has no room for its letter; its height and color still tell it."""


@dataclass(frozen=True)
class Look:
    """A state's fill, edge, hatching, letter (and the letter's color), and how much of its row it takes."""

    face: str
    edge: str
    hatch: str
    letter: str
    ink: str
    height: float

    @property
    def box(self) -> dict[str, Any]:
        """As matplotlib wants it."""
        return {"facecolor": self.face, "edgecolor": self.edge, "hatch": self.hatch, "linewidth": 0.8}


LOOKS: Mapping[str, Look] = {
    "pass": Look("#bfe3d2", "#1a7f5a", "", "P", charts.INK, 0.46),
    "warn": Look("#ffd9b8", "#b3470b", "////", "W", charts.INK, 0.64),
    "fail": Look("#a8264f", "#6d1030", "", "F", "#ffffff", 0.86),
    "no answer": Look("#ffffff", "#1f2328", "....", "N", charts.INK, 0.86),
}


class StatesArtists:
    """The moving parts of a panel of states; row 0 is on top."""

    def __init__(self, axes: Axes) -> None:
        self.axes = axes
        self.bars: dict[str, PolyCollection] = {}
        self.letters: dict[str, Line2D] = {}
        for state, look in LOOKS.items():
            bars = PolyCollection([], animated=True, **look.box)
            axes.add_collection(bars, autolim=False)
            self.bars[state] = bars
            style = {"marker": f"$\\mathbf{{{look.letter}}}$", "color": look.ink, "markersize": 6, "mew": 0}
            (self.letters[state],) = axes.plot([], [], linestyle="none", animated=True, **style)  # type: ignore[arg-type]

    def put(self, rows: Iterable[Row], seconds: float) -> None:
        """Give them their runs."""
        quads: dict[str, list[Quad]] = {state: [] for state in LOOKS}
        places: dict[str, list[tuple[float, float]]] = {state: [] for state in LOOKS}
        for number, row in enumerate(rows):
            for run in row.runs:
                if run.state not in LOOKS:
                    continue
                quads[run.state].append(_quad(run, number))
                if run.end - run.start >= NARROW * seconds:
                    places[run.state].append((run.start + 0.55 * NARROW * seconds, number))
        for state in LOOKS:
            self.bars[state].set_verts(quads[state])
            at = np.array(places[state]).reshape(-1, 2)
            self.letters[state].set_data(at[:, 0], at[:, 1])


def _quad(run: Run, number: int) -> Quad:
    half = LOOKS[run.state].height / 2
    low, high = number - half, number + half
    return [(run.start, low), (run.end, low), (run.end, high), (run.start, high)]
