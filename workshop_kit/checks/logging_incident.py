"""The check of logging.cause: compare an answer about an incident with the incident's log."""

from __future__ import annotations

from typing import Any

import pandas as pd

from workshop_kit.trials import incidents
from workshop_kit.trials.check_api import check
from workshop_kit.trials.check_context import CheckEnded, entry_of, fixture_answer
from workshop_kit.trials.expect import Observation, expect, require
from workshop_kit.trials.incidents import TIMINGS, LogIncident
from workshop_kit.trials.result import Result
from workshop_kit.trials.service import Service

SLOW_MS = (20, incidents.SLOW_MS)
"""From how many milliseconds on a wait may be called slow: what both show is sure."""
EARLY = pd.Timedelta(seconds=1)
"""How long before the trouble shows a right time may be."""
LATE = pd.Timedelta(seconds=2)
"""How long after it has shown a right time may be."""

UNCLEAR = "The machine was too busy: the log does not show the incident. Run the cell with the exercise's panel again."


@check("logging.cause")
def cause(service: Service) -> None:
    """You found the cause with nothing but the log."""
    stack = service.context.stack
    with fixture_answer(service.context, "incident") as (identifier, value):
        incident = incidents.find(stack.session, identifier)
        log = incidents.incident_log(stack, identifier)
    judge_cause(value, log, incident)


def judge_cause(value: Any, log: pd.DataFrame, incident: LogIncident) -> None:
    """Judge an answer by the log of an incident: time and request if the dependency is right."""
    names_the_dependency(entry_of(value, "dependency"), log, incident)
    names_the_time(entry_of(value, "since"), log, incident)
    names_a_request(entry_of(value, "request_id"), log, incident)


def names_the_dependency(answer: Any, log: pd.DataFrame, incident: LogIncident) -> None:
    """Require the dependency that the fault was injected into.

    Another one is wrong if the log shows by either limit that clearly fewer requests suffered from it.
    """
    target = incident.target
    name = str(answer or "").strip().lower().replace("_", "-")
    got = f"you named {answer or 'none'}"
    means = "This is no dependency of the service."
    look = "The service needs master-db, replica-db and redis, and nothing else."
    if name in TIMINGS:
        requests = incidents.affected_requests(log, name, min(SLOW_MS))["request_id"].nunique()
        got = f"you named {name}: {requests} requests noticed it"
        means = f"{name} had its hiccup, or suffered from another's trouble: far more requests waited for another one."
        look = "Do not take the first warning. For each dependency, count the requests that were slow or refused "
        look += "because of it."
        if not requests:
            means = f"No request waited for {name}, and none was refused because of it."
            look = "For each dependency, count the requests that were slow or refused because of it."
        if name == target:
            got += f"; it was the {incident.trouble}"
        is_sure = all(incidents.affects_more(log, target, name, slow_ms) for slow_ms in SLOW_MS)
        if name != target and not is_sure:
            raise CheckEnded(Result.not_judged(UNCLEAR))

    require(
        name == target,
        seen=Observation("Compare your dependency with the service's log during the incident", got, 0.0),
        expected="the one that most of the slow and failed requests had waited for",
        means=means,
        look=look,
        hint=1,
    )


def names_the_time(answer: Any, log: pd.DataFrame, incident: LogIncident) -> None:
    """Expect a time at which the log shows a trouble of the dependency to begin: with its fault, or a real one before.

    Raises CheckEnded if the log shows none with its fault.
    """
    injecting = pd.Timestamp(incident.injecting)
    starts = incidents.beginnings(log, incident.target, min(SLOW_MS))
    if not (starts >= injecting).any():
        raise CheckEnded(Result.not_judged(UNCLEAR))

    obvious_starts = incidents.beginnings(log, incident.target, max(SLOW_MS))
    latest = max([pd.Timestamp(incident.injected), *obvious_starts[obvious_starts >= injecting].head(1)])
    time = read_time(answer)
    is_right = False
    means = "This is no time."
    look = 'Hand in a value of the column ts, or a text such as "2026-05-18T09:00:12Z".'
    if time is not None and time < injecting:
        is_right = time >= injecting - EARLY or ((starts - EARLY <= time) & (time <= starts + LATE)).any()
        means = f"{(injecting - time).total_seconds():.0f} s too early: all was well then, except for a hiccup."
        look = "Take only the lines of your dependency that were slow or refused. When was the first that is followed "
        look += "by many?"
    elif time is not None:
        is_right = time <= latest + LATE
        means = f"{(time - latest).total_seconds():.0f} s too late."
        look = "Take only the lines of your dependency that were slow or refused. When was the first?"

    expect(
        bool(is_right),
        seen=Observation("Compare your time with the incident", f"you said {answer or 'nothing'}", 0.0),
        expected="when the first request was slow or failed, to a second or two",
        means=means,
        look=look,
        hint=3,
    )


def names_a_request(answer: Any, log: pd.DataFrame, incident: LogIncident) -> None:
    """Expect the id of a request that waited for the dependency, or failed at it, whenever that was."""
    lines = log[log["request_id"] == str(answer)]
    affected_lines = incidents.affected_requests(log, incident.target, min(SLOW_MS))

    means = "This request did not suffer: a colleague who asks its customer learns nothing about the trouble."
    look = "Take an id from the lines of your dependency, and read all the lines that have it."
    if lines.empty:
        means = "No line of this log has that id."
        look = "Take an id from the lines of your dependency."

    got = f"{answer or 'nothing'}: {len(lines)} lines have this id"
    expect(
        str(answer) in set(affected_lines["request_id"].dropna()),
        seen=Observation("Look for your request_id in the log", got, 0.0),
        expected="a request that the dependency made wait or fail",
        means=means,
        look=look,
        hint=2,
    )


def read_time(answer: Any) -> pd.Timestamp | None:
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
