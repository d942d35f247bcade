"""Inject a seeded incident into the running stack: customers, a harmless hiccup, then a fault.

The hiccup is over before the fault begins, so the first warning in the log never names the cause. The times are written
to a file in the workspace, where a check in another process finds them.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

import pandas as pd
from docker.errors import NotFound

from workshop_kit.engine.session import Session
from workshop_kit.engine.stack import Stack
from workshop_kit.faults.injection import fault
from workshop_kit.faults.load import load
from workshop_kit.files import read_records, write_records
from workshop_kit.observe import http
from workshop_kit.observe.logs import read_container
from workshop_kit.reporting import Report, Step
from workshop_kit.trials.check_context import FixtureGone

QUIET_SECONDS = 1.5
"""Before the hiccup, between it and the fault, and after the fault."""
HICCUP_SECONDS = 0.7  # longer than customers wait for a cache or a replica
TROUBLE_SECONDS = 3.0
CUSTOMERS: tuple[Mapping[str, Any], ...] = (
    {"request": "POST /orders", "json": {"item": "tea", "quantity": 1}, "rate_per_second": 12},
    {"request": "GET /orders", "rate_per_second": 12},
    {"request": "GET /readyz", "rate_per_second": 1},  # a load balancer
)
LOAD_SECONDS = 20  # at most: the phases above, and the time to inject and revert the faults
MAX_INCIDENTS = 20
FILE = "incidents.jsonl"
MOST_ATTEMPTS = 3
TIMINGS = {"master-db": "master_db_ms", "replica-db": "replica_db_ms", "redis": "redis_ms"}
"""The dependencies of the service, and the field of a request's line with the time that each took."""
DEPENDENCY_BY_MESSAGE = {"cache not available": "redis", "replica not available": "replica-db"}
"""Messages that name a dependency."""
GONE = ("The log of this incident is gone.", "Run the cell with the exercise's panel again.")
DECOYS = ("redis", "replica-db")
"""Dependencies whose hiccup shows in the log without being the cause."""
SLOW_MS = 100
SLOW_TIMES = 4
MARGIN = 1.5
FIELDS = {
    **dict.fromkeys(("request_id", "method", "route", "dependency", "error"), "string"),
    **dict.fromkeys(("status", "duration_ms", *TIMINGS.values()), "Float64"),
}
"""Columns that the log of an incident always has, with the type for a log in which no line has the field."""


@dataclass(frozen=True)
class Trouble:
    """A fault (see `faults.catalog`) on one dependency of the service."""

    fault: str
    target: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """For messages and test ids: ``pause of redis``."""
        return f"{self.fault} of {self.target}"


TROUBLES = (
    Trouble("pause", "redis"),
    Trouble("down", "redis"),
    Trouble("pause", "replica-db"),
    Trouble("stop", "replica-db"),
    Trouble("latency", "replica-db", {"latency_ms": 150}),
    Trouble("pause", "master-db"),
    Trouble("latency", "master-db", {"latency_ms": 200}),
    Trouble("reset", "master-db"),
)


@dataclass(frozen=True)
class LogIncident:
    """The fault and its target, with times in UTC.

    Customers came from ``began`` to ``ended``; the fault was injected between ``injecting`` and ``injected``.
    ``container`` is the full id of the service's container.
    """

    id: str
    container: str
    trouble: str
    target: str
    began: datetime
    injecting: datetime
    injected: datetime
    ended: datetime


def inject(stack: Stack, random: Random, report: Report, trouble: Trouble | None = None) -> LogIncident:
    """Send requests, and break one dependency in the middle; return the incident once its fault is reverted.

    ``trouble`` is one of TROUBLES, drawn by ``random`` if none is given. The incident is repeated if the log of a busy
    machine does not show it. The stack must be up. Raises WorkshopError as `faults.injection.fault` and
    `faults.load.load` do, and for a full disk; the fault is always reverted.
    """
    trouble = trouble or random.choice(TROUBLES)
    decoys = [dependency for dependency in DECOYS if dependency != trouble.target]
    decoy = random.choice(decoys)
    quiet_seconds = QUIET_SECONDS + random.uniform(-0.5, 1.5)

    for attempt in range(1, MOST_ATTEMPTS + 1):
        incident = _run_incident(stack, trouble, decoy, quiet_seconds, report)
        log = _read_log(stack, incident)
        if attempt == MOST_ATTEMPTS or _is_clear(log, incident):
            break
        report(Step("Incident", None, "the machine was too busy to show it: once more"))

    incidents = [*read_all(stack.session), incident]
    write_records(stack.session.folder / FILE, incidents[-MAX_INCIDENTS:])
    report(Step("Incident", 1.0, "over: now find out what it was", done=True))
    return incident


def _run_incident(stack: Stack, trouble: Trouble, decoy: str, quiet_seconds: float, report: Report) -> LogIncident:
    """Send requests, pause the decoy for a moment, then inject the trouble's fault, and revert it."""
    _reconnect(stack)
    began = datetime.now(UTC)
    report(Step("Incident", None, "customers are coming"))
    with _customers(stack):
        time.sleep(quiet_seconds)
        with fault("pause", stack, decoy):
            time.sleep(HICCUP_SECONDS)
        time.sleep(QUIET_SECONDS)

        injecting = datetime.now(UTC)
        with fault(trouble.fault, stack, trouble.target, **trouble.parameters) as active_fault:
            report(Step("Incident", None, "customers are complaining"))
            time.sleep(TROUBLE_SECONDS)
        report(Step("Incident", None, "waiting for the last customers"))

    return LogIncident(
        id=secrets.token_hex(8),
        container=str(stack.container("service").id),
        trouble=trouble.name,
        target=trouble.target,
        began=began,
        injecting=injecting,
        injected=active_fault.started,
        ended=datetime.now(UTC),
    )


