"""An incident on the running stack: customers, a hiccup that is harmless, and trouble that is not; all of it seeded.

The hiccup comes first and is over before the trouble begins: whoever takes the first warning for the cause is wrong.
When everything happened is written to a file beside the faults' journal, so that a check in another process knows it.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd

from workshop_kit.engine.session import Session
from workshop_kit.engine.stack import Stack
from workshop_kit.faults.injection import fault
from workshop_kit.faults.load import load
from workshop_kit.observe.logs import read_container
from workshop_kit.progress import Report, Step, silent
from workshop_kit.workspace.files import read_json_lines, write_json_lines

QUIET_SECONDS = 1.5
"""Before the hiccup, between it and the trouble, and after the trouble."""
HICCUP_SECONDS = 0.7  # longer than customers wait for a cache or a replica
TROUBLE_SECONDS = 3.0
CUSTOMERS: tuple[Mapping[str, Any], ...] = (
    {"request": "POST /orders", "json": {"item": "tea", "quantity": 1}, "rate_per_second": 12},
    {"request": "GET /orders", "rate_per_second": 12},
    {"request": "GET /readyz", "rate_per_second": 1},  # whoever decides where customers are sent
)
LOAD_SECONDS = 20  # at most: all of the above, and what it takes to put a fault in force and to undo it
KEPT = 20
TIMINGS = {"master-db": "master_db_ms", "replica-db": "replica_db_ms", "redis": "redis_ms"}
"""The dependencies of the service, and the field of a request's line that says how long each took."""
FIELDS = dict.fromkeys(("request_id", "method", "route", "dependency", "error"), "string[pyarrow]") | dict.fromkeys(
    ("status", "duration_ms", *TIMINGS.values()), "double[pyarrow]"
)
"""Columns that a log of an incident always has, with their type where no line has the field."""


@dataclass(frozen=True)
class Trouble:
    """A fault (see `disturb.catalog`) on one dependency of the service, and another one that may have the hiccup."""

    fault: str
    target: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """For people and test ids: ``pause of redis``."""
        return f"{self.fault} of {self.target}"

    @property
    def decoys(self) -> tuple[str, ...]:
        """Dependencies whose hiccup shows in the log, and which are not the cause."""
        return tuple(name for name in ("redis", "replica-db") if name != self.target)


TROUBLES = (
    Trouble("pause", "redis"),
    Trouble("down", "redis"),
    Trouble("pause", "replica-db"),
    Trouble("stop", "replica-db"),
    Trouble("latency", "replica-db", {"latency_ms": 30}),
    Trouble("pause", "master-db"),
    Trouble("latency", "master-db", {"latency_ms": 100}),
    Trouble("reset", "master-db"),
)


@dataclass(frozen=True)
class Incident:
    """What happened, with times in UTC.

    Customers came from ``began`` to ``ended``; the fault was put in force between ``struck`` and ``in_force``, and was
    undone by ``healed``. ``container`` is the full id of the service's container, whose log tells of it.
    """

    id: str
    container: str
    trouble: str
    target: str
    began: datetime
    struck: datetime
    in_force: datetime
    healed: datetime
    ended: datetime


def inject(stack: Stack, random: Random, report: Report = silent, trouble: Trouble | None = None) -> Incident:
    """Let customers come and break one dependency in the middle; return what was done, undone.

    ``trouble`` is one of TROUBLES, by ``random`` if none is given. The stack has to be up. Raises WorkshopError as
    `disturb.faults.fault` and `disturb.load.load` do, and for a full disk; the fault is undone whatever happens.
    """
    drawn = random.choice(TROUBLES)
    trouble = trouble or drawn
    decoy, quiet = random.choice(trouble.decoys), QUIET_SECONDS + random.uniform(-0.5, 1.5)
    began = datetime.now(UTC)
    clock = _Clock(report, time.monotonic())
    with _customers(stack):
        clock.wait(quiet, "customers are coming")
        with fault("pause", stack, decoy):
            clock.wait(HICCUP_SECONDS, "customers are coming")
        clock.wait(QUIET_SECONDS, "customers are coming")
        struck = datetime.now(UTC)
        with fault(trouble.fault, stack, trouble.target, **trouble.parameters) as disturbance:
            clock.wait(TROUBLE_SECONDS, "customers are complaining")
        clock.wait(0, "waiting for the last customers")
    incident = Incident(
        secrets.token_hex(8),
        str(stack.container("service").id),
        trouble.name,
        trouble.target,
        began,
        struck,
        disturbance.started,
        disturbance.ended or datetime.now(UTC),
        datetime.now(UTC),
    )
    _keep(stack.session, incident)
    report(Step("Incident", 1.0, "over: now find out what it was", done=True))
    return incident


def find(session: Session, identifier: str) -> Incident | None:
    """Return an incident of this workspace by its id; None if it is not known (any more)."""
    return next((one for one in all_kept(session) if one.id == identifier), None)


def all_kept(session: Session) -> list[Incident]:
    """The latest incidents of this workspace, oldest first."""
    found = []
    for record in read_json_lines(_path(session)):
        with contextlib.suppress(ValueError, TypeError, KeyError):
            times = ("began", "struck", "in_force", "healed", "ended")
            found.append(Incident(**{**record, **{name: datetime.fromisoformat(record[name]) for name in times}}))
    return found


def log_of(container: Any, incident: Incident) -> pd.DataFrame:
    """The service's lines from the first customer to the last, as a DataFrame (see `observe.logs`).

    All of FIELDS are columns, also those that no line has. Raises WorkshopError if the container is gone.
    """
    frame = read_container(container, since=incident.began)
    frame = frame[frame["received"] <= pd.Timestamp(incident.ended)].reset_index(drop=True)
    missing = {name: pd.Series(pd.NA, frame.index, kind) for name, kind in FIELDS.items() if name not in frame}
    return frame.assign(**missing)


@contextlib.contextmanager
def _customers(stack: Stack) -> Iterator[None]:
    """Requests of all kinds while the block runs, and for a moment after it, which shows that all is well again."""
    with contextlib.ExitStack() as all_of_them:
        loads = [all_of_them.enter_context(load(stack, seconds=LOAD_SECONDS, **plan)) for plan in CUSTOMERS]
        yield
        time.sleep(QUIET_SECONDS / 2)
        for one in loads:
            one.end()


@dataclass(frozen=True)
class _Clock:
    """Waits, and says how far it all is."""

    report: Report
    started: float

    def wait(self, seconds: float, detail: str) -> None:
        until = time.monotonic() + seconds
        while True:
            gone = time.monotonic() - self.started
            self.report(Step("Incident", min(0.95, gone / LOAD_SECONDS), detail))
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, 0.5))


def _path(session: Session) -> Path:
    return session.ledger.path.with_name("incidents.jsonl")


def _keep(session: Session, incident: Incident) -> None:
    """Write it down, and let go of the oldest."""
    write_json_lines(_path(session), map(asdict, [*all_kept(session), incident]), most=KEPT)
