"""The audience's clock: symptoms on one time axis, and when something was changed, never what. Data, then SVG.

Of health it shows only the three probes, and no events of the engine: both would name the target.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from workshop_kit.display.dashboard.view import Bars, Fault, Row, Span, counts_by_step, rows, spans
from workshop_kit.display.live_data import Line, Panel, read, rounded, times
from workshop_kit.observe.watch import Tables
from workshop_kit.observe.watch.scraper import PROBE_PATHS
from workshop_kit.screen import as_html

CHANGED = "something was changed here"
STEP_SECONDS = 2.0
RATES = Panel(
    "Requests, and those that failed",
    "a second",
    {"requests_per_second": "all", "errors_per_second": "failed"},
)
SLOW = Panel("95 of 100 answers came within", "ms", {"p95_ms": "95 of 100"}, logarithmic=True)
NO_LINE = Line("", np.array([]), np.array([]))
GRADES = ("error", "warning", "other")
GRADE = {"error": "error", "critical": "error", "fatal": "error", "warning": "warning", "warn": "warning"}

WIDTH, HEIGHT = 1600, 830
LEFT, RIGHT = 170, 1330
"""The x of the time axis's ends; names stand to the left, the newest values to the right."""
ROW, TOP = 42, 46
RATES_AT, SLOW_AT, LINES_AT = (222, 360), (418, 546), (604, 760)
"""The y between which a panel's data lie; its title stands above."""
LOOKS = {"pass": "good", "warn": "odd", "fail": "bad", "no answer": "gone"}
THINNER = 9
"""How much a passing state is cut off above and below, so that others stand out by their size, too."""
NARROW = 90
"""A state narrower than this has no room for its name."""
STYLE = (Path(__file__).parent / "pages" / "clock.css").read_text()
STYLE_ALONE = ".clock { color-scheme: light dark; background: var(--paper); }"

Place = Callable[[float], float]


@dataclass(frozen=True)
class Clock:
    """The picture as data, over the last ``seconds``."""

    seconds: float
    rows: tuple[Row, ...]
    asked: Line
    failed: Line
    slow: Line
    bars: Bars
    bands: tuple[Span, ...]  # without labels


def clock(
    tables: Tables, lines: pd.DataFrame, faults: Iterable[Fault], container: str, edge: float, seconds: float
) -> Clock:
    """Return the clock of one container over the ``seconds`` before ``edge`` (seconds since 1970).

    ``lines`` has the columns ``time`` and ``level``.
    """
    requests = tables.requests[tables.requests["container"] == container]
    health = tables.health[(tables.health["container"] == container) & tables.health["what"].isin(PROBE_PATHS)]
    plots = read(requests[times(requests) <= edge], [RATES, SLOW], edge, seconds)
    found = {line.label: line for plot in plots for line in plot.lines}
    grades = lines["level"].map(lambda level: GRADE.get(level, "other")).to_numpy()
    starts, counts = counts_by_step(times(lines) - edge, grades, GRADES, edge, seconds, STEP_SECONDS)
    return Clock(
        seconds,
        rows(health[times(health) <= edge], edge, seconds),
        found.get("all", NO_LINE),
        found.get("failed", NO_LINE),
        found.get("95 of 100", NO_LINE),
        Bars("Log lines", "lines", starts, STEP_SECONDS, counts),
        _bands(faults, edge, seconds),
    )


def _bands(faults: Iterable[Fault], edge: float, seconds: float) -> tuple[Span, ...]:
    """When faults were in force; overlapping ones are one band, so that they cannot be counted."""
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
    said.append(f"{RATES.title}, {RATES.unit}: {_newest(shown.asked)}, {_newest(shown.failed)} failed.")
    said.append(f"{SLOW.title} {_newest(shown.slow)} {SLOW.unit}.")
    counts = ", ".join(f"{_newest_lines(shown.bars, grade)} {grade}" for grade in GRADES)
    said.append(f"Log lines in the last 10 seconds: {counts}.")
    for band in shown.bands[-3:]:
        until = "until now" if band.end == 0 else f"to {-band.end:.0f} seconds ago"
        said.append(f"{CHANGED.capitalize()}, from {-band.start:.0f} seconds ago {until}.")
    return " ".join(said)


def _newest(line: Line) -> str:
    """The newest value of a line, or a dash if it is not known (any more)."""
    return rounded(float(line.y[-1])) if line.y.size and not np.isnan(line.y[-1]) else "–"


