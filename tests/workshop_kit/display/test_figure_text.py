"""A chart of a lesson has a text: what its axes are, and the range of each series."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from matplotlib.figure import Figure

from tests.conftest import write_notebook
from workshop_dev.tour import Tour
from workshop_kit.display.figure_text import text_of
from workshop_kit.workspace.folder import Workspace

TIMES = pd.date_range("2026-03-01 10:00", periods=3, freq="s", tz="UTC")


def lines(figure: Figure) -> None:
    """Two series over time, one with a gap, and a moment that is marked."""
    ax = figure.subplots()
    ax.plot(TIMES, [4.0, float("nan"), 63.94], label="used")
    ax.plot(TIMES, [64, 64, 64], label="limit")
    ax.axvline(TIMES[1], label="restart")
    ax.set_xlabel("time (UTC)")
    ax.set_ylabel("memory (MiB)")


def bars(figure: Figure) -> None:
    """Bars whose axis is labeled by a keyword."""
    ax = figure.subplots()
    ax.barh(["shell form", "exec form"], [10.21, 0.4])
    ax.set(xlabel="seconds to stop")


def panels(figure: Figure) -> None:
    """Two panels with points, titles, and a label of two lines."""
    figure.suptitle("Three\nenvironments")
    left, right = figure.subplots(1, 2)
    left.set_title("production")
    left.scatter([1, 2], [3, 4], label="slow orders")
    right.set_title("staging")
    right.plot([], [], label="failed")


@pytest.mark.parametrize(
    ("draw", "text"),
    [
        (lines, "Chart: time (UTC); memory (MiB); used from 4 to 63.9; limit from 64 to 64; restart"),
        (bars, "Chart: seconds to stop; bars from 0.4 to 10.2"),
        (panels, "Chart: Three environments; production; slow orders; staging; failed without values"),
    ],
)
def test_a_figure_says_what_it_shows(draw: Callable[[Figure], None], text: str) -> None:
    """In one line: titles, labels however they were set, and each series with its range."""
    figure = Figure()
    draw(figure)
    assert text_of(figure) == text


DRAWS = """
import matplotlib.pyplot as plt

fig, ax = plt.subplots()
ax.plot([4, 63.94])
ax.set_ylabel("memory (MiB)")
"""


def test_a_kernel_gives_each_figure_its_text(empty_workspace: Workspace, tmp_path: Path) -> None:
    """It goes into the notebook beside the picture, the first figure's, too; book and site take it from there."""
    starts = "from workshop_kit.display.figure_text import describe_figures\n\ndescribe_figures()"
    write_notebook(empty_workspace, "00_start", [starts, DRAWS, DRAWS])
    (result,) = Tour(empty_workspace, output=tmp_path, expected=tmp_path).run()
    assert result.error is None
    executed = nbformat.read(tmp_path / "00_start.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    outputs = [output for cell in executed.cells for output in cell.outputs]
    shown = [output["data"] for output in outputs if "image/png" in output["data"]]
    assert [data["text/plain"] for data in shown] == ["Chart: memory (MiB); line from 4 to 63.9"] * 2
