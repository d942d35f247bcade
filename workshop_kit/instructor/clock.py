"""The audience's clock: symptoms on one time axis, and when something was changed, never what; as data and as SVG.

Of health it holds only the three probes, and no events of the engine: both would name the target.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from workshop_kit.display.charts import Bars, counts_by_step
from workshop_kit.display.dashboard.view import (
    FaultBand,
    Panel,
    PanelLine,
    Row,
    Span,
    read,
    rounded,
    rows,
    spans,
    times,
)
from workshop_kit.display.rendered import template
from workshop_kit.instructor.log_tail import ERROR, GRADES, WARNING
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
NO_LINES = {
    label: PanelLine(label, np.array([]), np.array([]))
    for panel in (RATES, SLOW, HELD)
    for label in panel.columns.values()
}
PAGES = Path(__file__).parent / "pages"
WIDTH, HEIGHT = 1600, 860
LEFT, RIGHT = 170, 1330
"""The x of the time axis's ends; names stand to the left, the newest values to the right."""
TOP, BOTTOM = 46, 798
"""The y of the first row and of the time axis; `plots` has those of the panels."""
LEAST_MILLISECONDS = 200.0
"""The least end of the axis of answers, so that a few milliseconds stay at its bottom."""
LOOKS = {"pass": "good", "warn": "odd", "fail": "bad", "no answer": "gone"}
NAMES = dict(zip(GRADES, ("errors", "warnings", "others"), strict=True))
SIZES = {
    **{"WIDTH": WIDTH, "HEIGHT": HEIGHT, "LEFT": LEFT, "RIGHT": RIGHT, "TOP": TOP, "BOTTOM": BOTTOM, "ROW": 38},
    "THINNER": 8,  # how much a passing state is cut off above and below, so that others stand out by their size, too
    "NARROW": 90,  # a state narrower than this has no room for its name
    **{"SWATCH": 26, "SWATCH_SLOT": 190},
}
"""The measures that the templates of the pictures use."""


@dataclass(frozen=True)
class Clock:
    """The picture as data, over the last ``seconds``."""

    seconds: float
    rows: tuple[Row, ...]
    lines: Mapping[str, PanelLine]  # by label, of `RATES`, `SLOW` and `HELD`
    bars: Bars
    bands: tuple[Span, ...]  # without labels

    def across(self, start: float, end: float, least: float = 0.0) -> tuple[float, float]:
        """Return the x of a time (seconds before the edge), and the width to another one, at least so wide."""
        left, right = (max(min(one, 0.0), -self.seconds) / self.seconds * (RIGHT - LEFT) for one in (start, end))
        return round(float(RIGHT + left), 1), round(max(float(right - left), least), 1)


def clock(
    tables: Tables, lines: pd.DataFrame, faults: Iterable[FaultBand], container: str, edge: float, seconds: float
) -> Clock:
    """Return the clock of one container over the ``seconds`` before ``edge`` (seconds since 1970).

    ``lines`` has the columns ``time`` and ``grade``.
    """
    requests, resources, health = (
        table[(table["container"] == container) & (times(table) <= edge)]
        for table in (tables.requests, tables.resources, tables.health)
    )
    read_plots = (*read(requests, [RATES, SLOW], edge, seconds), *read(resources, [HELD], edge, seconds))
    known = {line.label: line for plot in read_plots for line in plot.lines}
    starts, counts = counts_by_step(times(lines) - edge, lines["grade"].to_numpy(), GRADES, edge, seconds, STEP_SECONDS)
    bars = Bars(LINES, "", starts, STEP_SECONDS, {grade: count / STEP_SECONDS for grade, count in counts.items()})
    shown = rows(health[health["what"].isin(PROBE_PATHS)], edge, seconds)
    return Clock(seconds, shown, {**NO_LINES, **known}, bars, _bands(faults, edge, seconds))


def _bands(faults: Iterable[FaultBand], edge: float, seconds: float) -> tuple[Span, ...]:
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
    said += [f"{row.name}: {row.runs[-1].label}." for row in shown.rows if row.runs]
    now = {label: newest(line) for label, line in shown.lines.items()}
    said.append(f"{RATES.title}: {now['all']}, {now['failed']} failed.")
    said += [f"{panel.title}: {now[label]} {panel.unit}." for panel, label in ((SLOW, "slow"), (HELD, "held"))]
    counts = ", ".join(f"{newest_lines(shown.bars, grade)} {grade}" for grade in GRADES)
    said.append(f"{LINES}: {counts}.")
    for band in shown.bands[-3:]:
        until = "until now" if band.end == 0 else f"to {-band.end:.0f} seconds ago"
        said.append(f"{CHANGED.capitalize()}, from {-band.start:.0f} seconds ago {until}.")
    return " ".join(said)


def newest(line: PanelLine) -> str:
    """Return the newest value of a line, or a dash if it is not known (any more)."""
    return rounded(float(line.y[-1])) if line.y.size and not np.isnan(line.y[-1]) else "–"


