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
"""How the labels begin that matplotlib makes by itself."""


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
    """Let this kernel's figures have a text."""
    shell: Any = get_ipython()
    formatter = shell.display_formatter.formatters["text/plain"]
    formatter.for_type_by_name("matplotlib.figure", "Figure", _print_text)  # by name: not every lesson draws


def text_of(figure: Figure) -> str:
    """Return one line that says what a figure shows: titles, labels of axes, and each series with its range."""
    labels = [figure.get_suptitle()]
    for axes in figure.axes:
        labels += _labels_of(axes)

    texts = [visible(" ".join(label.split())) for label in labels]
    different_texts = dict.fromkeys(text for text in texts if text)  # panels that share an axis name it once
    if not different_texts:
        return f"{START}panels without labels: {len(figure.axes)}"
    return START + "; ".join(different_texts)


def _labels_of(axes: Axes) -> Iterator[str]:
    """Yield title, labels, and each series with its range; "" for what has no label."""
    yield axes.get_title()
    yield axes.get_xlabel()
    yield axes.get_ylabel()
    for line in axes.lines:
        name = _name_of(line)
        is_mark = line.get_transform() != axes.transData  # of axhline and axvline: it has no data
        yield name if is_mark else _name_and_range(name or "line", line.get_ydata())

    for bars in axes.containers:
        values = getattr(bars, "datavalues", None)  # error bars have none
        if values is not None:
            yield _name_and_range(_name_of(bars) or "bars", values)

    for points_or_areas in axes.collections:
        yield _name_of(points_or_areas)


def _name_of(artist: Any) -> str:
    """Return the label that the lesson gave to a series; "" without one."""
    label = str(artist.get_label())
    return "" if label.startswith(NAMELESS) else label


def _name_and_range(name: str, values: Any) -> str:
    """Return a series' name with its least and greatest value; the name alone if the values are no numbers."""
    import numpy as np  # lazily: the command line does without

    try:
        numbers = np.asarray(values, dtype="float64")
    except (TypeError, ValueError):  # times, or words
        return name

    numbers = numbers[np.isfinite(numbers)]
    if not numbers.size:
        return f"{name} without values"
    return f"{name} from {numbers.min():.3g} to {numbers.max():.3g}"


def _print_text(figure: Figure, printer: Any, _: bool) -> None:
    """Print a figure's text, as a formatter of IPython does."""
    printer.text(text_of(figure))
