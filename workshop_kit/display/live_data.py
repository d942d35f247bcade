"""The panels of a chart, and the lines in them, read from a table with a time column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from workshop_kit.errors import WrongUsage

Numbers = npt.NDArray[np.float64]
MIB = 1 / (1 << 20)
KIB = 1 / (1 << 10)


@dataclass(frozen=True)
class Panel:
    """One set of axes: ``columns`` maps each drawn column to its label.

    In a long table ``by`` is the column (such as the container) whose values each get lines of their own, named by the
    value and the label. ``unit`` is that of the column's value × ``scale``. ``limit`` is a column, drawn as a dashed
    line. ``full_scale`` is the end of the axis while the data fit (0: it follows the data).
    """

    title: str
    unit: str
    columns: Mapping[str, str]
    by: str = ""
    limit: str = ""
    scale: float = 1.0
    full_scale: float = 0.0
    logarithmic: bool = False


@dataclass(frozen=True)
class Line:
    """One line: ``x`` in seconds before the right edge (0 or less), ``y`` in the panel's unit, NaN for a gap."""

    label: str
    x: Numbers
    y: Numbers
    limit: float | None = None

    @property
    def last(self) -> float | None:
        """The newest known value, None if there is none."""
        known = self.y[~np.isnan(self.y)]
        return float(known[-1]) if known.size else None


@dataclass(frozen=True)
class Plot:
    """A panel with its lines."""

    panel: Panel
    lines: tuple[Line, ...]


def container_panels() -> tuple[Panel, ...]:
    """Return the four panels of containers' resources, for the table of `observe.stats`."""
    return (
        Panel("CPU", "% (100 = one core)", {"cpu_percent": ""}, by="container"),
        Panel("Memory (working set)", "MiB", {"memory_bytes": ""}, "container", "memory_limit_bytes", MIB),
        Panel("Held back by the CPU limit", "% of periods", {"throttled_percent": ""}, by="container"),
        Panel("Network received", "KiB/s", {"network_rx_bytes_per_second": ""}, by="container", scale=KIB),
    )


def times(frame: pd.DataFrame) -> Numbers:
    """Return the column ``time``, which holds timestamps or seconds, in seconds since 1970."""
    if "time" not in frame:
        raise WrongUsage("The live chart's table has no column time.", "Let its source give one, or rename it.")
    column = frame["time"]
    if pd.api.types.is_datetime64_any_dtype(column):
        microseconds: Numbers = column.dt.as_unit("us").astype("int64").to_numpy() / 1e6
        return microseconds
    seconds: Numbers = column.to_numpy(dtype="float64")
    return seconds


def read(frame: pd.DataFrame, panels: Sequence[Panel], right_edge: float, seconds: float) -> tuple[Plot, ...]:
    """Return the lines of every panel over the ``seconds`` before ``right_edge`` (seconds since 1970).

    The rows of one line must be in order of time. Raises WrongUsage for a missing column.
    """
    for panel in panels:
        missing = [name for name in (*panel.columns, panel.by, panel.limit) if name and name not in frame]
        if missing and len(frame.columns):
            there = ", ".join(map(str, frame.columns))
            raise WrongUsage(f"The table for {panel.title!r} has no column {', '.join(missing)}.", f"It has: {there}.")
    if frame.empty:
        return tuple(Plot(panel, ()) for panel in panels)
    x = times(frame) - right_edge
    seen = x >= -seconds
    groups = {by: tuple(_groups(frame[by], seen)) for by in {panel.by for panel in panels if panel.by}}
    everything = (("", np.flatnonzero(seen)),)
    return tuple(Plot(panel, tuple(_lines(frame, panel, x, groups.get(panel.by, everything)))) for panel in panels)


def describe(title: str, plots: Sequence[Plot], seconds: float) -> str:
    """Return what the picture shows in words: every line's newest value, range and limit."""
    said = [f"{title}, the last {seconds:g} seconds."]
    for plot in plots:
        lines = [_line_text(line, plot.panel.unit) for line in plot.lines if line.last is not None]
        said.append(f"{plot.panel.title}: {'; '.join(lines) or 'no data yet'}.")
    return " ".join(said)


def rounded(number: float) -> str:
    """Return a number with two digits or more: ``1,234``, ``12``, ``1.2``, ``0``."""
    return f"{number:,.0f}" if abs(number) >= 10 or number == 0 else f"{number:.1f}"


def _groups(column: pd.Series, seen: npt.NDArray[np.bool_]) -> Iterator[tuple[str, npt.NDArray[np.intp]]]:
    codes, names = pd.factorize(column)
    for code, name in enumerate(names):
        rows = np.flatnonzero(seen & (codes == code))
        if rows.size:
            yield str(name), rows


def _lines(
    frame: pd.DataFrame, panel: Panel, x: Numbers, groups: Sequence[tuple[str, npt.NDArray[np.intp]]]
) -> Iterator[Line]:
    limits = frame[panel.limit].to_numpy(dtype="float64") * panel.scale if panel.limit else None
    for column, label in panel.columns.items():
        y = frame[column].to_numpy(dtype="float64") * panel.scale
        for name, rows in groups:
            yield Line(f"{name} {label}".strip(), x[rows], y[rows], _newest(limits, rows))


def _newest(limits: Numbers | None, rows: npt.NDArray[np.intp]) -> float | None:
    if limits is None:
        return None
    known = limits[rows][~np.isnan(limits[rows])]
    return float(known[-1]) if known.size else None


def _line_text(line: Line, unit: str) -> str:
    limit = f", limit {line.limit:.4g}" if line.limit is not None else ""
    return (
        f"{line.label} now {line.last:.4g} {unit}, between {np.nanmin(line.y):.4g} and {np.nanmax(line.y):.4g}{limit}"
    )
