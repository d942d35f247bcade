"""The rows below the panels of a timeline: faults, events of the engine, and the states of probes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from workshop_kit.display.axes import DAY_SECONDS, INK, LEGEND, PAPER, SOFT, days, name_axes
from workshop_kit.untrusted_text import visible

HOLD_SECONDS = 3.5
"""How long a state lasts if no newer one is known; the watcher asks every second with a time limit of two."""
EVENTS = {
    "start": ("started", ">", "#1a7f5a"),
    "die": ("ended", "s", INK),
    "oom": ("out of memory", "X", "#a8264f"),
    "health_status": ("health check", "D", "#7d3cc9"),
}
"""The events of the engine that are marked, each with its name, its mark and its color."""
STATE_LOOKS: Mapping[str, tuple[float, Mapping[str, Any]]] = {
    "pass": (0.4, {"facecolor": "#bfe3d2", "edgecolor": "#1a7f5a"}),
    "warn": (0.6, {"facecolor": "#ffd9b8", "edgecolor": "#b3470b", "hatch": "////"}),
    "fail": (0.85, {"facecolor": "#a8264f", "edgecolor": "#6d1030"}),
    "refused": (0.85, {"facecolor": PAPER, "edgecolor": "#6d1030", "hatch": "xxxx"}),
    "no answer": (0.85, {"facecolor": PAPER, "edgecolor": INK, "hatch": "...."}),
}
"""The height of each state of a probe in its row, and its look: height and hatching tell states apart, too."""
FAULT_LOOK: Mapping[str, Any] = {"facecolor": "#7d3cc92e", "edgecolor": "#7d3cc9", "linewidth": 0.9}
ABOVE: Mapping[str, Any] = {**LEGEND, "loc": "lower right", "bbox_to_anchor": (1.0, 0.97)}
"""Where the legend of the states stands."""


class FaultBand(Protocol):
    """A fault from ``started`` to ``ended`` (None: still in force); both times have a zone."""

    fault: str
    target: str
    started: datetime
    ended: datetime | None


@dataclass(frozen=True)
class Lanes:
    """What is marked from ``start`` to ``end``, one row for each fault, kind of event, probe and dependency.

    ``events`` are as in `watcher.Tables`, ``states`` the answers of a probe or dependency by its name.
    """

    start: datetime
    end: datetime
    faults: Sequence[FaultBand]
    events: pd.DataFrame
    states: Mapping[str, pd.DataFrame]

    def rows(self) -> list[str]:
        """Return the names of the rows: faults, kinds of events, probes."""
        kinds = set(self.events["what"])
        names = [fault_name(fault) for fault in self.faults]
        names += [name for what, (name, _, _) in EVENTS.items() if what in kinds]
        return list(dict.fromkeys([*names, *self.states]))

    def mark_times(self, axes: Axes) -> None:
        """Draw a band for the time of each fault, and a dotted line at the time of each event."""
        for fault in self.faults:
            axes.axvspan(days(fault.started), days(fault.ended or self.end), zorder=0.5, **FAULT_LOOK)
        for time in self.events["time"]:
            axes.axvline(days(time), color=SOFT, linewidth=0.8, linestyle=":", zorder=0.6)

    def draw(self, axes: Axes, title: str) -> None:
        """Draw the rows."""
        rows = self.rows()
        name_axes(axes, title)
        axes.set_ylim(max(len(rows), 1) - 0.45, -0.55)
        axes.set_yticks(range(len(rows)), rows, parse_math=False)
        axes.grid(visible=False, axis="y")
        self.mark_times(axes)

        for fault in self.faults:
            start = days(fault.started)
            width = days(fault.ended or self.end) - start
            axes.barh(rows.index(fault_name(fault)), width, left=start, height=0.8, **FAULT_LOOK)
        for what, events in self.events.groupby("what"):
            name, marker, color = EVENTS[str(what)]
            event_rows = [rows.index(name)] * len(events)
            axes.plot(days(events["time"]), event_rows, linestyle="none", marker=marker, color=color, markersize=6)
        for name, answers in self.states.items():
            _draw_states(axes, rows.index(name), answers, days(self.end))

        patches = [Patch(label=state, **look) for state, (_, look) in STATE_LOOKS.items()]
        axes.legend(handles=patches, ncols=len(patches), **ABOVE)

    def sentences(self) -> Iterator[str]:
        """Yield the same in words."""
        for fault in self.faults:
            end = f"to {fault.ended:%H:%M:%S}" if fault.ended else "on"
            yield f"{fault_name(fault)} from {fault.started:%H:%M:%S} {end}."
        for event in self.events.itertuples(index=False):
            name, _, _ = EVENTS[str(event.what)]
            words = f"{visible(str(event.container), 30)} {name} {_event_detail(event)}"
            yield f"{words.strip()} at {event.time:%H:%M:%S}."
        for name, answers in self.states.items():
            yield _state_sentence(name, answers)


def faults_within(faults: Iterable[FaultBand], start: datetime, end: datetime) -> list[FaultBand]:
    """Return the faults that were in force in a time."""
    begun_faults = [fault for fault in faults if fault.started <= end]
    return [fault for fault in begun_faults if (fault.ended or end) >= start]


def fault_name(fault: FaultBand) -> str:
    """Return a fault and its target, shortened."""
    return visible(f"{fault.fault} {fault.target}".strip(), 24)


def _draw_states(axes: Axes, row: int, answers: pd.DataFrame, end: float) -> None:
    """Draw each answer of a probe until the next one, or for `HOLD_SECONDS`."""
    starts = days(answers["time"])
    next_starts = np.append(starts[1:], end)
    ends = np.minimum(next_starts, starts + HOLD_SECONDS / DAY_SECONDS)
    states = answers["state"].to_numpy()
    for state, (height, look) in STATE_LOOKS.items():
        is_state = states == state
        spans = list(zip(starts[is_state], (ends - starts)[is_state], strict=True))
        axes.broken_barh(spans, (row - height / 2, height), linewidth=0, antialiased=False, **look)


def _event_detail(event: Any) -> str:
    """Return the exit code of a container that ended, or the state of its health check."""
    if event.what == "die":
        return "" if pd.isna(event.exit_code) else f"({event.exit_code})"
    return visible(str(event.detail), 30) if event.what == "health_status" else ""


def _state_sentence(name: str, answers: pd.DataFrame) -> str:
    """Return the newest state of a probe, and since when it lasts."""
    states = answers["state"]
    changes = answers["time"][states != states.shift()]
    return f"{name}: {states.iloc[-1]} since {changes.iloc[-1]:%H:%M:%S}."
