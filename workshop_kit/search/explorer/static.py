"""The explorer where no kernel is: the newest lines that match as a table, the bars as a picture, both with words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from workshop_kit.display import charts
from workshop_kit.display.rendered import Rendered
from workshop_kit.display.tables import table
from workshop_kit.screen import visible
from workshop_kit.search.explorer.hits import LEVELS
from workshop_kit.search.explorer.page import clock, lasting, summary

STYLE = f"<style>{(Path(__file__).parent / 'explorer.css').read_text()}</style>"
ROWS = 20
HOW = "In JupyterLab, run this cell to search."
STROKES = (("#a8264f", ""), ("#b3470b", "////"), ("#9cc3e6", ""), ("#c8ccd0", "...."), ("#e6dcf5", "xxxx"))
"""Color and hatching of each of `LEVELS`."""


def static(title: str, query: str, shown: Mapping[str, Any], problem: str = "", missed: Sequence[str] = ()) -> Rendered:
    """Return a page of `looking.page_of` as a picture and a table of its first lines; every text is escaped.

    ``problem`` is the sentence that stands there when the search could not be done, ``missed`` what may be missing.
    """
    words = f"Search: {visible(query)}" if query else "All lines"
    parts = [_sentence(text) for text in (problem, " · ".join(missed)) if text]
    if shown:
        columns = ["ts", *shown["columns"]]
        lines = [[line.get(name, "") for name in columns] for line in shown["rows"][:ROWS]]
        said = f"{shown['hits']:,} of {shown['total']:,} lines; the newest {len(lines)}"
        if shown["groups"] >= 0:
            said += f" of {shown['groups']:,} different messages, each with its number of lines"
        parts += [picture(shown), table(said, columns, lines)]
    head = f'<p class="wk-lx-title">{escape(title)}</p><p>{escape(words)}</p>'
    html = (
        f'{STYLE}<section class="wk-explorer wk-static" role="group" aria-label="{escape(title)}">'
        f'{head}{"".join(part.html for part in parts)}<p class="wk-lx-soft">{HOW}</p></section>'
    )
    return Rendered(html, "\n".join([title, words, *(part.text for part in parts)]))


def picture(shown: Mapping[str, Any]) -> Rendered:
    """Return the bars as a picture; its alt text is `looking.summary`."""
    bars = shown["bars"]
    if not any(map(sum, bars["counts"])):
        return _sentence(summary(shown))
    title = f"Lines in each {lasting(bars['step'])}, by level"
    figure, (axes,) = charts.new_figure(title, 2.2)
    many = len(bars["counts"][0])
    at, below = np.arange(many), np.zeros(many)
    for name, counts, (color, hatch) in zip(LEVELS, bars["counts"], STROKES, strict=True):
        if any(counts):
            axes.bar(at + 0.5, counts, 0.9, below, label=name, color=color, hatch=hatch, edgecolor=charts.INK, lw=0.3)
            below += counts
    marks = sorted({0, many // 2, many})
    axes.set_xticks(marks, [clock(bars["first"] + mark * bars["step"], seconds=True) for mark in marks])
    axes.set_xlim(-0.5, many + 0.5)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_ylabel("lines")
    axes.set_xlabel("time, UTC")
    return _with_legend(figure, summary(shown))


def _with_legend(figure: Figure, said: str) -> Rendered:
    figure.legend(loc="outside upper right", ncols=5, fontsize=9, frameon=False, labelcolor=charts.INK)
    return charts.picture(figure, said)


def _sentence(text: str) -> Rendered:
    return Rendered(f"<p>{escape(text)}</p>", text)
