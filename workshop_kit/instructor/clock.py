"""The audience's clock: symptoms on one time axis, and when something was changed, never what; as data and as SVG.

Of health it holds only the three probes, and no events of the engine: both would name the target.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from workshop_kit.display.charts import Bars, axis_end, counts_by_step
from workshop_kit.display.dashboard.view import FaultBand, PanelLine, Row, Span, measured, rounded, rows, spans, times
from workshop_kit.display.rendered import template
from workshop_kit.observe.logs.lines import level_group
from workshop_kit.observe.scrape import PROBE_PATHS, PROBES
from workshop_kit.observe.watch import Tables

NAMES = {"error": "errors", "warning": "warnings", "other": "others"}
"""The grades of log lines, the gravest first, and what they are called."""
CHANGED = "something was changed here"
STEP_SECONDS, STEPS_AVERAGED = 2.0, 3
PAGES = Path(__file__).parent / "pages"
LEFT, RIGHT, TOP, BOTTOM = 170, 1330, 46, 798
"""The ends of the time axis (x), the first row, and the axis itself (y); `_plots` has the places of the panels."""
LEAST_MILLISECONDS = 200.0
"""The least end of the axis of answers, so that a few milliseconds stay at its bottom."""


@dataclass(frozen=True)
class ClockPlot:
    """A panel of the picture. Its data lie between ``top`` and ``bottom`` (y), which stand for ``highest`` and 0.

    ``label`` names the highest value. ``values``, beside the panel, are y below the top, text, and look; ``curves``
    are looks, lines, and whether the area below is filled.
    """

    title: str
    top: int
    bottom: int
    highest: float
    label: str
    values: tuple[tuple[int, str, str], ...]
    curves: tuple[tuple[str, PanelLine, bool], ...] = ()
    bars: Bars | None = None

    def up(self, value: float) -> float:
        """Return the y of a value."""
        return round(float(self.bottom - min(value / self.highest, 1.0) * (self.bottom - self.top)), 1)


@dataclass(frozen=True)
class Clock:
    """The picture as data, over the last ``seconds``."""

    seconds: float
    rows: tuple[Row, ...]
    bands: tuple[Span, ...]  # without labels
    plots: tuple[ClockPlot, ...]

    def across(self, start: float, end: float, least: float = 0.0) -> tuple[float, float]:
        """Return the x of a time (seconds before the edge), and the width to another one, at least so wide."""
        left, right = (max(min(one, 0.0), -self.seconds) / self.seconds * (RIGHT - LEFT) for one in (start, end))
        return round(float(RIGHT + left), 1), round(max(float(right - left), least), 1)

    def pieces(self, plot: ClockPlot, line: PanelLine) -> list[list[tuple[float, float]]]:
        """Return the points of a line; a gap begins a new piece."""
        known = np.ma.clump_unmasked(np.ma.masked_invalid(line.y)) if line.y.size else ()  # type: ignore[no-untyped-call]
        return [
            [(self.across(x, x)[0], plot.up(y)) for x, y in zip(line.x[piece], line.y[piece], strict=True)]
            for piece in known
        ]

    def stacked(self, plot: ClockPlot, bars: Bars) -> Iterator[tuple[str, float, float, float, float]]:
        """Yield the bars of each grade, one on top of the other: grade, x, y, width and height."""
        tops = np.cumsum([*bars.counts.values()], axis=0)
        for (grade, counts), ends in zip(bars.counts.items(), tops, strict=True):
            for start, count, end in zip(bars.starts, counts, ends, strict=True):
                if count:
                    x, width = self.across(start, start + bars.step, least=4.0)
                    y = plot.up(end)
                    yield grade, x, y, round(width - 2, 1), round(max(plot.up(end - count) - y, 1.5), 1)


def grade(fields: Mapping[str, Any]) -> str:
    """Return the grade of a log line. A request that failed is an error, as in the metrics; a failed probe is none.

    >>> grade({"level": "warning", "status": 503, "route": "/orders"}), grade({"level": "INFO", "status": 201})
    ('error', 'other')
    """
    status = fields.get("status", 200)
    failed = status is None or (isinstance(status, int) and status >= 500)
    if failed and str(fields.get("route")) not in PROBES:
        return "error"
    level = level_group(fields.get("level"))
    return level if level in NAMES else "other"


def clock(
    tables: Tables, lines: pd.DataFrame, faults: Iterable[FaultBand], container: str, edge: float, seconds: float
) -> Clock:
    """Return the clock of one container over the ``seconds`` before ``edge`` (seconds since 1970).

    ``lines`` has the columns ``time`` and ``grade``.
    """
    requests, resources, health = measured(tables, container, edge)
    probes = rows(health[health["what"].isin(PROBE_PATHS)], edge, seconds)
    starts, counts = counts_by_step(times(lines) - edge, lines["grade"].to_numpy(), NAMES, edge, seconds, STEP_SECONDS)
    bars = Bars("", "", starts, STEP_SECONDS, {grade: count / STEP_SECONDS for grade, count in counts.items()})
    columns = ("requests_per_second", "errors_per_second", "p95_ms")
    asked, failed, slow = (_line(requests, column, edge, seconds) for column in columns)
    held = _line(resources, "throttled_percent", edge, seconds)
    return Clock(seconds, probes, _bands(faults, edge, seconds), tuple(_plots(asked, failed, slow, held, bars)))


def _line(table: pd.DataFrame, column: str, edge: float, seconds: float) -> PanelLine:
    x = times(table) - edge
    return PanelLine(column, x[x >= -seconds], table[column].to_numpy("float64")[x >= -seconds])


def _bands(faults: Iterable[FaultBand], edge: float, seconds: float) -> tuple[Span, ...]:
    """Return when faults were active; overlapping ones are one band, so that they cannot be counted."""
    merged: list[Span] = []
    for span in spans(faults, edge, seconds):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end), "")
        else:
            merged.append(Span(span.start, span.end, ""))
    return tuple(merged)


def _plots(asked: PanelLine, failed: PanelLine, slow: PanelLine, held: PanelLine, bars: Bars) -> Iterator[ClockPlot]:
    end = axis_end(np.nanmax([1.0, *asked.y, *failed.y]))
    many = newest(failed)
    values = ((42, newest(asked), "asked"), (96, f"{many} failed", "calm" if many == "0" else "failed"))
    title = "Requests per second, and those that failed"
    yield ClockPlot(title, 208, 326, end, f"{end:g}", values, (("asked", asked, False), ("failed", failed, True)))
    end = max(axis_end(np.nanmax([1.0, *slow.y])), LEAST_MILLISECONDS)
    label = f"{end:g} ms" if end < 1000 else f"{end / 1000:g} s"
    title = "95 of 100 requests were answered within"
    value = (70, newest(slow, " ms"), "slow")
    yield ClockPlot(title, 380, 490, end, label, (value,), (("slow", slow, True),))
    share = newest(held, " %")
    value = (52, share, "calm" if share in {"–", "0 %"} else "held")
    title = "CPU: share of periods that the kernel cut short"
    yield ClockPlot(title, 544, 618, 100.0, "100 %", (value,), (("held", held, True),))
    end = axis_end(np.max([5.0, *np.sum([*bars.counts.values()], axis=0)]))
    known = [(y, grade, newest_lines(bars, grade)) for y, grade in ((52, "error"), (104, "warning"))]
    texts = tuple((y, f"{n} {NAMES[grade]}", f"short {'calm' if n in {'–', '0'} else grade}") for y, grade, n in known)
    yield ClockPlot("Log lines per second", 672, BOTTOM, end, f"{end:g}", texts, bars=bars)


def newest(line: PanelLine, unit: str = "") -> str:
    """Return the newest value of a line, or a dash if it is not known (any more)."""
    return rounded(float(line.y[-1])) + unit if line.y.size and not np.isnan(line.y[-1]) else "–"


def newest_lines(bars: Bars, grade: str) -> str:
    """Return how many lines of a grade come per second, by the newest steps that are over."""
    over = bars.counts[grade][bars.starts < -bars.step]
    return rounded(float(over[-STEPS_AVERAGED:].mean())) if over.size else "–"


def describe(shown: Clock) -> str:
    """Return the clock as a few sentences for a screen reader."""
    said = [f"The last {shown.seconds:.0f} seconds."]
    said += [f"{row.name}: {row.runs[-1].label}." for row in shown.rows if row.runs]
    said += [f"{plot.title}: {', '.join(text for _, text, _ in plot.values)}." for plot in shown.plots]
    for band in shown.bands[-3:]:
        until = "until now" if band.end == 0 else f"to {-band.end:.0f} seconds ago"
        said.append(f"{CHANGED.capitalize()}, from {-band.start:.0f} seconds ago {until}.")
    return " ".join(said)


def svg(shown: Clock, *, alone: bool = False) -> str:
    """Return the picture as SVG; with ``alone`` it brings its colors, else the page's stylesheet has them."""
    title = "What customers and probes see"
    return picture("clock.svg", title, describe(shown), alone=alone, shown=shown, CHANGED=CHANGED, NAMES=NAMES)


def picture(file: str, title: str, words: str, *, alone: bool, **values: Any) -> str:
    """Return one of the templates as SVG with a title and a description; ``alone`` as for `svg`."""
    style = Markup((PAGES / "clock.css").read_text(encoding="utf-8"))  # noqa: S704 - it is ours
    sizes = {"LEFT": LEFT, "RIGHT": RIGHT, "TOP": TOP, "BOTTOM": BOTTOM}
    return template(PAGES / file).render(sizes, title=title, words=words, alone=alone, style=style, **values)
