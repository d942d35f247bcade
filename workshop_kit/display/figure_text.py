"""What a chart of a lesson shows, in words: a figure of matplotlib has no text of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from IPython.core.getipython import get_ipython

from workshop_kit.untrusted_text import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

START = "Chart: "
"""How each of these texts begins."""
NAMELESS = "_"
"""What the labels begin with that matplotlib gives by itself."""


def describe_figures() -> None:
    """Give the figures of this kernel a text, beside their picture; outside of a kernel do nothing.

    matplotlib_inline removes all formatters of figures when the first one is drawn, so this one comes back before a
    cell's figures are shown, which is after the cell.
    """
    shell: Any = get_ipython()
    if shell is not None:
        _add_formatter()
        shell.events.register("post_execute", _add_formatter)


def _add_formatter() -> None:
    shell: Any = get_ipython()
    formatter = shell.display_formatter.formatters["text/plain"]
    formatter.for_type_by_name("matplotlib.figure", "Figure", _print)  # by name: not every lesson draws


def text_of(figure: Figure) -> str:
    """Return one line that says what a figure shows: titles, labels of axes, and each series with its range."""
    titles = [figure.get_suptitle()]
    parts = [*titles, *(part for axes in figure.axes for part in _axes_parts(axes))]
    texts = [visible(" ".join(part.split())) for part in parts]
    labels_text = "; ".join(dict.fromkeys(filter(None, texts)))  # panels that share an axis name it once
    return START + (labels_text or f"panels without labels: {len(figure.axes)}")


def _axes_parts(axes: Axes) -> Iterator[str]:
    yield axes.get_title()
    yield axes.get_xlabel()
    yield axes.get_ylabel()
    for line in axes.lines:
        name = _name_of(line)
        is_mark = line.get_transform() != axes.transData  # of axhline and axvline: it has no data
        yield name if is_mark else _range_of(name or "line", line.get_ydata())
    for bars in axes.containers:
        values = getattr(bars, "datavalues", None)  # error bars have none
        if values is not None:
            yield _range_of(_name_of(bars) or "bars", values)
    for collection in axes.collections:  # points, and areas
        yield _name_of(collection)


def _name_of(artist: Any) -> str:
    label = str(artist.get_label())
    return "" if label.startswith(NAMELESS) else label


def _range_of(name: str, values: Any) -> str:
    """Return a series with its least and greatest value; its name alone where they are no numbers."""
    import numpy as np  # lazily: the command line does without

    try:
        numbers = np.asarray(values, dtype="float64")
    except (TypeError, ValueError):  # times, or words
        return name

    numbers = numbers[np.isfinite(numbers)]
    if not numbers.size:
        return f"{name} without values"
    return f"{name} from {numbers.min():.3g} to {numbers.max():.3g}"


def _print(figure: Figure, printer: Any, _: bool) -> None:
    printer.text(text_of(figure))
