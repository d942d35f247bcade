"""The check of logging.cause: compare an answer about an incident with the incident's log."""

from __future__ import annotations

from typing import Any

import pandas as pd

from workshop_kit.trials import incidents
from workshop_kit.trials.check_api import Context, check, entry_of, fixture_answer
from workshop_kit.trials.findings import findings
from workshop_kit.trials.incidents import TIMINGS, LogIncident
from workshop_kit.trials.result import Finding, Result, conclude

FINDINGS = findings("logging.cause")
SLOW_MS = 20
EARLY = pd.Timedelta(seconds=1)
"""How long before the fault a right time, and a right request, may be."""
LATE = pd.Timedelta(seconds=2)
"""How long after the first request that shows the fault a right time may be."""

UNCLEAR = "The machine was too busy: the log does not show the incident. Run the cell with the exercise's panel again."


@check("logging.cause")
def cause(context: Context) -> Result:
    """Compare the dependency, the time and the request of the answer with the log and the incident."""
    with fixture_answer(context, "incident") as (identifier, value):
        incident = incidents.find(context.stack.session, identifier)
        return judge_cause(value, incidents.incident_log(context.stack, identifier), incident)


def judge_cause(value: Any, log: pd.DataFrame, incident: LogIncident) -> Result:
    """Judge an answer by the log of an incident; its time and its request are judged if the dependency is right.

    Nothing is judged if a machine that was too busy hides the incident in its log.
    """
    if not incidents.is_visible(log, incident.target):
        return Result.not_judged(UNCLEAR)

    lines = incidents.affected_requests(log, incident.target, SLOW_MS)
    beginning = incidents.beginning(log, incident, SLOW_MS)
    trouble_lines = lines[lines["received"] >= beginning - EARLY]

    dependency = _dependency_finding(entry_of(value, "dependency"), log, incident)
    all_findings = [dependency]
    if dependency.passed:
        all_findings.append(_time_finding(entry_of(value, "since"), trouble_lines, incident, beginning))
        all_findings.append(_request_finding(entry_of(value, "request_id"), trouble_lines, log))
    return conclude(FINDINGS.success_summary.format(trouble=incident.trouble), all_findings)


def _dependency_finding(answer: Any, log: pd.DataFrame, incident: LogIncident) -> Finding:
    """Find whether the answer names the dependency that the incident's fault was injected into."""
    name = str(answer or "").strip().lower().replace("_", "-")
    if name not in TIMINGS:
        return FINDINGS.failed("dependency.unknown", f"you named {answer or 'none'}")

    requests = incidents.affected_requests(log, name, SLOW_MS)["request_id"].nunique()
    way_to_fail = "other" if requests else "unnoticed"
    observation = f"you named {name}: {requests} requests noticed it"
    return FINDINGS.found(name == incident.target, f"dependency.{way_to_fail}", observation, name=name)


def _time_finding(answer: Any, trouble_lines: pd.DataFrame, incident: LogIncident, beginning: pd.Timestamp) -> Finding:
    """Find whether the answer has the time at which the incident began; ``trouble_lines`` are those that show it."""
    time = _read_time(answer)
    observation = f"you said {answer or 'nothing'}"
    if time is None:
        return FINDINGS.failed("since.no-time", observation)

    injected = pd.Timestamp(incident.injected)
    fault_lines = trouble_lines[trouble_lines["received"] >= pd.Timestamp(incident.injecting)]
    first_symptom = max([injected, *fault_lines["received"].head(1)])
    if time < beginning:
        way_to_fail = "early"
        difference = time - beginning
    else:
        way_to_fail = "late"
        difference = time - first_symptom

    is_right = beginning - EARLY <= time <= first_symptom + LATE
    return FINDINGS.found(is_right, f"since.{way_to_fail}", observation, seconds=abs(difference.total_seconds()))


def _request_finding(answer: Any, trouble_lines: pd.DataFrame, log: pd.DataFrame) -> Finding:
    """Find whether the answer is the id of a request that shows the trouble."""
    lines = log[log["request_id"] == str(answer)]
    affected_ids = set(trouble_lines["request_id"].dropna())

    way_to_fail = "unknown" if lines.empty else "unconcerned"
    observation = f"{answer or 'nothing'}: {len(lines)} lines have this id"
    return FINDINGS.found(str(answer) in affected_ids, f"request.{way_to_fail}", observation)


def _read_time(answer: Any) -> pd.Timestamp | None:
    """Return a time that was handed in, in UTC; one without a zone is taken as UTC. None for anything but a time."""
    try:
        time = pd.Timestamp(answer)
        if time is pd.NaT:
            return None
        if time.tzinfo is None:
            return time.tz_localize("UTC")
        return time.tz_convert("UTC")
    except (ValueError, TypeError, OverflowError):
        return None
