"""From tables to what a chart on one time axis shows: bands, marks, lines, rows of states. Pure: no clock, no pixels.

Times become seconds before the right edge (0 or less), as in `live_data`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from workshop_kit.display.live_data import Numbers, Plot, times
from workshop_kit.screen import visible

HOLD_SECONDS = 3.5
"""How long a state is taken to last when nothing newer is known; the watcher asks every second, and waits for two."""
EVENTS = {"start": "start", "die": "stop", "oom": "oom", "health_status": "health"}
"""Which of the engine's events are marked, and as what."""


class Fault(Protocol):
    """Something that was broken on purpose, from ``started`` to ``ended`` (None: it still is); times with a zone."""

    fault: str
    target: str
    started: datetime
    ended: datetime | None


@dataclass(frozen=True)
class Span:
    """A fault in force, from ``start`` to ``end``."""

    start: float
    end: float
    label: str


@dataclass(frozen=True)
class Mark:
    """Something that happened at ``x``; ``kind`` is one of ``start``, ``stop``, ``oom``, ``health``."""

    x: float
    kind: str
    label: str


@dataclass(frozen=True)
class Run:
    """A state that lasted from ``start`` to ``end``."""

    start: float
    end: float
    state: str


@dataclass(frozen=True)
class Row:
    """One thing's states over time; where nothing is known there is no run."""

    name: str
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Bars:
    """Counts over time: how many of each name in each step, which begins at its start and lasts ``step`` seconds."""

    title: str
    unit: str
    starts: Numbers
    step: float
    counts: Mapping[str, Numbers]


@dataclass(frozen=True)
class View:
    """All that one picture shows, over the ``seconds`` before ``edge`` (seconds since 1970)."""

    edge: float
    seconds: float
    plots: tuple[Plot, ...]
    rows: tuple[Row, ...] = ()
    spans: tuple[Span, ...] = ()
    marks: tuple[Mark, ...] = ()
    bars: Bars | None = None
    container: str = ""  # whose picture it is
    nothing: str = "no data"  # what is written into a panel without any

    def clock(self, x: float) -> str:
        """The time of day at ``x``, in UTC."""
        return f"{datetime.fromtimestamp(self.edge + x, UTC):%H:%M:%S}"


def spans(faults: Iterable[Fault], edge: float, seconds: float) -> tuple[Span, ...]:
    """The faults that were in force within the time shown, by their beginning; one still in force ends at the edge."""
    found = []
    for one in sorted(faults, key=lambda fault: fault.started):
        start = one.started.timestamp() - edge
        end = one.ended.timestamp() - edge if one.ended else 0.0
        if end >= -seconds and start <= 0:
            label = visible(f"{one.fault} {one.target}".strip(), 60)
            found.append(Span(max(start, -seconds), min(max(end, start), 0.0), label))
    return tuple(found)


def marks(events: pd.DataFrame, names: Iterable[str], edge: float, seconds: float) -> tuple[Mark, ...]:
    """The events of ``names`` worth a mark: started, ended (and how), out of memory, a change of health."""
    if events.empty:
        return ()
    chosen = events[events["what"].isin(list(EVENTS)) & events["container"].isin(list(names))]
    x = times(chosen) - edge
    found = []
    for at, event in zip(x, chosen.itertuples(index=False), strict=True):
        if -seconds <= at <= 0:
            found.append(Mark(float(at), EVENTS[event.what], f"{visible(event.container, 30)} {_happened(event)}"))
    return tuple(found)


def rows(health: pd.DataFrame, edge: float, seconds: float) -> tuple[Row, ...]:
    """A row for each probe and dependency, in the order in which they first come up."""
    if health.empty:
        return ()
    x = times(health) - edge
    return tuple(
        Row(visible(str(name), 30), _runs(x[there], health["state"].to_numpy()[there], seconds))
        for name in dict.fromkeys(health["what"])
        if len(there := np.flatnonzero((health["what"] == name).to_numpy()))
    )


def counts_by_step(
    x: Numbers, names: npt.NDArray[Any], wanted: Iterable[str], edge: float, seconds: float, step: float
) -> tuple[Numbers, dict[str, Numbers]]:
    """Return the starts of the steps, and how many of each wanted name lie in each.

    ``x`` and the starts are seconds before ``edge``; steps begin at multiples of ``step`` on the clock.
    """
    first = np.floor((edge - seconds) / step) * step - edge
    starts = np.arange(first, 0.0, step)
    borders = np.append(starts, starts[-1] + step)
    return starts, {name: np.histogram(x[names == name], borders)[0].astype(float) for name in wanted}


def _runs(x: Numbers, states: Sequence[str], seconds: float) -> tuple[Run, ...]:
    """Equal states next to each other are one run; it ends where another begins, or where too long nothing came."""
    found: list[Run] = []
    ends = np.minimum(np.append(x[1:], math.inf), np.minimum(x + HOLD_SECONDS, 0.0))
    for start, end, state in zip(x.tolist(), ends.tolist(), states, strict=True):
        if end < -seconds or end <= start:
            continue
        if found and found[-1].state == state and found[-1].end >= start:
            found[-1] = Run(found[-1].start, end, state)
        else:
            found.append(Run(max(start, -seconds), end, str(state)))
    return tuple(found)


def _happened(event: object) -> str:
    what, detail, code = (getattr(event, name) for name in ("what", "detail", "exit_code"))
    if what == "start":
        return "started"
    if what == "die":
        return f"ended ({code})" if not pd.isna(code) else "ended"
    return "out of memory" if what == "oom" else visible(str(detail), 30)
