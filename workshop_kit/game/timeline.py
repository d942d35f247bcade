"""The card at the end of an incident: what happened when, how long it took to see and to mend it, and the picture."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pandas as pd

from workshop_kit.disturb.faults import Disturbance
from workshop_kit.learn.exercise.game_records import Record
from workshop_kit.learn.watching import Watch
from workshop_kit.show.one_clock import one_clock
from workshop_kit.show.shown import Shown
from workshop_kit.show.tables import table

AFTER_SECONDS = 10.0


def card(
    record: Record,
    told: str,
    signals: Mapping[str, datetime | None],
    logs: pd.DataFrame,
    watch: Watch,
    environment: str,
) -> Shown:
    """Return the timeline: a table with the times and TTD and TTR, and all signals on one clock.

    ``told`` says what it was, or is empty as long as it is not over; ``environment`` is the one on the picture.
    """
    shown = table(
        f"{record.name.capitalize()}: {told or 'not over yet'}",
        ["", "UTC", "after the first symptom"],
        rows(record, signals),
    )
    end = record.fixed + timedelta(seconds=AFTER_SECONDS) if record.fixed else None
    band = Disturbance("the cause", "in place", {}, record.injected or record.began, record.fixed)
    picture = one_clock(
        f"{record.name.capitalize()} on one clock",
        logs=logs if len(logs) else None,
        tables=watch.frames,
        faults=[band],
        container=environment,
        start=record.began,
        end=min(end, datetime.now(UTC)) if end else None,
    )
    return Shown(shown.html + picture.html, f"{shown.text}\n\n{picture.text}")


def rows(record: Record, signals: Mapping[str, datetime | None]) -> list[tuple[str, str, str]]:
    """The moments in their order, each with its distance from the first symptom; then what took how long."""
    moments = {
        "the cause was put in place": record.injected,
        "the first customer suffered": record.first_symptom,
        **{f"first sign in: {name}": moment for name, moment in signals.items()},
        "you did or wrote something": record.detected,
        "all customers are served": record.fixed,
    }
    known = sorted(((moment, name) for name, moment in moments.items() if moment is not None))
    found = [(name, f"{moment:%H:%M:%S}", _after(record, moment)) for moment, name in known]
    found += [(name, "–", "not seen") for name, moment in moments.items() if moment is None]
    took = {"time to detect (TTD)": record.to_detect_seconds, "time to repair (TTR)": record.to_repair_seconds}
    return found + [(name, "", "–" if seconds is None else f"{seconds:.0f} s") for name, seconds in took.items()]


def _after(record: Record, moment: datetime) -> str:
    return "" if record.first_symptom is None else f"{(moment - record.first_symptom).total_seconds():+.0f} s"
