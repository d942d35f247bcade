"""Static charts: numbers in, a picture with title, units and an alt text out. One PNG serves both themes.

The pictures are drawn dark on white; in a dark theme the stylesheet turns their lightness around and keeps the hues,
so a saved picture follows the theme without a kernel and without a second copy.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from workshop_kit.errors import WrongUsage
from workshop_kit.screen import in_lines, visible
from workshop_kit.show.shown import Shown

CSS = (Path(__file__).parent / "live.css").read_text()
WIDTH_INCHES, DPI = 8.6, 100
PAPER, INK, SOFT, GRID = "#ffffff", "#1f2328", "#57606a", "#d8dee4"
COLORS = ("#0b62b0", "#b3470b", "#1a7f5a", "#7d3cc9", "#a8264f", "#5f6b22")
HATCHES = ("", "///", "...", "\\\\\\", "xx", "++")


ABOVE, BELOW = 10, -18
"""How far from its mark an event is written, in points: neighbors that would collide take turns."""
CROWDED = 0.2
"""Events closer than this share of the time shown are neighbors."""


@dataclass(frozen=True)
class Event:
    """Something that happened at a time, on the row named ``lane`` of a timeline."""

    lane: str
    at_seconds: float
    label: str


@dataclass(frozen=True)
class Band:
    """Something that lasted, on the row named ``lane`` of a timeline."""

    lane: str
    start_seconds: float
    end_seconds: float
    label: str


def new_figure(title: str, height_inches: float, *, rows: int = 1, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """Return an empty figure with its title and its axes, row by row, in the house style."""
    figure = Figure(figsize=(WIDTH_INCHES, height_inches), dpi=DPI, facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK)
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for one in axes:
        quiet(one)
    return figure, axes


def png(figure: Figure) -> bytes:
    """The figure as a PNG of at most 64 colors, which is a fifth of the usual size."""
    read_as_text(figure)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    return encoded(canvas)


def read_as_text(figure: Figure) -> None:
    """Let every text of a figure be text: what stands between two dollars is no formula."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)


def legend_label(name: object) -> str:
    """A name as a legend shows it: matplotlib leaves out those that begin with an underscore."""
    text = visible(str(name))
    return f" {text}" if text.startswith("_") else text


def encoded(canvas: FigureCanvasAgg) -> bytes:
    """What is on the canvas now, as a PNG of at most 64 colors."""
    size = canvas.get_width_height()
    pixels = canvas.buffer_rgba()  # type: ignore[no-untyped-call]
    image = Image.frombuffer("RGBA", size, pixels, "raw", "RGBA", 0, 1).convert("RGB")
    file = io.BytesIO()
    image.quantize(64, method=2, dither=Image.Dither.NONE).save(
        file, "PNG", compress_level=1, compress_type=3
    )  # 3: runs only
    return file.getvalue()


def picture(figure: Figure, alt: str, details_html: str = "") -> Shown:
    """Return the figure as something to show. ``alt`` says what it shows, to who cannot see it and as the text twin.

    ``details_html`` is ready HTML that stands below the picture, such as a folded table of the data.
    """
    if not alt.strip():
        raise WrongUsage("A picture needs a text that says what it shows.", "Give picture() an alt text.")
    alt = in_lines(alt)
    data = base64.b64encode(png(figure)).decode()
    width, height = (round(inches * DPI) for inches in figure.get_size_inches())
    image = f'<img src="data:image/png;base64,{data}" alt="{escape(alt)}" width="{width}" height="{height}">'
    return Shown(f'<style>{CSS}</style><div class="wk-picture">{image}{details_html}</div>', alt)


def bars(title: str, labels: Iterable[str], values: Iterable[float], unit: str) -> Shown:
    """Return a bar chart: one bar a label, top to bottom, its value written beside it, ``unit`` on the axis."""
    labels, values = list(labels), list(values)  # columns of a table are welcome
    if len(labels) != len(values) or not labels:
        raise WrongUsage(f"{title}: {len(labels)} labels for {len(values)} values.", "Give one label for each value.")
    figure, (axes,) = new_figure(title, 1.0 + 0.34 * len(labels))
    rows = range(len(labels))
    axes.barh(rows, values, height=0.62, color=COLORS[0])
    for row, value in zip(rows, values, strict=True):
        axes.annotate(
            f"{value:,.3g}" if abs(value) < 100 else f"{value:,.0f}",
            (max(value, 0), row),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=INK,
        )
    axes.set_yticks(rows, labels)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(unit)
    said = ", ".join(f"{label} {value:,.4g}" for label, value in zip(labels, values, strict=True))
    return picture(figure, f"Bar chart: {title}. In {unit}: {said}.")


