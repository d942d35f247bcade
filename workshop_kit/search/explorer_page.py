"""The explorer's page as plain data (lines cut to the width of a cell, the bars above them), and as static HTML."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workshop_kit.display import charts
from workshop_kit.display.charts import LEVEL_LOOKS, duration_text
from workshop_kit.display.rendered import WIDGET_CSS, Rendered, table
from workshop_kit.observe.logs.lines import level_group
from workshop_kit.search.language import Condition
from workshop_kit.search.log_table import FrameStore
from workshop_kit.untrusted_text import visible

PAGE_ROWS = 100
CELL_CHARACTERS = 300
VALUE_CHARACTERS = 20_000
"""The maximum length of one field of an open line."""
COLUMNS = {
    "service": "service",
    "level": "level",
    "msg": "coalesce(msg, raw)",
    "request_id": "fields['request_id']",
    "status": "fields['status']",
}
"""The table's columns after the time, with their values in SQL."""
LEVELS = tuple(LEVEL_LOOKS)
STEPS_US = (
    *(n * 10**power for power in range(6) for n in (1, 2, 5)),
    *(n * 1_000_000 for n in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)),
    *(n * 3_600_000_000 for n in (1, 2, 3, 6, 12, 24, 48, 168)),
)
"""The lengths of a bar, in microseconds."""
BARS = 60
CSS = WIDGET_CSS + (Path(__file__).parent / "explorer.css").read_text()
ROWS = 20
HOW = "In JupyterLab, run this cell to search."
_TS_MICROSECONDS = "epoch_us(CAST(ts AS TIMESTAMPTZ))"
_TIME_TEXT = "strftime(CAST({0} AS TIMESTAMP_NS), '%Y-%m-%dT%H:%M:%S.%nZ') AS {0}"
_ALL_COLUMNS = f"{_TIME_TEXT.format('ts')}, {_TIME_TEXT.format('received')}, * EXCLUDE (ts, received, row)"


@dataclass(frozen=True)
class ExplorerView:
    """What the explorer shows: a page of the lines that a search finds, newest lines first.

    ``span`` limits them to a time (microseconds since 1970, end excluded). With ``request`` it is all lines of one
    request, oldest first, without the search and the span. ``grouped`` puts identical messages into one row; with None
    this depends on whether the search has a level.
    """

    query: str = ""
    span: tuple[int, int] | None = None
    page: int = 0
    request: str | None = None
    grouped: bool | None = None

    def is_grouped(self, condition: Condition) -> bool:
        """Return whether identical messages stand in one row."""
        if self.request is not None:
            return False
        if self.grouped is None:
            return "level" in condition.fields
        return self.grouped


@dataclass(frozen=True)
class LineHistogram:
    """The number of lines by time and level: bar n begins at ``first + n * step`` microseconds since 1970.

    ``counts`` has a list for each of `LEVELS`, all of one length; empty where nothing has a time.
    """

    first: int
    step: int
    counts: list[list[int]]


def condition_of(store: FrameStore, view: ExplorerView) -> Condition:
    """Return the condition on the lines of a view. Raises SearchMistake."""
    if view.request is not None:
        return Condition("fields['request_id'] = ?", [view.request], {})
    return store.where(view.query)


def page_of(store: FrameStore, view: ExplorerView, end: int) -> dict[str, Any]:
    """Return the page as plain data with every text made visible. Raises what the store raises.

    Lines numbered ``end`` and above are left out.
    """
    condition = _condition_in_span(store, view)
    hits = _hits(store, condition, end)
    groups = _groups(store, condition, end) if view.is_grouped(condition) else None

    numbers = _line_numbers(view, hits, groups)
    page_count = max(1, math.ceil(len(numbers) / PAGE_ROWS))
    page = min(max(view.page, 0), page_count - 1)
    on_page = slice(page * PAGE_ROWS, (page + 1) * PAGE_ROWS)
    lines = _lines(store, numbers.tolist()[on_page])
    columns = list(COLUMNS)
    if groups is not None:  # each line stands for a group: it also has the number of the group's lines
        columns = ["lines", *COLUMNS]
        counts = groups["lines"][on_page]
        lines = [{**line, "lines": f"{count:,}"} for line, count in zip(lines, counts, strict=True)]

    bars = histogram(hits, view.span or _whole_span(store, view, hits, end))
    return {
        "query": view.query,
        "request": visible(view.request or ""),
        "total": max(0, end - store.dropped),
        "hits": len(hits),
        "untimed": int(hits["at"].isna().sum()),
        "page": page,
        "pages": page_count,
        "span": list(view.span or ()),
        "lasting": duration_text(bars.step / 1e6),
        "bars": vars(bars),
        "summary": summary(bars),
        "groups": -1 if groups is None else len(groups),
        "columns": columns,
        "rows": lines,
    }


