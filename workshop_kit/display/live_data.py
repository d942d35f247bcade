"""The panels of a chart, and the lines in them, read from a table with a column ``time``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """One set of axes: ``columns`` maps each drawn column to its label.

    ``limit`` is a column, drawn as a dashed line. ``full_scale`` is the end of the axis while the data fit (0: it
    follows the data).
    """

    title: str
    unit: str
    columns: Mapping[str, str]
    limit: str = ""
    full_scale: float = 0.0
    logarithmic: bool = False


@dataclass(frozen=True)
class PanelLine:
    """One line: ``x`` in seconds before the right edge (0 or less), ``y`` in the panel's unit, NaN for a gap."""

    label: str
    x: Numbers
    y: Numbers
    limit: float | None = None

    @property
    def last(self) -> float | None:
        """The newest known value, None if there is none."""
        return newest(self.y)


@dataclass(frozen=True)
class Plot:
    """A panel with its lines."""

    panel: Panel
    lines: tuple[PanelLine, ...]


def times(frame: pd.DataFrame) -> Numbers:
    """Return the column ``time`` in seconds since 1970."""
    microseconds: Numbers = frame["time"].dt.as_unit("us").astype("int64").to_numpy() / 1e6
    return microseconds


def read(frame: pd.DataFrame, panels: Sequence[Panel], right_edge: float, seconds: float) -> tuple[Plot, ...]:
    """Return the lines of every panel over the ``seconds`` before ``right_edge`` (seconds since 1970).

    The rows must be in order of time.
    """
    if frame.empty:
        return tuple(Plot(panel, ()) for panel in panels)
    seen = frame[times(frame) >= right_edge - seconds]
    x = times(seen) - right_edge
    return tuple(Plot(panel, tuple(_lines(seen, panel, x))) for panel in panels)


def _lines(seen: pd.DataFrame, panel: Panel, x: Numbers) -> Iterator[PanelLine]:
    limit = newest(seen[panel.limit].to_numpy("float64")) if panel.limit else None
    for column, label in panel.columns.items():
        yield PanelLine(label, x, seen[column].to_numpy("float64"), limit)


def newest(values: Numbers) -> float | None:
    """Return the last known value; None if there is none."""
    known = values[~np.isnan(values)]
    return float(known[-1]) if known.size else None


def rounded(number: float) -> str:
    """Return a number with two digits or more: ``1,234``, ``12``, ``1.2``, ``0``."""
    return f"{number:,.0f}" if abs(number) >= 10 or number == 0 else f"{number:.1f}"