def spans(lane: str, at_seconds: Iterable[float], labels: Iterable[str]) -> list[Band]:
    """Return what was seen now and then as bands: a label lasts until another is seen, the last one until the end.

    >>> [(one.label, one.start_seconds, one.end_seconds) for one in spans("a", [0, 1, 2], ["up", "down", "down"])]
    [('up', 0, 1), ('down', 1, 2)]
    """
    seen = list(zip(at_seconds, labels, strict=True))
    changes = [one for before, one in zip([(0, None), *seen], seen, strict=False) if before[1] != one[1]]
    ends = [at for at, _ in changes[1:]] + [at for at, _ in seen[-1:]]
    return [Band(lane, start, end, label) for (start, label), end in zip(changes, ends, strict=True) if end > start]


def timeline(
    title: str, events: Sequence[Event] = (), bands: Sequence[Band] = (), *, axis: str = "seconds since the start"
) -> Shown:
    """Return what happened when: one row a lane in the order of their first mention, bands first.

    Bands with one label look alike and differ from others in hatching, too; every event is written at its mark.
    """
    if not events and not bands:
        raise WrongUsage(f"{title}: there is nothing on the timeline.", "Give it at least one event or band.")
    lanes = list(dict.fromkeys([band.lane for band in bands] + [event.lane for event in events]))
    figure, (axes,) = new_figure(title, 1.2 + 0.62 * len(lanes))
    rows = {lane: row for row, lane in enumerate(lanes)}
    _draw_bands(axes, bands, rows)
    _draw_events(axes, events, rows)
    axes.set_yticks(range(len(lanes)), lanes)
    axes.set_ylim(len(lanes) - 0.4, -0.75)
    axes.margins(x=0.08)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(axis)
    if bands:
        figure.legend(loc="outside lower left", ncols=5, fontsize=9, frameon=False, labelcolor=INK)
    return picture(figure, f"Timeline: {title}. {_timeline_text(events, bands, axis)}")


def _draw_bands(axes: Axes, bands: Sequence[Band], rows: Mapping[str, int]) -> None:
    labels = list(dict.fromkeys(band.label for band in bands))
    for index, label in enumerate(labels):
        mine = [band for band in bands if band.label == label]
        color = COLORS[index % len(COLORS)]
        axes.barh(
            [rows[band.lane] for band in mine],
            [band.end_seconds - band.start_seconds for band in mine],
            left=[band.start_seconds for band in mine],
            height=0.36,
            label=legend_label(label),
            facecolor=f"{color}66",
            edgecolor=color,
            hatch=HATCHES[index % len(HATCHES)],
        )


def _draw_events(axes: Axes, events: Sequence[Event], rows: Mapping[str, int]) -> None:
    span = max(event.at_seconds for event in events) - min(event.at_seconds for event in events) if events else 0.0
    last: dict[str, tuple[float, int]] = {}
    for event in events:
        row = rows[event.lane]
        axes.plot([event.at_seconds], [row], marker="D", markersize=6, color=INK, linestyle="none")
        label = f"{event.label} ({event.at_seconds:.2f})"
        before, height = last.get(event.lane, (-math.inf, BELOW))
        crowded = event.at_seconds - before < CROWDED * span
        height = BELOW if crowded and height == ABOVE else ABOVE
        last[event.lane] = (event.at_seconds, height)
        axes.annotate(
            label, (event.at_seconds, row), (0, height), textcoords="offset points", ha="center", fontsize=9, color=INK
        )


def _timeline_text(events: Sequence[Event], bands: Sequence[Band], axis: str) -> str:
    lasted = [f"{band.lane}: {band.label} from {band.start_seconds:.2f} to {band.end_seconds:.2f}" for band in bands]
    happened = [f"{event.lane}: {event.label} at {event.at_seconds:.2f}" for event in events]
    return f"In {axis}: {'; '.join(lasted + happened)}."


def quiet(axes: Axes) -> None:
    """The house style of axes: a pale grid below, two borders, letters dark enough to read."""
    axes.set_axisbelow(True)
    axes.grid(visible=True, color=GRID, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(SOFT)
    axes.tick_params(colors=SOFT, labelcolor=INK, labelsize=9)
    axes.xaxis.label.set(color=SOFT, fontsize=9)
    axes.yaxis.label.set(color=SOFT, fontsize=9)
