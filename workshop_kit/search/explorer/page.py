"""The explorer's page as plain data (lines cut to the width of a cell, the bars above them), and as static HTML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from workshop_kit.display import charts
from workshop_kit.display.rendered import Rendered
from workshop_kit.display.tables import table
from workshop_kit.screen import visible
from workshop_kit.search import FrameStore
from workshop_kit.search.explorer.hits import LEVELS, NO_TIME, Hits, StoreState, groups, histogram, level_sql, time_sql
from workshop_kit.search.query import parse

PAGE_ROWS = 100
CELL_CHARACTERS = 300
VALUE_CHARACTERS = 20_000
"""The maximum length of one field of an open line."""
COLUMNS = ("service", "level", "msg", "request_id", "status")
"""The table's columns after the time, where the store has them."""
STYLE = f"<style>{(Path(__file__).parent / 'explorer.css').read_text()}</style>"
ROWS = 20
HOW = "In JupyterLab, run this cell to search."
STROKES = (("#a8264f", ""), ("#b3470b", "////"), ("#9cc3e6", ""), ("#c8ccd0", "...."), ("#e6dcf5", "xxxx"))
"""Color and hatching of each of `LEVELS`."""


@dataclass(frozen=True)
class View:
    """The page that is selected: a search, within ``span`` (microseconds, end excluded), one page, newest lines first.

    With ``request`` it is all lines of one request, oldest first, without the search and the span. ``grouped`` puts
    identical messages into one row; None: if the search has a level.
    """

    query: str = ""
    span: tuple[int, int] | None = None
    page: int = 0
    request: str | None = None
    grouped: bool | None = None

    @property
    def is_grouped(self) -> bool:
        """Whether identical messages stand in one row."""
        chosen = "level" in parse(self.query).names if self.grouped is None else self.grouped
        return chosen and self.request is None


