"""The data of the audience's clock: symptoms on one time axis, and when something was changed, never what.

Of health it holds only the three probes, and no events of the engine: both would name the target.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workshop_kit.display.dashboard.view import Bars, Fault, Row, Span, counts_by_step, rows, spans
from workshop_kit.display.live_data import Line, Panel, read, rounded, times
from workshop_kit.instructor.log_tail import GRADES
from workshop_kit.observe.scrape import PROBE_PATHS
from workshop_kit.observe.watch import Tables

CHANGED = "something was changed here"
STEP_SECONDS, STEPS_AVERAGED = 2.0, 3
RATES = Panel(
    "Requests per second, and those that failed",
    "",
    {"requests_per_second": "all", "errors_per_second": "failed"},
)
SLOW = Panel("95 of 100 requests were answered within", "ms", {"p95_ms": "slow"})
HELD = Panel("CPU: share of periods that the kernel cut short", "%", {"throttled_percent": "held"})
LINES = "Log lines per second"
NO_LINE = Line("", np.array([]), np.array([]))


@dataclass(frozen=True)
class Clock:
    """The picture as data, over the last ``seconds``."""

    seconds: float
    rows: tuple[Row, ...]
    asked: Line
    failed: Line
    slow: Line
    held: Line
    bars: Bars
    bands: tuple[Span, ...]  # without labels


def clock(
    tables: Tables, lines: pd.DataFrame, faults: Iterable[Fault], container: str, edge: float, seconds: float
) -> Clock:
    """Return the clock of one container over the ``seconds`` before ``edge`` (seconds since 1970).

    ``lines`` has the columns ``time`` and ``grade``.
    """
    requests, resources, health = (
        table[(table["container"] == container) & (times(table) <= edge)]
        for table in (tables.requests, tables.resources, tables.health)
    )
    plots = [*read(requests, [RATES, SLOW], edge, seconds), *read(resources, [HELD], edge, seconds)]
    found = {line.label: line for plot in plots for line in plot.lines}
    asked, failed, slow, held = (found.get(label, NO_LINE) for label in ("all", "failed", "slow", "held"))
    starts, counts = counts_by_step(times(lines) - edge, lines["grade"].to_numpy(), GRADES, edge, seconds, STEP_SECONDS)
    return Clock(
        seconds,
        rows(health[health["what"].isin(PROBE_PATHS)], edge, seconds),
        asked,
        failed,
        slow,
        held,
        Bars(LINES, "", starts, STEP_SECONDS, {grade: count / STEP_SECONDS for grade, count in counts.items()}),
        _bands(faults, edge, seconds),
    )


def _bands(faults: Iterable[Fault], edge: float, seconds: float) -> tuple[Span, ...]:
    """Return when faults were active; overlapping ones are one band, so that they cannot be counted."""
    merged: list[Span] = []
    for span in spans(faults, edge, seconds):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end), "")
        else:
            merged.append(Span(span.start, span.end, ""))
    return tuple(merged)


def describe(shown: Clock) -> str:
    """Return the clock as a few sentences for a screen reader."""
    said = [f"The last {shown.seconds:.0f} seconds."]
    said += [f"{row.name}: {row.runs[-1].state}." for row in shown.rows if row.runs]
    said.append(f"{RATES.title}: {newest(shown.asked)}, {newest(shown.failed)} failed.")
    said += [f"{panel.title}: {newest(line)} {panel.unit}." for panel, line in ((SLOW, shown.slow), (HELD, shown.held))]
    counts = ", ".join(f"{newest_lines(shown.bars, grade)} {grade}" for grade in GRADES)
    said.append(f"{LINES}: {counts}.")
    for band in shown.bands[-3:]:
        until = "until now" if band.end == 0 else f"to {-band.end:.0f} seconds ago"
        said.append(f"{CHANGED.capitalize()}, from {-band.start:.0f} seconds ago {until}.")
    return " ".join(said)


def newest(line: Line) -> str:
    """Return the newest value of a line, or a dash if it is not known (any more)."""
    return rounded(float(line.y[-1])) if line.y.size and not np.isnan(line.y[-1]) else "–"


def newest_lines(bars: Bars, grade: str) -> str:
    """Return how many lines of a grade come per second, by the newest steps that are over."""
    over = bars.counts[grade][bars.starts < -bars.step]
    return rounded(float(over[-STEPS_AVERAGED:].mean())) if over.size else "–"
