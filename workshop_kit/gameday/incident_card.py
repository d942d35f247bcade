"""The card of an incident: when which signal showed it, what was done, and how many customers were served meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd

from workshop_kit.display.incident_chart import P95, one_clock
from workshop_kit.display.rendered import Rendered, table
from workshop_kit.faults.injection import InjectedFault
from workshop_kit.gameday.causes import Cause
from workshop_kit.gameday.customers import CPU, MEMORY, SERVED, SHARES, Visit
from workshop_kit.gameday.signals import first_signs, first_symptom, worst_environment
from workshop_kit.observe.watcher import Tables
from workshop_kit.trials.game_records import Record


def card(record: Record, cause: Cause, visits: Sequence[Visit], logs: pd.DataFrame, tables: Tables) -> Rendered:
    """Return a table of the moments, TTD and TTR, and all signals on one time axis.

    The signals are those of the environment that suffered most. The cause and the CPU limits are told once the incident
    is over: before that they would be the answer. Table, band and charts count the same visits.
    """
    injected = record.injected or record.began
    record = replace(record, first_symptom=first_symptom(visits, injected))
    worst_name = worst_environment(visits, injected) or cause.environments[0]
    explanation = cause.explanation if record.fixed else "not over yet"
    signs = first_signs(logs, tables, injected)

    title = f"{record.name.capitalize()}: {explanation}"
    table_rows = [*rows(record, signs), *counts(record, visits)]
    moments_table = table(title, ["", "UTC", "after the first symptom"], table_rows)
    bands = [InjectedFault("the cause", "in place", {}, injected, record.fixed)]
    if record.first_symptom:
        bands.append(InjectedFault("customers", "suffer", {}, record.first_symptom, record.fixed))

    picture = one_clock(
        f"{record.name.capitalize()} on one clock{', with the reference' if record.reference else ''}",
        tables,
        logs=logs if len(logs) else None,
        faults=bands,
        container=worst_name,
        panels=[SERVED, P95, CPU, MEMORY] if record.fixed else [SERVED, P95, SHARES],
    )
    return Rendered(moments_table.html + picture.html, f"{moments_table.text}\n\n{picture.text}")


def rows(record: Record, signs: Mapping[str, datetime | None]) -> list[tuple[str, str, str]]:
    """Return the moments in order, with their distance from the first symptom; then TTD and TTR."""
    moments = {
        "the cause was put in place": record.injected,
        "the first customer suffered": record.first_symptom,
        **{f"first sign in: {name}": moment for name, moment in signs.items()},
        "your first own look, or repair": record.detected,
        "all customers are served": record.fixed,
    }

    known_moments = sorted((moment, name) for name, moment in moments.items() if moment is not None)
    table_rows = []
    for moment, name in known_moments:
        after = f"{(moment - record.first_symptom).total_seconds():+.0f} s" if record.first_symptom else ""
        table_rows.append((name, f"{moment:%H:%M:%S}", after))
    table_rows += [(name, "–", "not seen") for name, moment in moments.items() if moment is None]

    durations = {"time to detect (TTD)": record.to_detect_seconds, "time to repair (TTR)": record.to_repair_seconds}
    for name, seconds in durations.items():
        table_rows.append((name, "", "–" if seconds is None else f"{seconds:.0f} s"))
    return table_rows


def counts(record: Record, visits: Iterable[Visit]) -> list[tuple[str, str, str]]:
    """Return how many customers were served since the cause, the actions, and the reference's part in the service."""
    began = record.injected or record.began
    until = record.fixed or datetime.now(UTC)
    is_good = [visit.is_good for visit in visits if began <= visit.time <= until]
    table_rows = [("customers served until then", "", f"{sum(is_good)} of {len(is_good)}")]
    table_rows += [("you", action[:8], action[9:]) for action in record.actions]
    if record.reference:
        table_rows.append(("the service", "", record.reference))
    return table_rows
