"""Static charts: numbers in, a picture with title, units and an alt text out. One PNG serves both themes.

The pictures are drawn dark on white; in a dark theme the stylesheet turns their lightness around and keeps the hues,
so a saved picture follows the theme without a kernel and without a second copy.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from html import escape
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from workshop_kit.display.rendered import Shown
from workshop_kit.errors import WrongUsage
from workshop_kit.screen import in_lines, visible

CSS = (Path(__file__).parent / "live.css").read_text()
WIDTH_INCHES, DPI = 8.6, 100
PAPER, INK, SOFT, GRID = "#ffffff", "#1f2328", "#57606a", "#d8dee4"
COLORS = ("#0b62b0", "#b3470b", "#1a7f5a", "#7d3cc9", "#a8264f", "#5f6b22")


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


def quiet(axes: Axes) -> None:
    """The house style of axes: a pale grid below, two borders, letters dark enough to read."""
    axes.set_axisbelow(True)
    axes.grid(visible=True, color=GRID, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(SOFT)
    axes.tick_params(colors=SOFT, labelcolor=INK, labelsize=9)
    axes.xaxis.label.set(color=SOFT, fontsize=9)
    axes.yaxis.label.set(color=SOFT, fontsize=9)
