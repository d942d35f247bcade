"""Charts of tables whose index is time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib import dates
from matplotlib.axes import Axes

from workshop_kit.errors import WrongUsage
from workshop_kit.show.charts import COLORS, INK, SOFT, legend_label, new_figure, picture
from workshop_kit.show.shown import Shown

AXIS = "time (UTC)"
STYLES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "x")


def lines(title: str, frame: pd.DataFrame, unit: str, *, events: Mapping[Any, str] | None = None) -> Shown:
    """Return a line for each column of ``frame`` over its index of times; a missing value is a gap.

    ``events`` maps moments to a few words, drawn as upright lines. Lines differ in dash and marker, not only in color.
    """
    times = _times(title, frame)
    figure, (axes,) = new_figure(title, 3.4)
    for number, name in enumerate(frame.columns):
        axes.plot(
            times,
            frame[name].astype(float),
            label=legend_label(name),
            color=COLORS[number % len(COLORS)],
            linestyle=STYLES[number % len(STYLES)],
            marker=MARKERS[number % len(MARKERS)],
            markersize=3.5,
        )
    axes.set_ylim(bottom=0)
    _finish(axes, unit, events or {})
    figure.legend(loc="outside lower left", ncols=6, fontsize=9, frameon=False, labelcolor=INK)
    said = [_range(str(name), frame[name]) for name in frame.columns]
    return picture(figure, f"Line chart: {title}. In {unit}: {'; '.join(said)}.{_said(events or {})}")


def _times(title: str, frame: pd.DataFrame) -> pd.DatetimeIndex:
    if frame.empty or not len(frame.columns):
        raise WrongUsage(f"{title}: there is nothing to draw.", "Give it a table with at least one row and one column.")
    if not isinstance(frame.index, pd.DatetimeIndex):
        raise WrongUsage(f"{title}: the table's index holds no times.", "Group it by a column of times first.")
    return frame.index


def _finish(axes: Axes, unit: str, events: Mapping[Any, str]) -> None:
    axes.set_xlabel(AXIS)
    axes.set_ylabel(unit, color=SOFT, fontsize=9)
    locator = dates.AutoDateLocator(maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    for moment, words in events.items():
        axes.axvline(moment, color=INK, linewidth=1, linestyle=(0, (1, 2)))
        axes.annotate(
            words,
            (dates.date2num(moment), 1),  # type: ignore[no-untyped-call]
            (4, -10),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            fontsize=9,
            color=INK,
        )


def _range(name: str, values: pd.Series) -> str:
    known = values.dropna()
    return f"{name} from {known.min():,.4g} to {known.max():,.4g}" if len(known) else f"{name} has no values"


def _said(events: Mapping[Any, str]) -> str:
    return "".join(f" {words} at {pd.Timestamp(moment):%H:%M:%S}." for moment, words in events.items())