def _reconnect(stack: Stack) -> None:
    """Send one request of each kind, so that the service replaces the connections that an earlier fault has cut.

    Without this, the first warning of the incident could be of such a connection.
    """
    for plan in CUSTOMERS:
        method, path = plan["request"].split(" ")
        http.request(method, f"{stack.url()}{path}", json_body=plan.get("json"))


def _is_clear(log: pd.DataFrame, incident: LogIncident) -> bool:
    """Return whether the log shows the trouble, not by its first warning, and from its fault on."""
    others = [name for name in TIMINGS if name != incident.target]
    is_visible = all(affects_more(log, incident.target, other, SLOW_MS) for other in others)
    starts = beginnings(log, incident.target, SLOW_MS)
    begins_early = (starts < pd.Timestamp(incident.injecting)).any()
    return is_visible and not begins_early and is_misleading(log, incident.target)


def beginnings(log: pd.DataFrame, dependency: str, slow_ms: float) -> pd.Series:
    """Return the times at which a request waited for a dependency, or failed at it, and another within a second.

    A trouble begins at the first of them. On a busy machine there may be some before its fault, which are real, too.
    """
    lines = affected_requests(log, dependency, slow_ms).dropna(subset="request_id")
    times = lines["received"].sort_values()
    until_next = times.diff().shift(-1)
    return times[until_next <= pd.Timedelta(seconds=1)]


def affects_more(log: pd.DataFrame, dependency: str, other: str, slow_ms: float) -> bool:
    """Return whether clearly more requests waited for a dependency, or failed at it, than at the other one."""
    count, other_count = (affected_requests(log, name, slow_ms)["request_id"].nunique() for name in (dependency, other))
    return bool(count > MARGIN * other_count)


def is_misleading(log: pd.DataFrame, target: str) -> bool:
    """Return whether the first warning names another dependency than the target.

    A message that names none is taken to be of the master, as the lesson's first answer does.
    """
    is_warning = log["level"].isin(["warning", "error", "critical"])
    messages = log.loc[is_warning, "msg"]
    if messages.empty:
        return False

    first_message = str(messages.iloc[0])
    return DEPENDENCY_BY_MESSAGE.get(first_message, "master-db") != target


def affected_requests(log: pd.DataFrame, dependency: str, slow_ms: float) -> pd.DataFrame:
    """Return the lines of requests that a dependency made wait or fail, in their order.

    A dependency was slow if it took ``slow_ms`` milliseconds or more, and `SLOW_TIMES` its median or more.
    """
    times_ms = pd.to_numeric(log[TIMINGS[dependency]], errors="coerce")
    median_ms = times_ms.median()
    if pd.isna(median_ms):
        median_ms = 0

    least_ms = max(slow_ms, SLOW_TIMES * median_ms)
    is_slow = (times_ms >= least_ms).fillna(value=False).astype(bool)
    is_named = (log["dependency"] == dependency) | (log["msg"].map(DEPENDENCY_BY_MESSAGE) == dependency)
    is_named = is_named.fillna(value=False).astype(bool)
    return log[is_slow | is_named]


def find(session: Session, identifier: str) -> LogIncident:
    """Return an incident of this workspace by its id. Raises FixtureGone if it is not kept (any more)."""
    for incident in read_all(session):
        if incident.id == identifier:
            return incident
    raise FixtureGone(*GONE)


def read_all(session: Session) -> list[LogIncident]:
    """Return the latest incidents of this workspace, oldest first."""
    return read_records(session.folder / FILE, LogIncident)


def incident_log(stack: Stack, identifier: str) -> pd.DataFrame:
    """Return the service's lines from the first customer to the last, as a DataFrame (see `observe.logs`).

    All of FIELDS are columns, also those that no line has. Raises FixtureGone if the incident or its log is gone.
    """
    incident = find(stack.session, identifier)
    return _read_log(stack, incident)


def _read_log(stack: Stack, incident: LogIncident) -> pd.DataFrame:
    """Return the service's lines during an incident, with all of FIELDS. Raises FixtureGone without a container."""
    try:
        container = stack.session.engine.client.containers.get(incident.container)
    except NotFound:
        raise FixtureGone(*GONE) from None

    lines = read_container(container, since=incident.began)
    is_in_time = lines["received"] <= pd.Timestamp(incident.ended)
    lines = lines[is_in_time].reset_index(drop=True)

    empty_columns = {name: pd.Series(pd.NA, lines.index, kind) for name, kind in FIELDS.items() if name not in lines}
    return lines.assign(**empty_columns)


@contextlib.contextmanager
def _customers(stack: Stack) -> Iterator[None]:
    """Send requests during the block, and for `QUIET_SECONDS` / 2 after it."""
    with contextlib.ExitStack() as loads:
        for plan in CUSTOMERS:
            loads.enter_context(load(stack, seconds=LOAD_SECONDS, **plan))
        yield
        time.sleep(QUIET_SECONDS / 2)
