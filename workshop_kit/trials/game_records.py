"""Records of the incidents of game day in a file of the workspace: the game writes it, checks and cards read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from workshop_kit.engine.control import NEXT_STEP
from workshop_kit.files import read_records, write_records

MAX_RECORDS = 50
WELL_PERCENT = 90.0
"""If fewer customers than this were served before the cause, nothing follows from those after it."""
FILE = "gameday.jsonl"


@dataclass(frozen=True)
class GameRecord:
    """The course of an incident, with times in UTC.

    ``began``: first requests. ``injected``: the fault is active. ``first_symptom``: the first failed request.
    ``detected``: the participant's first query or repair. ``fixed``: all requests succeed again. ``symptom`` is the
    remaining failure at the check, empty if there is none; ``debrief`` has the answers.
    ``actions`` are the participant's queries and repairs, each behind its time.

    ``watched_at``: the end of the watch that the symptom is of; ``stopped``: when the shop was closed after it.

    ``before_percent``: the customers that were served right before the cause. ``is_late``: the symptom is that
    customers had to wait, or were turned away. ``slow_machine`` says then how slow the machine was; "" if it was not.
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
    actions: tuple[str, ...] = ()
    before_percent: float | None = None
    is_late: bool = False
    slow_machine: str = ""
    watched_at: datetime | None = None
    stopped: datetime | None = None

    @property
    def age(self) -> str:
        """When the customers were watched, and whether they can be watched again, in a sentence; "" if they were not.

        A check judges what the debrief has seen, also long after it.
        """
        if self.watched_at is None:
            return ""

        watched = f"The customers were watched at {self.watched_at:%H:%M:%S} UTC."
        if self.stopped is None:
            return watched
        stopped = f"The shop was stopped at {self.stopped:%H:%M:%S}: run the cell that starts the day to try again."
        return f"{watched} {stopped}"

    @property
    def to_detect_seconds(self) -> float | None:
        """From the first symptom to the participant's first query or repair (TTD)."""
        return _seconds_between(self.first_symptom, self.detected)

    @property
    def to_repair_seconds(self) -> float | None:
        """From the first symptom to the first moment when all requests succeed again (TTR)."""
        return _seconds_between(self.first_symptom, self.fixed)

    @property
    def why_not_judged(self) -> str:
        """Why its symptom cannot be judged, in a few sentences with the next step; "" if it can.

        Late answers say nothing on a slow machine. Customers who are served in time, a leak and a kill can be judged
        there, too.
        """
        if not self.is_late:
            return ""

        if self.slow_machine:
            return f"{self.symptom} {self.slow_machine} That says nothing of your repair. {NEXT_STEP}"

        if self.before_percent is not None and self.before_percent < WELL_PERCENT:
            return (
                f"{self.symptom} But before the cause only {self.before_percent:.0f} % were served in time, so that "
                "says nothing about your repair. Run the cell that starts the day again, once less else runs."
            )
        return ""


def write(folder: Path, record: GameRecord) -> None:
    """Write a record, in place of an earlier one of the same incident. Raises WorkshopError for a full disk."""
    other_records = [kept_record for kept_record in read(folder) if kept_record.id != record.id]
    all_records = [*other_records, record]
    write_records(folder / FILE, all_records[-MAX_RECORDS:])


def read(folder: Path) -> list[GameRecord]:
    """Return the records in a workspace's hidden folder, oldest first; none without a file."""
    return read_records(folder / FILE, GameRecord)


def _seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    """Return the seconds from one time to another, 0 if the other is earlier; None if one of them is not known."""
    if start is None or end is None:
        return None
    return max(0.0, (end - start).total_seconds())
