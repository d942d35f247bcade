"""The card of an incident: its moments, the times to detect and to repair, and all signals on one time axis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import pandas as pd

from workshop_kit.display.incident_chart import P95, one_clock
from workshop_kit.display.live_data import Panel
from workshop_kit.display.rendered import Rendered
from workshop_kit.display.tables import table
from workshop_kit.exercises.game_records import Record
from workshop_kit.faults.journal import InjectedFault
from workshop_kit.gameday import signals
from workshop_kit.gameday.causes import Cause
from workshop_kit.gameday.customers import Visit
from workshop_kit.gameday.metrics import SERVED
from workshop_kit.observe.watch import Tables

AFTER_SECONDS = 10.0
EVIDENCE = {
    "throttled_percent": Panel(
        "CPU: used of its limit, and periods held back",
        "%",
        {"cpu_percent": "CPU", "throttled_percent": "periods held back"},
        full_scale=115.0,
    ),
    "memory_percent": Panel("Memory, as a share of its limit", "%", {"memory_percent": "memory"}, full_scale=115.0),
}
"""The panel that shows a cause, by its evidence."""


def card(
    record: Record, cause: Cause, visits: Iterable[Visit], logs: pd.DataFrame, tables: Tables, where: str
) -> Rendered:
    """Return a table of the moments, TTD and TTR, and all signals on one time axis; ``where`` is the environment.

    The cause is told once the incident is over.
    """
    explanation = cause.explanation if record.fixed else "not over yet"
    seen = signals.first_signs(logs, tables, record.injected or record.began)
    title = f"{record.name.capitalize()}: {explanation}"
    shown = table(title, ["", "UTC", "after the first symptom"], [*rows(record, seen), *counts(record, visits)])
    end = record.fixed + timedelta(seconds=AFTER_SECONDS) if record.fixed else None
    band = InjectedFault("the cause", "in place", {}, record.injected or record.began, record.fixed)
    shows_cause = [EVIDENCE[cause.evidence]] if cause.evidence and record.fixed else []
    picture = one_clock(
        f"{record.name.capitalize()} on one clock{', with the reference' if record.reference else ''}",
        logs=logs if len(logs) else None,
        tables=tables,
        faults=[band],
        container=where,
        start=record.began,
        end=min(end, datetime.now(UTC)) if end else None,
        panels=[SERVED, P95, *shows_cause],
    )
    return Rendered(shown.html + picture.html, f"{shown.text}\n\n{picture.text}")


def rows(record: Record, seen: Mapping[str, datetime | None]) -> list[tuple[str, str, str]]:
    """Return the moments in order, with their distance from the first symptom; then TTD and TTR."""
    moments = {
        "the cause was put in place": record.injected,
        "the first customer suffered": record.first_symptom,
        **{f"first sign in: {name}": moment for name, moment in seen.items()},
        "your first own look, or repair": record.detected,
        "all customers are served": record.fixed,
    }
    known = sorted(((moment, name) for name, moment in moments.items() if moment is not None))
    found = [(name, f"{moment:%H:%M:%S}", _after(record, moment)) for moment, name in known]
    found += [(name, "–", "not seen") for name, moment in moments.items() if moment is None]
    took = {"time to detect (TTD)": record.to_detect_seconds, "time to repair (TTR)": record.to_repair_seconds}
    return found + [(name, "", "–" if seconds is None else f"{seconds:.0f} s") for name, seconds in took.items()]


def counts(record: Record, visits: Iterable[Visit]) -> list[tuple[str, str, str]]:
    """Return how many customers were served since the cause, the actions, and the reference's part in the service."""
    until = record.fixed or datetime.now(UTC)
    began = record.injected or record.began
    came, served = signals.counted([one for one in visits if began <= one.time <= until])
    found = [("customers served until then", "", f"{served} of {came}")]
    found += [("you", action[:8], action[9:]) for action in record.actions]
    return [*found, *([("the service", "", record.reference)] if record.reference else [])]


def _after(record: Record, moment: datetime) -> str:
    return "" if record.first_symptom is None else f"{(moment - record.first_symptom).total_seconds():+.0f} s"