def newest_lines(bars: Bars, grade: str) -> str:
    """Return how many lines of a grade come per second, by the newest steps that are over."""
    over = bars.counts[grade][bars.starts < -bars.step]
    return rounded(float(over[-STEPS_AVERAGED:].mean())) if over.size else "–"


@dataclass(frozen=True)
class ClockPlot:
    """A panel of the picture. Its data lie between ``top`` and ``bottom`` (y), which stand for ``highest`` and 0.

    ``label`` names the highest value. ``curves`` are looks, lines, and whether the area below is filled; ``values``,
    beside the panel, are y below the top, text, and look.
    """

    shown: Clock
    title: str
    top: int
    bottom: int
    highest: float
    label: str
    values: tuple[tuple[int, str, str], ...]
    curves: tuple[tuple[str, PanelLine, bool], ...] = ()

    def up(self, value: float) -> float:
        """Return the y of a value."""
        return round(float(self.bottom - min(value / self.highest, 1.0) * (self.bottom - self.top)), 1)

    def pieces(self, line: PanelLine) -> list[list[tuple[float, float]]]:
        """Return the points of a line; a gap begins a new piece."""
        known = np.ma.clump_unmasked(np.ma.masked_invalid(line.y)) if line.y.size else ()  # type: ignore[no-untyped-call]
        return [
            [(self.shown.across(x, x)[0], self.up(y)) for x, y in zip(line.x[piece], line.y[piece], strict=True)]
            for piece in known
        ]

    def bars(self, bars: Bars) -> Iterator[tuple[str, float, float, float, float]]:
        """Yield the bars of each grade, one on top of the other: grade, x, y, width and height."""
        below = np.zeros(bars.starts.size)
        for grade in GRADES:
            for start, base, count in zip(bars.starts, below, bars.counts[grade], strict=True):
                if count:
                    x, width = self.shown.across(start, start + bars.step, least=4.0)
                    y = self.up(base + count)
                    yield grade, x, y, round(width - 2, 1), round(max(self.up(base) - y, 1.5), 1)
            below = below + bars.counts[grade]


def svg(shown: Clock, *, alone: bool = False) -> str:
    """Return the picture as SVG; with ``alone`` it brings its colors, else the page's stylesheet has them."""
    legend = [grade for grade in GRADES if shown.bars.counts[grade].any()]
    names = {"CHANGED": CHANGED, "LINES": LINES, "LOOKS": LOOKS, "NAMES": NAMES}
    title, words = "What customers and probes see", describe(shown)
    return picture("clock.svg", title, words, alone=alone, shown=shown, plots=plots(shown), legend=legend, **names)


def picture(file: str, title: str, words: str, *, alone: bool, **values: Any) -> str:
    """Return one of the templates as SVG with a title and a description; ``alone`` as for `svg`."""
    style = Markup((PAGES / "clock.css").read_text(encoding="utf-8"))  # noqa: S704 - it is ours
    given = {**SIZES, **values, "title": title, "words": words, "alone": alone, "style": style}
    return template(PAGES / file).render(given)


def plots(shown: Clock) -> Iterator[ClockPlot]:
    """Yield the panels from top to bottom."""
    lines, (asked, failed, slow, held) = shown.lines, map(newest, shown.lines.values())
    highest = _nice(1.0, *lines["all"].y, *lines["failed"].y)
    values = ((42, asked, "asked"), (96, f"{failed} failed", "calm" if failed == "0" else "failed"))
    curves = (("asked", lines["all"], False), ("failed", lines["failed"], True))
    yield ClockPlot(shown, RATES.title, 208, 326, highest, f"{highest:g}", values, curves)
    highest = max(_nice(1.0, *lines["slow"].y), LEAST_MILLISECONDS)
    value = (70, slow if slow == "–" else f"{slow} ms", "slow")
    label = f"{highest:g} ms" if highest < 1000 else f"{highest / 1000:g} s"
    yield ClockPlot(shown, SLOW.title, 380, 490, highest, label, (value,), (("slow", lines["slow"], True),))
    value = (52, held if held == "–" else f"{held} %", "calm" if held in {"–", "0"} else "held")
    yield ClockPlot(shown, HELD.title, 544, 618, 100.0, "100 %", (value,), (("held", lines["held"], True),))
    highest = _nice(5.0, *np.sum([*shown.bars.counts.values()], axis=0))
    counts = [(grade, newest_lines(shown.bars, grade)) for grade in (ERROR, WARNING)]
    looks = [f"short {'calm' if count in {'–', '0'} else grade}" for grade, count in counts]
    texts = [f"{count} {NAMES[grade]}" for grade, count in counts]
    yield ClockPlot(
        shown, LINES, 672, BOTTOM, highest, f"{highest:g}", tuple(zip((52, 104), texts, looks, strict=True))
    )


def _nice(*numbers: float) -> float:
    """Return a round number that leaves some room above the highest; NaN does not count.

    >>> [_nice(one, math.nan) for one in (1, 4.2, 19, 21, 180)]
    [2.0, 5.0, 30.0, 30.0, 200.0]
    """
    wanted = 1.1 * float(np.nanmax(numbers))
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(step * power for step in (1, 2, 3, 5, 10) if step * power >= wanted)