def _condition_in_span(store: FrameStore, view: ExplorerView) -> Condition:
    """Return the condition on the lines of a view, within its span if it has one. Raises SearchMistake."""
    condition = condition_of(store, view)
    if not view.span:
        return condition
    start, end = view.span
    return condition._replace(sql=f"{_TS_MICROSECONDS} >= {start} AND {_TS_MICROSECONDS} < {end} AND ({condition.sql})")


def _line_numbers(view: ExplorerView, hits: pd.DataFrame, groups: pd.DataFrame | None) -> pd.Series:
    """Return the numbers of the table's lines, the newest first; those of a request in the order of time."""
    if groups is not None:
        return groups["row"]
    if view.request is not None:
        return hits["row"]
    return hits["row"][::-1]


def _hits(store: FrameStore, condition: Condition, end: int) -> pd.DataFrame:
    """Return number, time (microseconds, or NaN) and level of the matching lines, those without a time first."""
    hits = store.select(
        f"SELECT row, CAST({_TS_MICROSECONDS} AS DOUBLE) AS at, lower(level) AS level FROM logs "  # noqa: S608 - values are parameters
        f"WHERE row < ? AND ({condition.sql}) ORDER BY ts NULLS FIRST, row",
        [end, *condition.parameters],
    )
    return hits.assign(level=hits["level"].map(level_group).astype("str"))


def _whole_span(store: FrameStore, view: ExplorerView, hits: pd.DataFrame, end: int) -> tuple[int, int] | None:
    """Return the time span of the lines of a request, or of all lines, so that all searches have the same axis.

    Return None if no line has a time.
    """
    if view.request is not None:
        low = hits["at"].min()
        high = hits["at"].max()
    else:
        query = f"SELECT min({_TS_MICROSECONDS}) AS low, max({_TS_MICROSECONDS}) AS high FROM logs WHERE row < ?"  # noqa: S608 - constants
        low, high = store.select(query, [end]).iloc[0]

    return None if pd.isna(low) else (int(low), int(high) + 1)


def _groups(store: FrameStore, condition: Condition, end: int) -> pd.DataFrame:
    """Return the lines by service, level and message: ``row`` of the newest of each, and how many ``lines``."""
    return store.select(
        f"SELECT max(row) AS row, count(*) AS lines FROM logs WHERE row < ? AND ({condition.sql}) "  # noqa: S608 - values are parameters
        "GROUP BY service, level, msg, raw ORDER BY row DESC",
        [end, *condition.parameters],
    )


