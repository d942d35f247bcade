"""An incident on one time axis: log lines, errors, latency, health, events, and the faults' bands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pandas as pd

from workshop_kit.display import charts
from workshop_kit.display.charts import Bars, counts_by_step, duration_text
from workshop_kit.display.dashboard import renderer
from workshop_kit.display.dashboard.axes import TIME_STEPS
from workshop_kit.display.dashboard.view import FaultBand, Panel, container_view, describe, times
from workshop_kit.display.rendered import Rendered, cell, folded
from workshop_kit.errors import WrongUsage
from workshop_kit.observe.logs.lines import level_group
from workshop_kit.observe.watcher import Tables
from workshop_kit.untrusted_text import visible

ERRORS = Panel("Requests that failed (5xx, or no answer)", "%", {"error_percent": "of all requests"}, full_scale=105.0)
P95 = Panel("95 % of requests were faster than", "ms", {"p95_ms": "p95"}, logarithmic=True)
MOST_BARS = 120
AROUND_SECONDS = 30.0  # shown before the first fault and after the last
LINES = 40  # of the gravest lines, in the table below the picture


def one_clock(
    title: str,
    tables: Tables,
    *,
    logs: pd.DataFrame | None = None,
    faults: Iterable[FaultBand] = (),
    container: str = "service",
    panels: Sequence[Panel] = (ERRORS, P95),
) -> Rendered:
    """Return one picture of what happened to ``container``: the faults and half a minute around them, or all data.

    ``tables`` are a watcher's; ``logs`` is a table of log lines (``ts``, ``level``, ``msg``, perhaps ``service``).
    ``panels`` name columns of the requests.
    Below the picture are the warnings and errors among the lines. Raises WrongUsage if there is nothing to show.
    """
    faults = tuple(faults)
    lines = _timed_lines(logs)
    start, end = _time_shown(title, lines, tables, faults)
    seconds = end - start

    bars = None if logs is None else _bars(lines, end, seconds)
    view = container_view(tables, faults, container, end, seconds, panels)
    view = replace(view, bars=bars, no_data_text="no data")
    alt = describe(title, view) + _bars_text(view.bars)
    return charts.picture(renderer.figure(title, view), alt, _grave_table(lines, end, seconds))


def _timed_lines(logs: pd.DataFrame | None) -> pd.DataFrame:
    """Return the lines that have a time, with it in ``time``, and with the group of their level in ``of``."""
    if logs is None or "ts" not in logs or logs.empty:
        return pd.DataFrame({"time": pd.Series([], dtype="datetime64[us, UTC]"), "of": pd.Series([], dtype="str")})

    timed_lines = logs[logs["ts"].notna()]
    levels = timed_lines["level"] if "level" in timed_lines else pd.Series("", index=timed_lines.index)
    return timed_lines.assign(
        time=pd.to_datetime(timed_lines["ts"], utc=True).astype("datetime64[us, UTC]"),
        of=levels.map(level_group).astype("str"),
    )


def _time_shown(title: str, lines: pd.DataFrame, tables: Tables, faults: tuple[FaultBand, ...]) -> tuple[float, float]:
    """Return the first and the last moment shown, in seconds since 1970. Raises WrongUsage without any data.

    These are the ends of the data, or those of the faults and a while around them, if that is shorter.
    """
    tables_shown = (lines, tables.requests, tables.resources, tables.health)
    moments = [times(table) for table in tables_shown if len(table)]
    if not moments:
        raise WrongUsage(f"{title}: there is nothing to show.", "Give it lines (logs=), or let the watch run.")
    first_moment = min(float(table_moments.min()) for table_moments in moments)
    last_moment = max(float(table_moments.max()) for table_moments in moments)

    begun_faults = [fault for fault in faults if fault.started.timestamp() <= last_moment]
    shown_faults = [fault for fault in begun_faults if _end_of(fault, last_moment) >= first_moment]
    if not shown_faults:
        return first_moment, max(last_moment, first_moment + 1)

    faults_start = min(fault.started.timestamp() for fault in shown_faults)
    faults_end = max(_end_of(fault, last_moment) for fault in shown_faults)
    start = max(first_moment, faults_start - AROUND_SECONDS)
    end = min(last_moment, faults_end + AROUND_SECONDS)
    return start, max(end, start + 1)


def _end_of(fault: FaultBand, last_moment: float) -> float:
    """Return when a fault ended, in seconds since 1970; ``last_moment`` if it is still in force."""
    return fault.ended.timestamp() if fault.ended else last_moment


def _bars(lines: pd.DataFrame, edge: float, seconds: float) -> Bars:
    """Return the number of lines of each level over the ``seconds`` before ``edge``, in at most `MOST_BARS` bars."""
    long_enough_steps = (step for step in TIME_STEPS if seconds / step <= MOST_BARS)
    step = float(next(long_enough_steps, TIME_STEPS[-1]))
    levels = lines["of"].to_numpy()
    starts, counts = counts_by_step(times(lines) - edge, levels, dict.fromkeys(levels), edge, seconds, step)
    return Bars(f"Log lines, by level, in each {duration_text(step)}", "lines", starts, step, counts)


def _bars_text(bars: Bars | None) -> str:
    """Return the number of lines of each level as a sentence."""
    if bars is None:
        return ""
    sums = ", ".join(f"{counts.sum():,.0f} {name}" for name, counts in bars.counts.items())
    return f" {bars.title}: {sums or 'none'} in all."


def _grave_table(lines: pd.DataFrame, edge: float, seconds: float) -> str:
    """Return the warnings and errors over the ``seconds`` before ``edge`` as a folded table, equal ones in one row."""
    x = times(lines) - edge
    is_grave = lines["of"].isin(["error", "warning"])
    is_shown = (x >= -seconds) & (x <= 0)
    grave_lines = lines[is_grave & is_shown].sort_values("time")

    key_columns = [name for name in ("service", "level", "msg", "dependency", "error") if name in grave_lines]
    if not key_columns:
        key_columns = ["of"]
    groups = grave_lines.groupby(key_columns, sort=False, as_index=False, dropna=False, observed=True)
    grouped = groups.agg(first=("time", "first"), lines=("time", "size"))

    names = ["first", "lines", *key_columns]
    rows = [_cell_texts(row) for row in grouped[names].head(LINES).itertuples(index=False)]
    caption = f"Warnings and errors: {len(grave_lines):,} lines, {len(grouped):,} different"
    if len(grouped) > LINES:
        caption += f", the first {LINES}"
    return folded(caption, caption, names, rows)


def _cell_texts(row: Iterable[object]) -> list[str]:
    return [visible(cell(value), 120) for value in row]
