"""How the incidents of game day went, in a file of the workspace: the game writes it, checks and cards read it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from workshop_kit.engine.session import Session
from workshop_kit.workspace.files import read_json_lines, write_json_lines

KEPT = 50
TIMES = ("began", "injected", "first_symptom", "detected", "fixed")
QUESTIONS = {
    "what": "What was it?",
    "since": "Since when?",
    "how": "How do you know?",
    "considered": "What else did you consider?",
}
"""The debrief sheet."""


@dataclass(frozen=True)
class Record:
    """How an incident went, with times in UTC.

    Customers came from ``began`` on; the cause was put in place at ``injected`` and hurt the first of them at
    ``first_symptom``; at ``detected`` the participant looked, or did something, for the first time; since ``fixed`` all
    customers are served. ``symptom`` is what they still suffered when it was judged, empty if nothing; ``debrief`` has
    an answer to each of QUESTIONS, or none. ``actions`` are what the participant asked and did, each behind its time;
    ``reference`` says which parts of the service were not the participant's.
    """

    id: str
    name: str
    seed: int
    began: datetime
    injected: datetime | None = None
    first_symptom: datetime | None = None
    detected: datetime | None = None
    fixed: datetime | None = None
    symptom: str = ""
    debrief: Mapping[str, str] = field(default_factory=dict)
    actions: Sequence[str] = ()
    reference: str = ""

    @property
    def to_detect_seconds(self) -> float | None:
        """From the first symptom until the participant's first own look or repair (TTD)."""
        return _between(self.first_symptom, self.detected)

    @property
    def to_repair_seconds(self) -> float | None:
        """From the first symptom until all customers were served again (TTR)."""
        return _between(self.first_symptom, self.fixed)


def write(session: Session, record: Record) -> None:
    """Keep a record, in place of an earlier one of the same incident."""
    others = [one for one in every(session) if one.id != record.id]
    write_json_lines(_path(session), map(asdict, [*others, record]), most=KEPT)


def find(session: Session, identifier: str) -> Record | None:
    """The record of an incident; None if it is not known (any more)."""
    return next((one for one in every(session) if one.id == identifier), None)


def every(session: Session) -> list[Record]:
    """All that are kept, oldest first."""
    found = []
    names = {one.name for one in fields(Record)}
    for record in read_json_lines(_path(session)):
        with contextlib.suppress(ValueError, TypeError, KeyError):
            times = {name: _moment(record[name]) for name in TIMES}
            actions = tuple(record["actions"])
            found.append(Record(**{**{key: record[key] for key in names}, **times, "actions": actions}))
    return found


def _moment(text: Any) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else max(0.0, (end - start).total_seconds())


def _path(session: Session) -> Path:
    return session.ledger.path.with_name("gameday.jsonl")