def _lines(store: FrameStore, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """Return these lines in this order, each with ``row``, ``ts``, ``counted`` and the `COLUMNS` that it has.

    Texts are cut to a cell's length. ``counted`` is which of `LEVELS` the line is counted as, so that the table and the
    bars agree. A line that is no JSON object, or has no ``msg``, has its whole text as ``msg``.
    """
    if not numbers:
        return []
    cells = ", ".join(f"left({value}, {CELL_CHARACTERS + 1}) AS {name}" for name, value in COLUMNS.items())
    query = f"SELECT row, {_TS_MICROSECONDS} AS ts, {cells} FROM logs WHERE list_contains(?, row)"  # noqa: S608 - constants
    lines = store.select(query, [list(numbers)]).to_dict("records")
    lines_by_number = {line["row"]: line for line in lines}
    return [_cells(lines_by_number[number]) for number in numbers if number in lines_by_number]


def _cells(line: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a line of the store as the page shows it; what it lacks is left out."""
    cells = {name: visible(line[name], CELL_CHARACTERS) for name in COLUMNS if pd.notna(line[name])}
    time = "" if pd.isna(line["ts"]) else clock(int(line["ts"]))
    return {"row": int(line["row"]), "ts": time, "counted": level_group(line["level"]), **cells}


def field_texts(store: FrameStore, number: int) -> list[tuple[str, str]]:
    """Return all that the store has of one line, as (name, text) with every text made visible; nulls are left out."""
    matches = store.select(f"SELECT {_ALL_COLUMNS} FROM logs WHERE row = ?", [number])  # noqa: S608 - constant
    fields: list[tuple[Any, Any]] = []
    for line in matches.to_dict("records"):
        fields += line.items()
        fields += line["fields"].items()
    return [(visible(name, CELL_CHARACTERS), _full_text(value)) for name, value in fields if isinstance(value, str)]


def _full_text(text: str) -> str:
    """Return a text with its line ends, since it may be a traceback, and other control characters written out."""
    shown_lines = text[:VALUE_CHARACTERS].split("\n")
    shown_text = "\n".join(map(visible, shown_lines))
    hidden_characters = len(text) - VALUE_CHARACTERS
    if hidden_characters <= 0:
        return shown_text
    return f"{shown_text}… and {hidden_characters:,} more characters"


def request_of(store: FrameStore, number: int) -> str | None:
    """Return the id of the request that a line belongs to; None where it names none."""
    ids = store.select("SELECT fields['request_id'] AS id FROM logs WHERE row = ?", [number])["id"]
    if not len(ids) or pd.isna(ids[0]):
        return None
    return str(ids[0])


def gap_notes(store: FrameStore) -> list[str]:
    """Return notes on what may be missing: the gaps, with the reason of the last one, and the lines dropped."""
    gaps = store.gaps()
    notes = []
    if gaps:
        last_reason = visible(gaps[-1], CELL_CHARACTERS)
        notes.append(f"1 gap: {last_reason}" if len(gaps) == 1 else f"{len(gaps):,} gaps, the last: {last_reason}")

    dropped = store.dropped
    if dropped:
        noun = "line" if dropped == 1 else "lines"
        notes.append(f"{dropped:,} oldest {noun} dropped")
    return notes


def histogram(hits: pd.DataFrame, span: tuple[int, int] | None) -> LineHistogram:
    """Count lines by time and level over a span (its end excluded), in at most `BARS` bars of a round length."""
    if span is None:
        return LineHistogram(0, 1, [[] for _ in LEVELS])

    start, end = span
    step = _bar_length(end - start)
    first_start = start // step * step
    bar_count = max(1, _rounded_up_quotient(end - first_start, step))
    bar_numbers = (hits["at"] - first_start) // step

    counts = []
    for level in LEVELS:
        numbers_of_level = bar_numbers[hits["level"] == level].dropna()
        counts_by_bar, _ = np.histogram(numbers_of_level, bar_count, (0, bar_count))
        counts.append(counts_by_bar.tolist())
    return LineHistogram(first_start, step, counts)


def _bar_length(span_length: int) -> int:
    """Return the shortest round length with which `BARS` bars are enough, wherever the first one begins."""
    least_step = _rounded_up_quotient(span_length, BARS - 1)
    longest_step: int = STEPS_US[-1]
    if least_step > longest_step:
        return longest_step * math.ceil(least_step / longest_step)
    step: int = next(step for step in STEPS_US if step >= least_step)
    return step


def _rounded_up_quotient(dividend: int, divisor: int) -> int:
    """Return the quotient of two integers, rounded up."""
    quotient, remainder = divmod(dividend, divisor)
    return quotient + 1 if remainder else quotient


def summary(bars: LineHistogram) -> str:
    """Return what the bars show as one sentence: how many lines of each level, from when to when, the fullest bar."""
    sums_by_level = {level: sum(counts) for level, counts in zip(LEVELS, bars.counts, strict=True)}
    if not any(sums_by_level.values()):
        return "No line with a time matches."
    sums_text = ", ".join(f"{count:,} {level}" for level, count in sums_by_level.items() if count)

    sums_by_bar = [sum(counts) for counts in zip(*bars.counts, strict=True)]
    highest_sum = max(sums_by_bar)
    fullest_bar = sums_by_bar.index(highest_sum)

    has_whole_seconds = bars.step % 1_000_000 == 0
    begin = clock(bars.first, seconds=has_whole_seconds)
    end = clock(bars.first + len(sums_by_bar) * bars.step, seconds=has_whole_seconds)
    peak = clock(bars.first + fullest_bar * bars.step, seconds=has_whole_seconds)
    most = f"Most, {highest_sum:,}, in the {duration_text(bars.step / 1e6)} from {peak}."
    return f"Lines by level from {begin} to {end} (UTC): {sums_text}. {most}"


def clock(at_us: int, *, seconds: bool = False) -> str:
    """Return a time in UTC: ``2026-11-24 21:05:10.123``, or to the second."""
    text = str(pd.Timestamp(at_us, unit="us").strftime("%Y-%m-%d %H:%M:%S.%f"))
    return text[:-7] if seconds else text[:-3]


def static_page(
    title: str, query: str, page: Mapping[str, Any], problem: str = "", gap_notes: Sequence[str] = ()
) -> Rendered:
    """Return a page of `page_of` as a picture and a table of its first lines; every text is escaped.

    ``problem`` is the sentence for a search that failed, ``gap_notes`` the gaps. An empty page has neither.
    """
    search_text = f"Search: {visible(query)}" if query else "All lines"
    parts = [_sentence(text) for text in (problem, " · ".join(gap_notes)) if text]
    if page:
        parts += [_picture(LineHistogram(**page["bars"]), page["summary"]), _first_lines(page)]

    head = f'<p class="wk-lx-title">{escape(title)}</p><p>{escape(search_text)}</p>'
    body = "".join(part.html for part in parts)
    html = (
        f'<style>{CSS}</style><section class="wk-explorer wk-static" role="group" aria-label="{escape(title)}">'
        f'{head}{body}<p class="wk-lx-soft">{HOW}</p></section>'
    )
    texts = [part.text for part in parts]
    return Rendered(html, "\n".join([title, search_text, *texts]))


def _first_lines(page: Mapping[str, Any]) -> Rendered:
    """Return a table of a page's first lines."""
    columns = ["ts", *page["columns"]]
    lines = [_values(line, columns) for line in page["rows"][:ROWS]]
    caption = f"{page['hits']:,} of {page['total']:,} lines; the newest {len(lines)}"
    if page["groups"] >= 0:
        caption += f" of {page['groups']:,} different messages, each with its number of lines"
    return table(caption, columns, lines)


def _values(line: Mapping[str, Any], columns: Sequence[str]) -> list[Any]:
    """Return the values of a line in these columns; "" where it has none."""
    return [line.get(name, "") for name in columns]


def _picture(bars: LineHistogram, alt: str) -> Rendered:
    """Return the bars as a picture; its alt text is their `summary`."""
    if not any(map(sum, bars.counts)):
        return _sentence(alt)

    figure, axes = charts.new_figure(f"Lines in each {duration_text(bars.step / 1e6)}, by level", 2.2)
    bar_count = len(bars.counts[0])
    counts = {name: np.array(column) for name, column in zip(LEVELS, bars.counts, strict=True)}
    charts.stacked_bars(axes, np.arange(bar_count, dtype=np.float64), 1.0, counts)

    marks = sorted({0, bar_count // 2, bar_count})
    axes.set_xticks(marks, [clock(bars.first + mark * bars.step, seconds=True) for mark in marks])
    axes.set_xlim(-0.5, bar_count + 0.5)
    axes.set_ylabel("lines")
    axes.set_xlabel("time, UTC")
    figure.legend(loc="outside upper right", ncols=5, fontsize=9, frameon=False, labelcolor=charts.INK)
    return charts.picture(figure, alt)


def _sentence(text: str) -> Rendered:
    """Return a text as a paragraph of the page."""
    return Rendered(f"<p>{escape(text)}</p>", text)
