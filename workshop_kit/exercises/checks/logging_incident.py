"""The check of logging.cause: an answer about an incident, compared with its log."""

from __future__ import annotations

from typing import Any

import pandas as pd

from workshop_kit.exercises import incidents
from workshop_kit.exercises.check_api import Context, check, handed_in, part
from workshop_kit.exercises.incidents import TIMINGS, LogIncident
from workshop_kit.exercises.result import Finding, Result, conclude, found

READ = "the service's log during the incident"
SLOW_MS = 20
EARLY, LATE = pd.Timedelta(seconds=1), pd.Timedelta(seconds=2)
"""A right time is at most so much before the fault, and after the first request that shows it."""


@check("logging.cause")
def cause(context: Context) -> Result:
    """Compare the dependency, the time and the request of the answer with the log and the incident."""
    with handed_in(context, "incident") as (identifier, value):
        incident = incidents.find(context.stack.session, identifier)
        return judge_cause(value, incidents.incident_log(context.stack, identifier), incident)


def judge_cause(value: Any, log: pd.DataFrame, incident: LogIncident) -> Result:
    """Judge an answer by the log of an incident."""
    noticed = incidents.noticed(log, incident.target, SLOW_MS)
    of_fault = noticed[noticed["received"] >= pd.Timestamp(incident.injecting)]
    findings = (
        _dependency(part(value, "dependency"), log, incident),
        _since(part(value, "since"), of_fault, incident),
        _request(part(value, "request_id"), of_fault, log),
    )
    return conclude(f"It was the {incident.trouble}: you found it with nothing but the log.", findings)


def _dependency(said: Any, log: pd.DataFrame, incident: LogIncident) -> Finding:
    name = str(said or "").strip().lower().replace("_", "-")
    requests = incidents.noticed(log, name, SLOW_MS)["request_id"].nunique() if name in TIMINGS else 0
    means = "The service needs master-db, replica-db and redis, and nothing else."
    if name in TIMINGS:
        means = f"No request waited for {name}, and none was refused by it."
    if requests:
        means = f"{name} hiccupped, or paid for the trouble of another: far more customers waited for another one."
    return found(
        name == incident.target,
        READ,
        f"you named {said or 'none'}: {requests} requests noticed it",
        "the dependency that most of the slow and failed requests had waited for",
        means,
        "Not the first warning: count, for each dependency, the requests that were slow or refused because of it.",
    )


def _since(said: Any, of_fault: pd.DataFrame, incident: LogIncident) -> Finding:
    when, injecting = _time(said), pd.Timestamp(incident.injecting)
    first = max([pd.Timestamp(incident.injected), *of_fault["received"].head(1)])
    means = "This is no time."
    if when is not None and when < injecting:
        means = f"{(injecting - when).total_seconds():.0f} s too early: then all was well, but for a hiccup."
    elif when is not None:
        means = f"{(when - first).total_seconds():.0f} s too late."
    return found(
        when is not None and injecting - EARLY <= when <= first + LATE,
        READ,
        f"you said {said or 'nothing'}",
        "when the first request was slow or failed, to a second or two",
        means,
        "Take the lines of your culprit only, those that were slow or refused: when was the first?",
    )


def _request(said: Any, of_fault: pd.DataFrame, log: pd.DataFrame) -> Finding:
    lines = int((log["request_id"] == str(said)).sum())
    return found(
        str(said) in set(of_fault["request_id"].dropna()),
        f"{READ}: request_id {said or 'missing'}",
        f"{lines} lines have this id",
        "a request that the culprit made wait or fail",
        "A colleague who asks this customer learns nothing about the trouble." if lines else "No such request.",
        "Take an id from the lines of your culprit, and read all the lines that have it.",
    )


def _time(said: Any) -> pd.Timestamp | None:
    """Return a time that was handed in; without a zone it is UTC. None for anything else."""
    try:
        when = pd.Timestamp(said)
        if when is pd.NaT:
            return None
        return when.tz_localize("UTC") if when.tzinfo is None else when.tz_convert("UTC")
    except (ValueError, TypeError, OverflowError):
        return None
