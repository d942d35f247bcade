"""The check of logging.cause: an answer about an incident, compared with its log."""

from __future__ import annotations

from typing import Any

import pandas as pd

from workshop_kit.trials import incidents
from workshop_kit.trials.check_api import Context, check, handed_in, part
from workshop_kit.trials.findings import findings
from workshop_kit.trials.incidents import TIMINGS, LogIncident
from workshop_kit.trials.result import Finding, Result, conclude

SAYS = findings("logging.cause")
SLOW_MS = 20
EARLY = pd.Timedelta(seconds=1)
LATE = pd.Timedelta(seconds=2)
"""A right time is at most so much before the fault, and after the first request that shows it."""


@check("logging.cause")
def cause(context: Context) -> Result:
    """Compare the dependency, the time and the request of the answer with the log and the incident."""
    with handed_in(context, "incident") as (identifier, value):
        incident = incidents.find(context.stack.session, identifier)
        return judge_cause(value, incidents.incident_log(context.stack, identifier), incident)


def judge_cause(value: Any, log: pd.DataFrame, incident: LogIncident) -> Result:
    """Judge an answer by the log of an incident: time and request once the dependency is right."""
    noticed = incidents.noticed(log, incident.target, SLOW_MS)
    beginning = incidents.beginning(log, incident, SLOW_MS)
    of_fault = noticed[noticed["received"] >= beginning]

    answers = [_dependency(part(value, "dependency"), log, incident)]
    if answers[0].passed:
        answers.append(_since(part(value, "since"), of_fault, incident, beginning))
        answers.append(_request(part(value, "request_id"), of_fault, log))
    return conclude(SAYS.shown.format(trouble=incident.trouble), answers)


def _dependency(said: Any, log: pd.DataFrame, incident: LogIncident) -> Finding:
    name = str(said or "").strip().lower().replace("_", "-")
    if name not in TIMINGS:
        return SAYS.failed("dependency.unknown", f"you named {said or 'none'}")

    requests = incidents.noticed(log, name, SLOW_MS)["request_id"].nunique()
    way = "other" if requests else "unnoticed"
    got = f"you named {name}: {requests} requests noticed it"
    return SAYS.found(name == incident.target, f"dependency.{way}", got, name=name)


def _since(said: Any, of_fault: pd.DataFrame, incident: LogIncident, beginning: pd.Timestamp) -> Finding:
    when = _time(said)
    got = f"you said {said or 'nothing'}"
    if when is None:
        return SAYS.failed("since.no-time", got)

    shown = of_fault[of_fault["received"] >= pd.Timestamp(incident.injecting)]["received"]
    first = max([pd.Timestamp(incident.injected), *shown.head(1)])
    is_early = when < beginning
    seconds = abs((when - (beginning if is_early else first)).total_seconds())
    way = "early" if is_early else "late"
    return SAYS.found(beginning - EARLY <= when <= first + LATE, f"since.{way}", got, seconds=seconds)


def _request(said: Any, of_fault: pd.DataFrame, log: pd.DataFrame) -> Finding:
    lines = int((log["request_id"] == str(said)).sum())
    way = "unconcerned" if lines else "unknown"
    got = f"{said or 'nothing'}: {lines} lines have this id"
    return SAYS.found(str(said) in set(of_fault["request_id"].dropna()), f"request.{way}", got)


def _time(said: Any) -> pd.Timestamp | None:
    """Return a time that was handed in; without a zone it is UTC. None for anything else."""
    try:
        when = pd.Timestamp(said)
        if when is pd.NaT:
            return None
        return when.tz_localize("UTC") if when.tzinfo is None else when.tz_convert("UTC")
    except (ValueError, TypeError, OverflowError):
        return None