def _newest_lines(bars: Bars, grade: str) -> int:
    """How many lines of a grade came in the last ten seconds."""
    return int(bars.counts[grade][bars.starts >= -10 - bars.step / 2].sum())


def svg(shown: Clock, *, alone: bool = False) -> str:
    """Return the picture as SVG; with ``alone`` it brings its colors, else the page's stylesheet has them."""
    style = f"<style>{STYLE}{STYLE_ALONE}</style>" if alone else ""
    parts = [*_band_svg(shown), *_rows(shown), *_rates(shown), *_slow(shown), *_lines(shown), *_axis(shown)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="clock" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-labelledby="clock-title clock-words"><title id="clock-title">What customers and probes see</title>'
        f'<desc id="clock-words">{as_html(describe(shown))}</desc>{style}{_patterns()}{"".join(parts)}</svg>'
    )


def _patterns() -> str:
    return (
        '<defs><pattern id="hatch" width="12" height="12" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect class="ground" width="12" height="12"/><rect class="stripe" width="5" height="12"/></pattern></defs>'
    )


def _across(shown: Clock) -> Place:
    """Seconds before the edge → x."""
    return lambda x: LEFT + (1 + max(min(x, 0.0), -shown.seconds) / shown.seconds) * (RIGHT - LEFT)


def _band_svg(shown: Clock) -> Iterator[str]:
    at = _across(shown)
    for index, band in enumerate(shown.bands):
        x, width = at(band.start), max(at(band.end) - at(band.start), 3.0)
        yield f'<rect class="band" x="{x:.1f}" y="{TOP - 8}" width="{width:.1f}" height="{LINES_AT[1] - TOP + 8}"/>'
        if index == len(shown.bands) - 1:  # two texts would overlap
            end = x + width > (LEFT + RIGHT) / 2
            place, anchor = (x + width, "end") if end else (x, "start")
            yield f'<text class="said" x="{place:.1f}" y="{TOP - 16}" text-anchor="{anchor}">{CHANGED}</text>'


def _rows(shown: Clock) -> Iterator[str]:
    at = _across(shown)
    for index, row in enumerate(shown.rows):
        y = TOP + index * ROW
        yield f'<text class="name" x="{LEFT - 16}" y="{y + 29}" text-anchor="end">{as_html(row.name, 20)}</text>'
        for run in row.runs:
            x, width = at(run.start), max(at(run.end) - at(run.start), 1.5)
            look = LOOKS.get(run.state, "gone")
            thin = THINNER if look == "good" else 0
            yield (
                f'<rect class="run {look}" x="{x:.1f}" y="{y + 4 + thin}" width="{width:.1f}"'
                f' height="{ROW - 8 - 2 * thin}"/>'
            )
            if width > NARROW and look != "good":
                yield f'<text class="state {look}" x="{x + 10:.1f}" y="{y + 30}">{as_html(run.state)}</text>'
        if row.runs:
            state = row.runs[-1].state
            yield _value(y + 32, as_html(state, 12), f"short {LOOKS.get(state, 'gone')}")


def _rates(shown: Clock) -> Iterator[str]:
    top, bottom = RATES_AT
    highest = _nice(max(_highest(shown.asked), _highest(shown.failed), 1.0))
    up = _linear(top, bottom, highest)
    yield _title(top, f"{RATES.title}, {RATES.unit}")
    yield from _ticks([(0.0, "0"), (highest, f"{highest:g}")], up)
    yield from _curve(shown, shown.asked, up, "asked")
    yield from _curve(shown, shown.failed, up, "failed", filled_to=bottom)
    yield _value(top + 42, _newest(shown.asked), "asked")
    failed = _newest(shown.failed)
    yield _value(top + 96, f"{failed} failed", "calm" if failed == "0" else "failed")


def _slow(shown: Clock) -> Iterator[str]:
    top, bottom = SLOW_AT
    low, high = 0, max(3, math.ceil(math.log10(max(_highest(shown.slow), 1.0) * 1.01)))

    def up(y: float) -> float:
        return bottom - (math.log10(max(y, 1.0)) - low) / (high - low) * (bottom - top)

    yield _title(top, SLOW.title)
    yield from _ticks([(10.0**exponent, _time(10.0**exponent)) for exponent in range(low, high + 1)], up)
    yield from _curve(shown, shown.slow, up, "slow")
    known = _newest(shown.slow)
    yield _value(top + 76, known if known == "–" else f"{known} {SLOW.unit}", "slow")


