"""The lane above the panels: faults and events, with as many names as there is room for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.text import Text

from workshop_kit.display import charts
from workshop_kit.display.dashboard.view import Mark, Span

LEVELS = 4  # lines of text: two for events, two for faults above them
BANDS_FROM = 2  # the lowest level of the faults
KINDS = {"start": (">", "#1a7f5a"), "stop": ("s", "#1f2328"), "oom": ("X", "#a8264f"), "health": ("D", "#7d3cc9")}
"""The mark of each kind of event, and its color."""
GRAVEST = ("oom", "stop", "health", "start")
NAMES = 24  # the most that are written
MARK = 0.012  # distance of a name from its mark, in widths of the lane
LETTER = 0.0108  # width of a letter, in widths of the lane


@dataclass(frozen=True)
class Name:
    """A text at ``x``, on a level (0 is the lowest), to the right of it or (``left``) to its left."""

    x: float
    level: int
    text: str
    left: bool = False


class EventLane:
    """The moving artists of the lane."""

    def __init__(self, axes: Axes) -> None:
        self.marks: dict[str, Line2D] = {}
        for kind, (marker, color) in KINDS.items():
            (self.marks[kind],) = axes.plot([], [], ls="none", marker=marker, color=color, ms=6, animated=True)
        self.texts = [_text(axes) for _ in range(NAMES)]

    def update(self, spans: Sequence[Span], marks: Sequence[Mark], seconds: float, own: str) -> None:
        """Move the artists to these faults and events."""
        names, levels = placed(spans, marks, seconds, own)
        for kind, drawn in self.marks.items():
            mine = [(mark.x, level + 0.5) for mark, level in zip(marks, levels, strict=True) if mark.kind == kind]
            drawn.set_data([x for x, _ in mine], [y for _, y in mine])
        for artist, name in zip(self.texts, [*names, *[None] * NAMES], strict=False):
            artist.set_text(name.text if name else "")
            if name:
                artist.set_position((name.x, name.level + 0.47))
                artist.set_horizontalalignment("right" if name.left else "left")


def placed(spans: Sequence[Span], marks: Sequence[Mark], seconds: float, own: str = "") -> tuple[list[Name], list[int]]:
    """Return the place of every name, so that none touches another, and the level of every mark.

    Faults are placed first, then the gravest events, then the newest; the container's own name (``own``) is left out,
    and so is a name without room: its mark is drawn, and the table below the picture has it.
    """
    levels = [(1, 0)[number % 2] for number in range(len(marks))]
    half = MARK / 2 * seconds
    taken = [(mark.x - half, mark.x + half, level) for mark, level in zip(marks, levels, strict=True)]
    wanted: list[tuple[int, float, tuple[int, ...], str, float]]
    wanted = [(0, -span.start, (3, 2), span.label, 0.006) for span in spans]
    wanted += [
        (1 + GRAVEST.index(mark.kind), -mark.x, (level,), mark.label.removeprefix(f"{own} "), MARK)
        for mark, level in zip(marks, levels, strict=True)
    ]
    names = []
    for _, before, possible, text, gap in sorted(wanted):
        found = (_fitting(-before, level, text, seconds, taken, gap) for level in possible)
        names += [next((name for name in found if name), None)]
    return [name for name in names if name][:NAMES], levels


def _fitting(
    x: float, level: int, text: str, seconds: float, taken: list[tuple[float, float, int]], gap: float
) -> Name | None:
    away, width = gap * seconds, (len(text) * LETTER + gap) * seconds
    for left in (False, True):
        start, end = (x - width, x - away) if left else (x + away, x + width)
        inside = start >= -seconds and end <= 0
        if inside and all(level != other or end < begin or start > stop for begin, stop, other in taken):
            taken.append((start, end, level))
            return Name(end if left else start, level, text, left)
    return None


def _text(axes: Axes) -> Text:
    return axes.text(0, 0, "", fontsize=8, color=charts.INK, va="center", animated=True, clip_on=False)
