"""What the log explorer shows of a log: the lines that match, their histogram, and a static page. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workshop_kit.display.rendered import WIDGET_CSS, Rendered, table
from workshop_kit.errors import WrongUsage
from workshop_kit.observe.logs.lines import LEVEL_GROUPS, level_group
from workshop_kit.untrusted_text import in_lines, visible

LEVELS = (*LEVEL_GROUPS, "other")
CSS = WIDGET_CSS + (Path(__file__).parent / "explorer.css").read_text()
BARS = 60
SHOWN_LINES = 100
STATIC_LINES = 20
MESSAGE_CHARACTERS = 300
LINE_CHARACTERS = 4_000
COLUMNS = ("time", "level", "service", "message", "request")
NEEDED = ("ts", "level", "raw")
"""The columns of a log reader's frame that are used."""
HOW = "In JupyterLab, run this cell to search."


@dataclass(frozen=True)
class Selection:
    """The lines to show: those with all ``words`` and one of ``levels``, or all lines of one ``request``."""

    words: str = ""
    levels: tuple[str, ...] = LEVELS
    request: str = ""


def searchable(frame: pd.DataFrame, service: str = "") -> pd.DataFrame:
    """Return the lines of a log reader's frame as texts: `COLUMNS` with ``time``, ``line``, and ``searched``.

    ``service`` is that of lines without a column ``service``. Raises WrongUsage for any other table.
    """
    columns = getattr(frame, "columns", ())
    missing_columns = [name for name in NEEDED if name not in columns]
    if missing_columns:
        sentence = f"The explorer shows lines of a log, and this has no column {missing_columns[0]!r}."
        raise WrongUsage(sentence, "Pass the table that `w.logs.collected()` returns, or a part of its rows.")

    raw = _texts(frame, "raw")
    services = _texts(frame, "service").where(lambda texts: texts != "", service)
    messages = _texts(frame, "msg").where(lambda texts: texts != "", raw)
    lines = pd.DataFrame(
        {
            "time": pd.to_datetime(frame["ts"], utc=True, errors="coerce"),
            "level": frame["level"].map(level_group).astype(object),
            "service": services,
            "message": messages,
            "request": _texts(frame, "request_id"),
            "line": raw,
        }
    )
    searched = lines["service"] + " " + lines["message"] + " " + lines["line"]
    return lines.assign(searched=searched.str.casefold())


def _texts(frame: pd.DataFrame, name: str) -> pd.Series:
    """Return a column as texts; "" for a missing value, or a missing column."""
    if name not in frame:
        return pd.Series("", index=frame.index, dtype=object)
    values = frame[name].astype(object)
    return values.where(values.notna(), "").map(str)


def matches(lines: pd.DataFrame, selection: Selection) -> pd.DataFrame:
    """Return the lines of a selection: newest first, those of one request oldest first."""
    if selection.request:
        found = lines[lines["request"] == selection.request]
        return found.sort_values("time", kind="stable")

    found = lines[lines["level"].isin(selection.levels)]
    for word in selection.words.casefold().split():
        found = found[found["searched"].str.contains(word, regex=False)]
    return found[::-1].sort_values("time", ascending=False, kind="stable")


def page_of(lines: pd.DataFrame, selection: Selection) -> dict[str, Any]:
    """Return what the page shows of a selection, as plain data with every text made visible."""
    found = matches(lines, selection)
    bars = histogram(found, lines["time"])
    rows = [_row(line) for line in found.head(SHOWN_LINES).to_dict("records")]
    return {"count": _count_text(len(found), len(lines), selection), "rows": rows, **bars}


def _count_text(found: int, total: int, selection: Selection) -> str:
    """Return how many lines are found, of how many, and how many of them are shown."""
    text = f"{found:,} of {_count_lines(total)}"
    if selection.request:
        text = f"Request {visible(selection.request, MESSAGE_CHARACTERS)}: {text}"
    if found > SHOWN_LINES:
        text += f"; the newest {SHOWN_LINES} are shown"
    return text


def _count_lines(number: int) -> str:
    return "1 line" if number == 1 else f"{number:,} lines"


def _row(line: Mapping[Any, Any]) -> dict[str, str]:
    """Return a line as the page shows it; its whole text keeps its line ends."""
    row = {name: visible(line[name], MESSAGE_CHARACTERS) for name in COLUMNS[1:]}
    time = "" if pd.isna(line["time"]) else f"{line['time']:%Y-%m-%d %H:%M:%S.%f}"[:-3]
    return {**row, "time": time, "id": line["request"], "line": in_lines(line["line"][:LINE_CHARACTERS])}


def histogram(found: pd.DataFrame, all_times: pd.Series) -> dict[str, Any]:
    """Count the lines found, over the time of all lines: ``bars`` of all and of errors and warnings, and a sentence.

    All selections have the same axis.
    """
    if found["time"].isna().all():
        return {"bars": [], "summary": "No line with a time matches."}

    first = all_times.min()
    last = all_times.max()
    span_seconds = (last - first).total_seconds() or 1.0
    timed_lines = found[found["time"].notna()]
    seconds = (timed_lines["time"] - first).dt.total_seconds()
    is_grave = timed_lines["level"].isin(["error", "warning"])
    totals, starts = np.histogram(seconds, BARS, (0, span_seconds))
    graves, _ = np.histogram(seconds[is_grave], BARS, (0, span_seconds))

    most = totals.argmax()
    start = first + pd.Timedelta(seconds=starts[most])
    summary = (
        f"{_count_lines(len(timed_lines))} from {first:%Y-%m-%d %H:%M:%S} to {last:%H:%M:%S} (UTC), "
        f"{is_grave.sum():,} of them errors and warnings. Most, {totals[most]:,}, "
        f"in the {span_seconds / BARS:.2g} s from {start:%H:%M:%S}."
    )
    return {"bars": [list(pair) for pair in zip(totals.tolist(), graves.tolist(), strict=True)], "summary": summary}


def static_page(title: str, selection: Selection, page: Mapping[str, Any], problem: str = "") -> Rendered:
    """Return the page without buttons: the search, the count over time and the first lines; every text is escaped."""
    search_text = f"Search: {visible(selection.words)}" if selection.words else "All lines"
    cells = itemgetter(*COLUMNS)
    lines = table(page["count"], COLUMNS, list(map(cells, page["rows"][:STATIC_LINES])))
    texts = list(filter(None, [title, search_text, problem, page["summary"]]))
    html = "".join(f"<p>{escape(text)}</p>" for text in texts)
    section = (
        f'<style>{CSS}</style><section class="wk-explorer wk-static" role="group" aria-label="{escape(title)}">'
        f"{html}{lines.html}<p>{HOW}</p></section>"
    )
    return Rendered(section, "\n".join([*texts, lines.text]))
