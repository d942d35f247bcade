"""What remains of a dashboard on a page: one picture, and the data below it, folded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

import pandas as pd
from matplotlib.figure import Figure

from workshop_kit.display import charts
from workshop_kit.display.dashboard.view import EVENTS, Fault, Row, View
from workshop_kit.display.rendered import Shown
from workshop_kit.display.tables import table
from workshop_kit.observe.watch import Tables

ROWS = 120  # of each table; the newest ones
RESOURCES = ("cpu_percent", "cpu_limit_percent", "throttled_percent", "memory_bytes", "memory_limit_bytes")


def page(drawn: Figure, said: str, view: View, tables: Tables, faults: Iterable[Fault], problem: str = "") -> Shown:
    """The picture with ``said`` as its text, and five folded tables; every value is escaped by `tables.table`."""
    events = tables.events[tables.events["what"].isin(list(EVENTS))]
    parts = [
        _folded("Requests", tables.requests),
        _folded("Resources", tables.resources[["time", "container", "state", *RESOURCES]]),
        _rows("Health, state by state", ("from", "to", "what", "state"), _states(view)),
        _folded("Events", events[["time", "container", "what", "detail", "exit_code"]]),
        _rows("Faults", ("from", "to", "fault", "target"), [_fault(one) for one in faults]),
    ]
    warned = f'<p role="status">▲ {escape(problem)}</p>' if problem else ""
    return charts.picture(drawn, said, warned + "".join(parts))


def _folded(name: str, frame: pd.DataFrame) -> str:
    rows = [[cell(value) for value in row] for row in frame.tail(ROWS).itertuples(index=False)]
    more = f", the newest of {len(frame)} rows" if len(frame) > ROWS else ""
    return _rows(f"{name}{more}", list(frame.columns), rows)


def _rows(name: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    body = table(name, columns, rows).html if rows else "<p>None.</p>"
    return f"<details><summary>Data: {escape(name)} ({len(rows)} shown)</summary><div>{body}</div></details>"


def _states(view: View) -> list[list[str]]:
    return [_state(view, row, number) for row in view.rows for number in range(len(row.runs))]


def _state(view: View, row: Row, number: int) -> list[str]:
    run = row.runs[number]
    return [view.clock(run.start), view.clock(run.end), row.name, run.state]


def _fault(one: Fault) -> list[str]:
    ended = f"{one.ended:%H:%M:%S}" if one.ended else "still in force"
    return [f"{one.started:%H:%M:%S}", ended, one.fault, one.target]


def cell(value: object) -> str:
    """One value as people write it: times of day, whole numbers without a point, nothing for what is not known."""
    if value is None or value is pd.NA:
        return ""
    if isinstance(value, pd.Timestamp):
        return f"{value:%H:%M:%S.%f}"[:-5]
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:,.0f}" if value.is_integer() else f"{value:,.2f}"
    return str(value)
