"""The check of logging.cause: an answer about an incident, compared with its log."""

from __future__ import annotations

from typing import Any

import pandas as pd

from workshop_kit.trials import incidents
from workshop_kit.trials.check_api import Context, check, entry_of, handed_in
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
    lines = incidents.noticed(log, incident.target, SLOW_MS)
    fault_lines = lines[lines["received"] >= pd.Timestamp(incident.injecting)]

    all_findings = [_dependency(entry_of(value, "dependency"), log, incident)]
    if all_findings[0].passed:
        all_findings.append(_since(entry_of(value, "since"), fault_lines, incident))
        all_findings.append(_request(entry_of(value, "request_id"), fault_lines, log))
    return conclude(SAYS.shown.format(trouble=incident.trouble), all_findings)


def _dependency(answer: Any, log: pd.DataFrame, incident: LogIncident) -> Finding:
    name = str(answer or "").strip().lower().replace("_", "-")
    if name not in TIMINGS:
        return SAYS.failed("dependency.unknown", f"you named {answer or 'none'}")

    requests = incidents.noticed(log, name, SLOW_MS)["request_id"].nunique()
    way = "other" if requests else "unnoticed"
    got = f"you named {name}: {requests} requests noticed it"
    return SAYS.found(name == incident.target, f"dependency.{way}", got, name=name)


def _since(answer: Any, fault_lines: pd.DataFrame, incident: LogIncident) -> Finding:
    time = _time(answer)
    got = f"you said {answer or 'nothing'}"
    if time is None:
        return SAYS.failed("since.no-time", got)

    injecting = pd.Timestamp(incident.injecting)
    first_symptom = max([pd.Timestamp(incident.injected), *fault_lines["received"].head(1)])
    if time < injecting:
        way = "early"
        difference = time - injecting
    else:
        way = "late"
        difference = time - first_symptom

    is_right = injecting - EARLY <= time <= first_symptom + LATE
    return SAYS.found(is_right, f"since.{way}", got, seconds=abs(difference.total_seconds()))


def _request(answer: Any, fault_lines: pd.DataFrame, log: pd.DataFrame) -> Finding:
    count = int((log["request_id"] == str(answer)).sum())
    way = "unconcerned" if count else "unknown"
    got = f"{answer or 'nothing'}: {count} lines have this id"
    return SAYS.found(str(answer) in set(fault_lines["request_id"].dropna()), f"request.{way}", got)


def _time(answer: Any) -> pd.Timestamp | None:
    """Return a time that was handed in; without a zone it is UTC. None for anything else."""
    try:
        time = pd.Timestamp(answer)
        if time is pd.NaT:
            return None
        return time.tz_localize("UTC") if time.tzinfo is None else time.tz_convert("UTC")
    except (ValueError, TypeError, OverflowError):
        return None
