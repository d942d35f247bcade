"""The check of lesson 03 on an incident: which dependency, since when, and one customer who noticed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from docker.errors import NotFound

from workshop_kit.exercises import incidents
from workshop_kit.exercises.answers import gone, handed_in, part
from workshop_kit.exercises.incidents import Incident, TIMINGS
from workshop_kit.exercises.check_api import Context, CheckResult, check, found
from workshop_kit.exercises.result import Finding

SAYS = {"cache not available": "redis", "replica not available": "replica-db"}
"""Messages that name a dependency by themselves."""
SLOW_MS, SLOW_TIMES = 20, 4
"""A dependency was slow if it took that long, and so many times what it usually takes."""
EARLY, LATE = pd.Timedelta(seconds=1), pd.Timedelta(seconds=2)
"""So much before it was broken, and after the first request that shows it, is a good answer still."""


@check("logging.cause")
def cause(context: Context) -> CheckResult:
    """Compare the three parts of the answer with the service's log, and with what was broken when."""
    subject, value = handed_in(context, "incident")
    if subject is None:
        return value
    incident = incidents.find(context.stack.session, subject)
    if incident is None:
        return gone(context, "incident")
    try:
        container = context.stack.session.engine.client.containers.get(incident.container)
    except NotFound:
        return gone(context, "incident")
    return compared(value, Evidence(incidents.log_of(container, incident), incident))


def compared(value: Any, evidence: Evidence) -> CheckResult:
    """Hold what was handed in against the log of an incident."""
    findings = (
        _dependency(part(value, "dependency"), evidence),
        _since(part(value, "since"), evidence),
        _request(part(value, "request_id"), evidence),
    )
    summary = f"It was the {evidence.incident.trouble}: you found it with nothing but the log."
    if not findings[0].passed:
        summary = f"Somebody would be mending the wrong thing now. {findings[0].means}"
    elif wrong := [finding for finding in findings if not finding.passed]:
        summary = f"You have the culprit, and no case yet. {wrong[0].means}"
    return CheckResult(summary, findings)


@dataclass(frozen=True)
class Evidence:
    """The service's log during an incident."""

    log: pd.DataFrame
    incident: Incident

    @property
    def called(self) -> str:
        """Where this was found, for people."""
        return f"the service's log, {self.incident.began:%H:%M:%S} to {self.incident.ended:%H:%M:%S} UTC"

    def noticed(self, dependency: str) -> pd.DataFrame:
        """The lines of requests that a dependency made wait or fail, in their order."""
        log = self.log
        took = pd.to_numeric(log[TIMINGS[dependency]], errors="coerce")
        usual = took.median()
        slow = (took >= max(SLOW_MS, SLOW_TIMES * (0 if pd.isna(usual) else usual))).fillna(value=False)
        named = (log["dependency"] == dependency) | (log["msg"].map(SAYS) == dependency)
        return log[slow.astype(bool) | named.fillna(value=False).astype(bool)]

    @property
    def trouble(self) -> pd.DataFrame:
        """The lines that tell of the trouble itself: those of the culprit, from when it was broken."""
        lines = self.noticed(self.incident.target)
        return lines[lines["received"] >= pd.Timestamp(self.incident.struck)]

    @property
    def first(self) -> pd.Timestamp:
        """When the trouble shows for the first time."""
        in_force = pd.Timestamp(self.incident.in_force)
        return in_force if self.trouble.empty else max(in_force, self.trouble["received"].iloc[0])


def _dependency(said: Any, evidence: Evidence) -> Finding:
    name = str(said or "").strip().lower().replace("_", "-")
    got, means = (
        f"you named {said or 'none'}",
        "The service needs master-db, replica-db and redis, and nothing else.",
    )
    if name in TIMINGS:
        lines = evidence.noticed(name)
        requests = lines["request_id"].nunique()
        means = f"No request waited for {name}, and none was refused by it."
        if requests:
            got += f": {requests} requests noticed it, most of them around {_busiest(lines):%H:%M:%S}"
            means = f"{name} hiccupped, or paid for somebody else's trouble: far more customers waited for another one."
    return found(
        name == evidence.incident.target,
        evidence.called,
        got,
        "the dependency that most of those who suffered had waited for",
        means,
        "Not the first warning: count, for each dependency, the requests that were slow or refused because of it.",
    )


def _busiest(lines: pd.DataFrame) -> pd.Timestamp:
    """The second with most of the lines."""
    busiest: pd.Timestamp = lines["received"].dt.floor("s").value_counts().idxmax()
    return busiest


def _since(said: Any, evidence: Evidence) -> Finding:
    when = _time(said)
    struck, first = pd.Timestamp(evidence.incident.struck), evidence.first
    got, means = f"you said {said or 'nothing'}", "This is no time."
    if when is not None:
        got = f"you said {when:%H:%M:%S}"
        early = when < struck
        apart = abs((struck - when if early else when - first).total_seconds())
        means = f"{apart:.0f} s too {'early: then all was well, but for a hiccup' if early else 'late'}."
    return found(
        when is not None and struck - EARLY <= when <= first + LATE,
        evidence.called,
        got,
        "when the first request suffered, to a second or two",
        means,
        "Take the lines of your culprit only, those that were slow or refused: when was the first?",
    )


def _request(said: Any, evidence: Evidence) -> Finding:
    lines = evidence.log[(evidence.log["request_id"] == str(said)).fillna(value=False).astype(bool)]
    suffered = bool(said) and str(said) in set(evidence.trouble["request_id"].dropna())
    return found(
        suffered,
        f"{evidence.called}: request_id {said or 'missing'}",
        _fate(lines),
        "a request that the culprit made wait or fail",
        "No such request." if lines.empty else "Whoever asks this customer learns nothing about the trouble.",
        "Take an id from the lines of your culprit, and read all the lines that have it.",
    )


def _fate(lines: pd.DataFrame) -> str:
    """What became of a request, in words."""
    if lines.empty:
        return "no line has this id"
    answers = lines[lines["msg"] == "request"]
    if answers.empty:
        return "a request whose end is not in the log"
    answer: Mapping[str, Any] = answers.iloc[-1]
    messages = [str(msg) for msg in lines["msg"].unique() if msg in {*SAYS, "dependency not available"}]
    also = f", with the line “{messages[0]}”" if messages else ""
    return f"answered with {answer['status']} in {float(answer['duration_ms']):.0f} ms at {answer['ts']:%H:%M:%S}{also}"


def _time(said: Any) -> pd.Timestamp | None:
    """A time as people hand it in; without a zone it is UTC."""
    try:
        when = pd.Timestamp(said)
        if when is pd.NaT:
            return None
        return when.tz_localize("UTC") if when.tzinfo is None else when.tz_convert("UTC")
    except (ValueError, TypeError, OverflowError):
        return None
