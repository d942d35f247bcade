"""The card of an incident: when which signal showed it, what was done, and how many customers were served meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd

from workshop_kit.display.one_clock import one_clock
from workshop_kit.display.panels import P95
from workshop_kit.display.rendered import Rendered, table
from workshop_kit.faults.injection import InjectedFault
from workshop_kit.gameday.causes import Cause
from workshop_kit.gameday.customers import SERVED, SHARES, Visit
from workshop_kit.gameday.shop import PRODUCTION
from workshop_kit.gameday.signals import first_signs, first_symptom
from workshop_kit.observe.watcher import Tables
from workshop_kit.trials.game_records import GameRecord


def card(record: GameRecord, cause: Cause, visits: Sequence[Visit], logs: pd.DataFrame, tables: Tables) -> Rendered:
    """Return a table of the moments, TTD and TTR, and all signals on one time axis.

    The cause is told once the incident is over. Table, band and charts count the same visits.
    """
    injected = record.injected or record.began
    record = replace(record, first_symptom=first_symptom(visits, injected))
    moments_table = _moments_table(record, cause, visits, first_signs(logs, tables, injected))

    bands = [InjectedFault("the cause", "in place", {}, injected, record.fixed)]
    if record.first_symptom:
        bands.append(InjectedFault("customers", "suffer", {}, record.first_symptom, record.fixed))

    picture = one_clock(
        f"{record.name.capitalize()} on one clock",
        tables,
        tables.requests,
        logs=logs if len(logs) else None,
        faults=bands,
        container=PRODUCTION,
        panels=[SERVED, P95, SHARES],
    )
    return Rendered(moments_table.html + picture.html, f"{moments_table.text}\n\n{picture.text}")


def _moments_table(
    record: GameRecord, cause: Cause, visits: Sequence[Visit], signs: Mapping[str, datetime | None]
) -> Rendered:
    """Return the table of the moments and the counts; its title has the cause once the incident is over."""
    explanation = cause.explanation if record.fixed else "not over yet"
    title = f"{record.name.capitalize()}: {explanation}"
    table_rows = [*rows(record, signs), *counts(record, visits)]
    return table(title, ["", "UTC", "after the first symptom"], table_rows)


def rows(record: GameRecord, signs: Mapping[str, datetime | None]) -> list[tuple[str, str, str]]:
    """Return the moments in order, with their distance from the first symptom; then TTD and TTR."""
    moment_by_name = {
        "the cause was put in place": record.injected,
        "the first customer suffered": record.first_symptom,
        **{f"first sign in: {signal}": moment for signal, moment in signs.items()},
        "your first own look, or repair": record.detected,
        "all customers are served": record.fixed,
    }

    past_moments = sorted((moment, name) for name, moment in moment_by_name.items() if moment is not None)
    table_rows = []
    for moment, name in past_moments:
        time_after = _time_after_symptom(record.first_symptom, moment)
        table_rows.append((name, f"{moment:%H:%M:%S}", time_after))
    table_rows += [(name, "–", "not seen") for name, moment in moment_by_name.items() if moment is None]

    table_rows.append(("time to detect (TTD)", "", _duration(record.to_detect_seconds)))
    table_rows.append(("time to repair (TTR)", "", _duration(record.to_repair_seconds)))
    return table_rows


def _time_after_symptom(symptom: datetime | None, moment: datetime) -> str:
    """Return how long after the first symptom a moment was (``+12 s``); "" without a symptom."""
    if symptom is None:
        return ""

    seconds = (moment - symptom).total_seconds()
    return f"{seconds:+.0f} s"


def _duration(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.0f} s"


def counts(record: GameRecord, visits: Iterable[Visit]) -> list[tuple[str, str, str]]:
    """Return how many customers were served since the cause, and the actions."""
    began = record.injected or record.began
    until = record.fixed or datetime.now(UTC)
    visits_meanwhile = [visit for visit in visits if began <= visit.time <= until]
    served_visits = [visit for visit in visits_meanwhile if visit.is_good]
    served = f"{len(served_visits)} of {len(visits_meanwhile)}"

    table_rows = [("customers served until then", "", served)]
    for action in record.actions:
        table_rows.append(("you", action[:8], action[9:]))  # an action begins with its time, as 12:30:05
    return table_rows
