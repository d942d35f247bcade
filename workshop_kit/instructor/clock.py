"""What the room sees on one clock: symptoms, and where something was changed, never what. Tables in, data out; pure.

Only the three probes are shown of health, and nothing of the engine's events: both would name who was hit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from workshop_kit.display.dashboard.view import Fault, Row, rows
from workshop_kit.display.live_data import Line, Numbers, Panel, read, rounded, times
from workshop_kit.observe.watch import Tables
from workshop_kit.observe.watch.scraper import PROBE_PATHS

CHANGED = "something was changed here"
STEP_SECONDS = 2.0
RATES = Panel(
    "Requests, and those that failed",
    "a second",
    {"requests_per_second": "all", "errors_per_second": "failed"},
)
SLOW = Panel("95 of 100 answers came within", "ms", {"p95_ms": "95 of 100"}, logarithmic=True)
GRADES = ("error", "warning", "other")
GRADE = {"error": "error", "critical": "error", "fatal": "error", "warning": "warning", "warn": "warning"}


@dataclass(frozen=True)
class Band:
    """A time in which something was different, in seconds before the right edge (0 or less)."""

    start: float
    end: float


@dataclass(frozen=True)
class Bars:
    """Log lines in each step: ``counts`` by grade, from ``starts`` (seconds before the right edge) on."""

    starts: Numbers
    counts: dict[str, Numbers]

    def newest(self, grade: str, seconds: float) -> int:
        """How many lines of a grade came in the last ``seconds``."""
        return int(self.counts[grade][self.starts >= -seconds - STEP_SECONDS / 2].sum())


@dataclass(frozen=True)
class Clock:
    """The picture as data, over the ``seconds`` before ``edge`` (seconds since 1970)."""

    edge: float
    seconds: float
    rows: tuple[Row, ...]
    asked: Line | None
    failed: Line | None
    slow: Line | None
    bars: Bars
    bands: tuple[Band, ...]


def clock(
    tables: Tables, lines: pd.DataFrame, faults: Iterable[Fault], container: str, edge: float, seconds: float
) -> Clock:
    """Read what there is to show of one container. ``lines`` has ``time`` and ``level``."""
    requests = tables.requests[tables.requests["container"] == container]
    health = tables.health[(tables.health["container"] == container) & tables.health["what"].isin(PROBE_PATHS)]
    rates, slow = (plot.lines for plot in read(requests[times(requests) <= edge], [RATES, SLOW], edge, seconds))
    return Clock(
        edge,
        seconds,
        rows(health[times(health) <= edge], edge, seconds),
        _line(rates, "all"),
        _line(rates, "failed"),
        _line(slow, "95 of 100"),
        _bars(lines, edge, seconds),
        bands(((one.started, one.ended) for one in faults), edge, seconds),
    )


def bands(changes: Iterable[tuple[datetime, datetime | None]], edge: float, seconds: float) -> tuple[Band, ...]:
    """When anything was different, within the time shown; what overlaps is one, so that nobody can count.

    >>> from datetime import UTC, datetime
    >>> at = lambda second: datetime.fromtimestamp(second, UTC)
    >>> bands([(at(10), at(20)), (at(15), None), (at(0), at(1))], edge=30, seconds=25)
    (Band(start=-20.0, end=0.0),)
    """
    merged: list[Band] = []
    for started, ended in sorted(changes, key=lambda one: one[0]):
        start, end = started.timestamp() - edge, ended.timestamp() - edge if ended else 0.0
        if end < -seconds or start > 0:
            continue
        start, end = max(start, -seconds), min(max(end, start), 0.0)
        if merged and start <= merged[-1].end:
            merged[-1] = Band(merged[-1].start, max(merged[-1].end, end))
        else:
            merged.append(Band(start, end))
    return tuple(merged)


def words(shown: Clock) -> str:
    """The same to be heard, in a few sentences."""
    said = [f"The last {shown.seconds:.0f} seconds."]
    said += [f"{row.name}: {row.runs[-1].state}." for row in shown.rows if row.runs]
    said.append(f"{RATES.title}, {RATES.unit}: {newest(shown.asked)}, {newest(shown.failed)} failed.")
    said.append(f"{SLOW.title} {newest(shown.slow)} {SLOW.unit}.")
    counts = ", ".join(f"{shown.bars.newest(grade, 10)} {grade}" for grade in GRADES)
    said.append(f"Log lines in the last 10 seconds: {counts}.")
    for band in shown.bands[-3:]:
        until = "until now" if band.end == 0 else f"to {-band.end:.0f} seconds ago"
        said.append(f"{CHANGED.capitalize()}, from {-band.start:.0f} seconds ago {until}.")
    return " ".join(said)


def newest(line: Line | None) -> str:
    """The newest value of a line as it is read at a glance; a dash where it is not known any more."""
    known = line is not None and line.y.size and not np.isnan(line.y[-1])
    return rounded(float(line.y[-1])) if line is not None and known else "–"


def _line(found: tuple[Line, ...], label: str) -> Line | None:
    return next((line for line in found if line.label == label), None)


def _bars(lines: pd.DataFrame, edge: float, seconds: float) -> Bars:
    first = np.floor((edge - seconds) / STEP_SECONDS) * STEP_SECONDS - edge  # steps begin at whole ones of the clock
    starts = np.arange(first, 0.0, STEP_SECONDS)
    borders = np.append(starts, starts[-1] + STEP_SECONDS)
    x = times(lines) - edge
    grades = lines["level"].map(lambda level: GRADE.get(level, "other")).to_numpy()
    counts = {grade: np.histogram(x[grades == grade], borders)[0].astype(float) for grade in GRADES}
    return Bars(starts, counts)
