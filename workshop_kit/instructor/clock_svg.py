"""Draws the audience's clock as SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from workshop_kit.display.live_data import Line
from workshop_kit.instructor.clock import (
    CHANGED,
    HELD,
    LINES,
    RATES,
    SLOW,
    STEP_SECONDS,
    Clock,
    describe,
    newest,
    newest_lines,
)
from workshop_kit.instructor.log_tail import ERROR, GRADES, WARNING
from workshop_kit.screen import as_html

WIDTH, HEIGHT = 1600, 860
LEFT, RIGHT = 170, 1330
"""The x of the time axis's ends; names stand to the left, the newest values to the right."""
ROW, TOP = 38, 46
RATES_AT, SLOW_AT, HELD_AT, LINES_AT = (208, 326), (380, 490), (544, 618), (672, 798)
"""The y between which a panel's data lie; its title stands above."""
LEAST_MILLISECONDS = 200.0
"""The least end of the axis of answers, so that a few milliseconds stay at its bottom."""
LOOKS = {"pass": "good", "warn": "odd", "fail": "bad", "no answer": "gone"}
THINNER = 8
"""How much a passing state is cut off above and below, so that others stand out by their size, too."""
NARROW = 90
"""A state narrower than this has no room for its name."""
SWATCH, SWATCH_SLOT = 26, 190
NAMES = dict(zip(GRADES, ("errors", "warnings", "others"), strict=True))
STYLE = (Path(__file__).parent / "pages" / "clock.css").read_text()
STYLE_ALONE = ".clock { color-scheme: light dark; background: var(--paper); }"

Place = Callable[[float], float]


def picture(title: str, words: str, parts: Iterator[str], *, alone: bool) -> str:
    """Return parts as one SVG with a title and a description; ``alone`` as for `svg`."""
    style = f"<style>{STYLE}{STYLE_ALONE}</style>" if alone else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="clock" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-labelledby="clock-title clock-words"><title id="clock-title">{as_html(title)}</title>'
        f'<desc id="clock-words">{as_html(words)}</desc>{style}{PATTERNS}{"".join(parts)}</svg>'
    )


def svg(shown: Clock, *, alone: bool = False) -> str:
    """Return the picture as SVG; with ``alone`` it brings its colors, else the page's stylesheet has them."""
    panels = (_bands, _rows, _rates, _slow, _held, _lines, _axis)
    parts = (part for panel in panels for part in panel(shown))
    return picture("What customers and probes see", describe(shown), parts, alone=alone)


PATTERNS = (
    '<defs><pattern id="hatch" width="12" height="12" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="ground" width="12" height="12"/><rect class="stripe" width="5" height="12"/></pattern></defs>'
)


def _across(shown: Clock) -> Place:
    """Return the function from seconds before the edge to x."""
    return lambda x: LEFT + (1 + max(min(x, 0.0), -shown.seconds) / shown.seconds) * (RIGHT - LEFT)


def _bands(shown: Clock) -> Iterator[str]:
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
        yield f'<text class="name" x="{LEFT - 16}" y="{y + 28}" text-anchor="end">{as_html(row.name, 20)}</text>'
        for run in row.runs:
            x, width = at(run.start), max(at(run.end) - at(run.start), 1.5)
            look = LOOKS.get(run.state, "gone")
            thin = THINNER if look == "good" else 0
            yield (
                f'<rect class="run {look}" x="{x:.1f}" y="{y + 4 + thin}" width="{width:.1f}"'
                f' height="{ROW - 8 - 2 * thin}"/>'
            )
            if width > NARROW and look != "good":
                yield f'<text class="state {look}" x="{x + 10:.1f}" y="{y + 28}">{as_html(run.state)}</text>'
        if row.runs:
            state = row.runs[-1].state
            yield _value(y + 30, as_html(state, 12), f"short {LOOKS.get(state, 'gone')}")


def _rates(shown: Clock) -> Iterator[str]:
    top, bottom = RATES_AT
    highest = _nice(max(_highest(shown.asked), _highest(shown.failed), 1.0))
    up = _linear(top, bottom, highest)
    yield _title(top, RATES.title)
    yield from _ticks([(0.0, "0"), (highest, f"{highest:g}")], up)
    yield from _curve(shown, shown.asked, up, "asked")
    yield from _curve(shown, shown.failed, up, "failed", filled_to=bottom)
    yield _value(top + 42, newest(shown.asked), "asked")
    failed = newest(shown.failed)
    yield _value(top + 96, f"{failed} failed", "calm" if failed == "0" else "failed")


def _slow(shown: Clock) -> Iterator[str]:
    top, bottom = SLOW_AT
    highest = max(_nice(max(_highest(shown.slow), 1.0)), LEAST_MILLISECONDS)
    up = _linear(top, bottom, highest)
    yield _title(top, SLOW.title)
    yield from _ticks([(0.0, "0"), (highest, _time(highest))], up)
    yield from _curve(shown, shown.slow, up, "slow", filled_to=bottom)
    known = newest(shown.slow)
    yield _value(top + 70, known if known == "–" else f"{known} {SLOW.unit}", "slow")


def _held(shown: Clock) -> Iterator[str]:
    top, bottom = HELD_AT
    up = _linear(top, bottom, 100.0)
    yield _title(top, HELD.title)
    yield from _ticks([(0.0, "0"), (100.0, "100 %")], up)
    yield from _curve(shown, shown.held, up, "held", filled_to=bottom)
    known = newest(shown.held)
    yield _value(top + 52, known if known == "–" else f"{known} {HELD.unit}", "calm" if known in {"–", "0"} else "held")


def _lines(shown: Clock) -> Iterator[str]:
    top, bottom = LINES_AT
    at, bars = _across(shown), shown.bars
    highest = _nice(max(float(sum(bars.counts.values()).max()) if bars.starts.size else 0.0, 5.0))  # type: ignore[union-attr]
    up = _linear(top, bottom, highest)
    yield _title(top, LINES)
    yield from _legend(top, [grade for grade in GRADES if bars.counts[grade].any()])
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
    for place, grade in ((top + 52, ERROR), (top + 104, WARNING)):
        count = newest_lines(bars, grade)
        yield _value(place, f"{count} {NAMES[grade]}", f"short {'calm' if count in {'–', '0'} else grade}")


def _legend(top: int, grades: list[str]) -> Iterator[str]:
    """Draw the grades that the panel shows, from right to left above it."""
    for place, grade in enumerate(reversed(grades), 1):
        x, y = RIGHT - place * SWATCH_SLOT, top - 12
        yield f'<rect class="bar {grade}" x="{x}" y="{y - 22}" width="{SWATCH}" height="{SWATCH}"/>'
        yield f'<text class="axis" x="{x + SWATCH + 12}" y="{y}">{NAMES[grade]}</text>'


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
    return f'<text class="title" x="{LEFT}" y="{top - 12}">{as_html(text)}</text>'


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
    """Return the next round number that leaves some room.

    >>> [_nice(one) for one in (1, 4.2, 19, 21, 180)]
    [2.0, 5.0, 30.0, 30.0, 200.0]
    """
    wanted = number * 1.1
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(step * power for step in (1, 2, 3, 5, 10) if step * power >= wanted)


def _time(milliseconds: float) -> str:
    return f"{milliseconds:g} ms" if milliseconds < 1000 else f"{milliseconds / 1000:g} s"