def page_of(store: FrameStore, hits: Hits, view: View, there: StoreState) -> dict[str, Any]:
    """Return the page as plain data with every text made visible. Raises what the store raises."""
    inside = hits.within(view.span)
    grouped = groups(hits, store, there.columns, view.span) if view.is_grouped else None
    numbers = inside.row if view.request is not None else inside.row[::-1]
    numbers = numbers if grouped is None else grouped["row"].to_numpy()
    pages = max(1, -(-len(numbers) // PAGE_ROWS))
    page = min(max(view.page, 0), pages - 1)
    on_page = slice(page * PAGE_ROWS, (page + 1) * PAGE_ROWS)
    lines = rows(store, numbers[on_page].tolist(), there.columns)
    if grouped is not None:
        lines = [{**line, "lines": f"{many:,}"} for line, many in zip(lines, grouped["lines"][on_page], strict=True)]
    bars = histogram(hits, view.span or axis_of(hits, view, there))
    return {
        "total": hits.end - hits.first,
        "hits": len(inside),
        "untimed": int((inside.at == NO_TIME).sum()),
        "page": page,
        "pages": pages,
        "span": list(view.span or ()),
        "lasting": lasting(bars.step_us),
        "bars": {"first": bars.first_us, "step": bars.step_us, "counts": [list(column) for column in bars.counts]},
        "groups": -1 if grouped is None else len(grouped),
        "columns": [*(["lines"] if grouped is not None else []), *(name for name in COLUMNS if name in there.columns)],
        "rows": lines,
    }


def axis_of(hits: Hits, view: View, there: StoreState) -> tuple[int, int] | None:
    """Return the time span of the whole store, the same for all searches, or that of a request."""
    timed = hits.at[hits.at != NO_TIME]
    span = (int(timed[0]), int(timed[-1])) if view.request is not None and len(timed) else there.span
    return span and (span[0], span[1] + 1)


def rows(store: FrameStore, numbers: Sequence[int], columns: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return these lines in this order: ``row``, ``ts`` and what there is of `COLUMNS`, each cut to a cell's length.

    ``counted`` is which of `LEVELS` the line is counted as, so that the table and the bars agree. A line that is no
    JSON object, or has no ``msg``, shows its text in its place.
    """
    if not numbers:
        return []
    cells = [f"{_cell_sql(name, columns)} AS {name}" for name in COLUMNS if name in columns]
    cells += [f"{time_sql(columns)} AS ts", f"{level_sql(columns)} AS counted"]
    listed = ", ".join(str(int(number)) for number in numbers)
    found = store.sql(
        f"SELECT {', '.join(['row', *cells])} FROM logs WHERE row IN ({listed})"  # noqa: S608 - numbers and our own names
    )
    lines = {int(line["row"]): line for line in found.to_dict("records")}
    return [_cells(lines[number]) for number in numbers if number in lines]


def record(store: FrameStore, number: int) -> list[tuple[str, str]]:
    """Return all that the store knows of one line, as (name, text) with every text made visible; nulls are left out.

    What fits no column stands in ``rest``: its fields are listed like the others.
    """
    found = store.sql(f"SELECT * FROM logs WHERE row = {int(number)}")  # noqa: S608 - a number
    if not len(found):
        return []
    fields = [(name, value) for name, value in found.iloc[0].items() if _has_value(value)]
    parts = [pair for name, value in fields for pair in (_unpacked(value) if name == "rest" else [(name, value)])]
    return [(visible(str(name), CELL_CHARACTERS), _full_text(value)) for name, value in parts]


def request_of(store: FrameStore, number: int) -> str | None:
    """Return the id of the request that a line belongs to; None where it names none."""
    if "request_id" not in store.columns:
        return None
    found = store.sql(f"SELECT CAST(request_id AS VARCHAR) AS id FROM logs WHERE row = {int(number)}")  # noqa: S608 - a number
    return str(found["id"].iloc[0]) if len(found) and _has_value(found["id"].iloc[0]) else None


def missed(store: FrameStore) -> list[str]:
    """Return in few words each what may be missing: gaps, with the last one's reason, and what the store dropped."""
    gaps, dropped = store.gaps(), int(getattr(store, "dropped", 0))
    said = []
    if len(gaps):
        why = visible(str(gaps["reason"].iloc[-1]), CELL_CHARACTERS)
        said.append(f"1 gap: {why}" if len(gaps) == 1 else f"{len(gaps):,} gaps, the last: {why}")
    if dropped:
        said.append(f"{dropped:,} oldest {'line' if dropped == 1 else 'lines'} dropped")
    return said


def summary(page: Mapping[str, Any]) -> str:
    """Return what the bars show as one sentence: how many lines of each level, from when to when, the fullest bar."""
    first, step, counts = page["bars"]["first"], page["bars"]["step"], page["bars"]["counts"]
    sums = {name: sum(column) for name, column in zip(LEVELS, counts, strict=True)}
    if not any(sums.values()):
        return "No line with a time matches."
    each = [sum(column) for column in zip(*counts, strict=True)]
    fullest = max(range(len(each)), key=each.__getitem__)
    parts = ", ".join(f"{many:,} {name}" for name, many in sums.items() if many)
    seconds = step % 1_000_000 == 0
    begin, end, most = (clock(first + bar * step, seconds=seconds) for bar in (0, len(each), fullest))
    most = f"Most, {each[fullest]:,}, in the {lasting(step)} from {most}."
    return f"Lines by level from {begin} to {end} (UTC): {parts}. {most}"


def clock(at_us: int, *, seconds: bool = False) -> str:
    """Return a time in UTC: ``2026-11-24 21:05:10.123``, or to the second."""
    if at_us == NO_TIME:
        return ""
    text = str(pd.Timestamp(at_us, unit="us").strftime("%Y-%m-%d %H:%M:%S.%f"))
    return text[:-7] if seconds else text[:-3]


def lasting(step_us: int) -> str:
    """Return a length of time in the largest unit that fits: ``5 s``, ``15 min``."""
    units = (("d", 86_400_000_000), ("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000), ("ms", 1_000))
    name, size = next(((name, size) for name, size in units if step_us >= size), ("µs", 1))
    return f"{step_us / size:g} {name}"


def _cell_sql(name: str, columns: Mapping[str, str]) -> str:
    text = f"CAST({name} AS VARCHAR)"
    if name == "msg" and "raw" in columns:
        text = f"coalesce({text}, raw)"
    return f"left({text}, {CELL_CHARACTERS + 1})"


def _cells(line: Mapping[str, Any]) -> dict[str, Any]:
    cells = {
        name: visible(str(line[name]), CELL_CHARACTERS) for name in COLUMNS if name in line and _has_value(line[name])
    }
    return {"row": int(line["row"]), "ts": clock(int(line["ts"])), "counted": LEVELS[int(line["counted"])], **cells}


def _unpacked(rest: str) -> list[tuple[str, Any]]:
    try:
        found = json.loads(rest, parse_int=str, parse_float=str)  # digit for digit
    except (ValueError, RecursionError):
        return [("rest", rest)]
    plain = (str, int, float)
    return [(key, value if isinstance(value, plain) else json.dumps(value)) for key, value in found.items()]


def _has_value(value: Any) -> bool:
    return isinstance(value, list | dict) or bool(pd.notna(value))


def _full_text(value: Any) -> str:
    """Line by line, so that a traceback reads as one; what else could act on a screen is written out."""
    text = value.isoformat(timespec="nanoseconds") if isinstance(value, pd.Timestamp) else str(value)
    text = text.replace("+00:00", "Z") if isinstance(value, pd.Timestamp) else text
    rest = len(text) - VALUE_CHARACTERS
    shown = "\n".join(visible(line) for line in text[:VALUE_CHARACTERS].split("\n"))
    return f"{shown}… and {rest:,} more characters" if rest > 0 else shown


def static_page(
    title: str, query: str, page: Mapping[str, Any], problem: str = "", missed: Sequence[str] = ()
) -> Rendered:
    """Return a page of `page_of` as a picture and a table of its first lines; every text is escaped.

    ``problem`` is the sentence for a search that failed, ``missed`` the gaps.
    """
    words = f"Search: {visible(query)}" if query else "All lines"
    parts = [_sentence(text) for text in (problem, " · ".join(missed)) if text]
    if page:
        columns = ["ts", *page["columns"]]
        lines = [[line.get(name, "") for name in columns] for line in page["rows"][:ROWS]]
        said = f"{page['hits']:,} of {page['total']:,} lines; the newest {len(lines)}"
        if page["groups"] >= 0:
            said += f" of {page['groups']:,} different messages, each with its number of lines"
        parts += [picture(page), table(said, columns, lines)]
    head = f'<p class="wk-lx-title">{escape(title)}</p><p>{escape(words)}</p>'
    html = (
        f'{STYLE}<section class="wk-explorer wk-static" role="group" aria-label="{escape(title)}">'
        f'{head}{"".join(part.html for part in parts)}<p class="wk-lx-soft">{HOW}</p></section>'
    )
    return Rendered(html, "\n".join([title, words, *(part.text for part in parts)]))


def picture(page: Mapping[str, Any]) -> Rendered:
    """Return the bars as a picture; its alt text is `summary`."""
    bars = page["bars"]
    if not any(map(sum, bars["counts"])):
        return _sentence(summary(page))
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
    return _with_legend(figure, summary(page))


def _with_legend(figure: Figure, said: str) -> Rendered:
    figure.legend(loc="outside upper right", ncols=5, fontsize=9, frameon=False, labelcolor=charts.INK)
    return charts.picture(figure, said)


def _sentence(text: str) -> Rendered:
    return Rendered(f"<p>{escape(text)}</p>", text)