def _lines(shown: Clock) -> Iterator[str]:
    top, bottom = LINES_AT
    at, bars = _across(shown), shown.bars
    highest = _nice(max(float(sum(bars.counts.values()).max()) if bars.starts.size else 0.0, 5.0))  # type: ignore[union-attr]
    up = _linear(top, bottom, highest)
    yield _title(top, f"Log lines in {STEP_SECONDS:g} seconds: errors hatched, warnings filled, others outlined")
    yield from _ticks([(0.0, "0"), (highest, f"{highest:g}")], up)
    below = np.zeros(bars.starts.size)
    for grade in GRADES:
        counts = bars.counts[grade]
        for start, base, count in zip(bars.starts.tolist(), below.tolist(), counts.tolist(), strict=True):
            if count:
                x, width = at(start), max(at(start + STEP_SECONDS) - at(start) - 2, 2.0)
                y, height = up(base + count), max(up(base) - up(base + count), 1.5)
                yield f'<rect class="bar {grade}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
        below = below + counts
    yield _value(top + 34, "in 10 seconds:", "short calm")
    for place, grade in ((top + 78, "error"), (top + 122, "warning")):
        count = _newest_lines(bars, grade)
        yield _value(place, f"{count:,} {grade}{'' if count == 1 else 's'}", f"short {grade if count else 'calm'}")


def _axis(shown: Clock) -> Iterator[str]:
    at, y = _across(shown), LINES_AT[1]
    for seconds in range(0, int(shown.seconds) + 1, 30):
        x = at(-float(seconds))
        text = "now" if seconds == 0 else f"{seconds} s ago"
        yield f'<line class="tick" x1="{x:.1f}" y1="{y}" x2="{x:.1f}" y2="{y + 10}"/>'
        yield f'<text class="axis" x="{x:.1f}" y="{y + 44}" text-anchor="middle">{text}</text>'


def _curve(shown: Clock, line: Line, up: Place, look: str, *, filled_to: float | None = None) -> Iterator[str]:
    at = _across(shown)
    known = np.ma.masked_invalid(line.y)
    for piece in np.ma.clump_unmasked(known) if line.y.size else ():  # type: ignore[no-untyped-call]
        points = [f"{at(x):.1f},{up(y):.1f}" for x, y in zip(line.x[piece], line.y[piece], strict=True)]
        if filled_to is not None and len(points) > 1:
            left, right = (point.partition(",")[0] for point in (points[0], points[-1]))
            yield f'<polygon class="area {look}" points="{left},{filled_to} {" ".join(points)} {right},{filled_to}"/>'
        if len(points) == 1:
            left, _, height = points[0].partition(",")
            yield f'<circle class="dot {look}" cx="{left}" cy="{height}" r="4"/>'
        else:
            yield f'<polyline class="line {look}" points="{" ".join(points)}"/>'


def _title(top: int, text: str) -> str:
    return f'<text class="title" x="{LEFT}" y="{top - 16}">{as_html(text)}</text>'


def _ticks(values: list[tuple[float, str]], up: Place) -> Iterator[str]:
    for value, text in values:
        y = up(value)
        yield f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{RIGHT}" y2="{y:.1f}"/>'
        yield f'<text class="axis" x="{LEFT - 16}" y="{y + 9:.1f}" text-anchor="end">{text}</text>'


def _value(y: float, text: str, look: str) -> str:
    return f'<text class="value {look}" x="{RIGHT + 24}" y="{y:.1f}">{text}</text>'


def _linear(top: int, bottom: int, highest: float) -> Place:
    return lambda y: bottom - min(y / highest, 1.0) * (bottom - top)


def _highest(line: Line) -> float:
    return float(np.fmax.reduce(line.y, initial=0.0))  # NaN does not count


def _nice(number: float) -> float:
    """The next round number that leaves some room.

    >>> [_nice(one) for one in (1, 4.2, 19, 21, 180)]
    [2.0, 5.0, 50.0, 50.0, 200.0]
    """
    wanted = number * 1.1
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= wanted)


def _time(milliseconds: float) -> str:
    return f"{milliseconds:g} ms" if milliseconds < 1000 else f"{milliseconds / 1000:g} s"
