"""The checks of logging.cause and logging.percentiles: answers about an incident, compared with its log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from workshop_kit.exercises import incidents
from workshop_kit.exercises.check_api import Context, check, handed_in, number, part
from workshop_kit.exercises.incidents import TIMINGS, LogIncident
from workshop_kit.exercises.result import Finding, Result, conclude, found
from workshop_kit.observe.scrape import PROBE_PATHS

READ = "the service's log during the incident"
SLOW_MS = 20
EARLY, LATE = pd.Timedelta(seconds=1), pd.Timedelta(seconds=2)
"""A right time is at most so much before the fault, and after the first request that shows it."""

WINDOW = "5s"
QUANTILES = [0.5, 0.95, 0.99]
NEAR_MS = 0.1
"""The log is rounded to it."""


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


@check("logging.percentiles")
def percentiles(context: Context) -> Result:
    """Compare the percentiles with those of customers' requests in the log."""
    with handed_in(context, "incident") as (identifier, value):
        return judge_percentiles(value, incidents.incident_log(context.stack, identifier))


def judge_percentiles(value: Any, log: pd.DataFrame) -> Result:
    """Judge an answer by the log of an incident."""
    shown = "Six lines describe fourteen seconds of a service, from its log alone, without a metric."
    return conclude(shown, (_whole(part(value, "whole"), log), _windows(part(value, "windows"), log)))


def customers(log: pd.DataFrame) -> pd.DataFrame:
    """Return the last line of each request, without those of probes."""
    return log[(log["msg"] == "request") & ~log["route"].isin(PROBE_PATHS)]


def by_window(log: pd.DataFrame) -> dict[pd.Timestamp, pd.Series]:
    """Return the durations of these lines by the start of their window."""
    lines = log.dropna(subset=["duration_ms"])
    return dict(list(lines["duration_ms"].astype(float).groupby(lines["ts"].dt.floor(WINDOW))))


def _whole(said: Any, log: pd.DataFrame) -> Finding:
    durations = customers(log)["duration_ms"].astype(float)
    averaged = [
        pd.DataFrame([_quantiles(one) for one in by_window(lines).values()]).mean() for lines in (log, customers(log))
    ]
    means = "These are not the percentiles of the whole time."
    if any(_near(said, mean) for mean in averaged):
        means = "The average of percentiles is the percentile of nothing: two requests count like two hundred."
    return found(
        _near(said, _quantiles(durations)),
        f"{len(durations)} requests of customers in the log, sorted by duration_ms",
        _numbers(said),
        "p50, p95 and p99 of all of them together",
        means,
        "Take the quantiles of the requests, not of the windows: duration_ms.quantile([0.5, 0.95, 0.99]).",
    )


def _windows(said: Any, log: pd.DataFrame) -> Finding:
    windows, everything = by_window(customers(log)), by_window(log)
    given = {_time(name): numbers for name, numbers in said.items()} if isinstance(said, Mapping) else {}
    wrong = [start for start, values in windows.items() if not _near(given.get(start), _quantiles(values))]
    got, means = f"{len(given)} windows", f"The log has {len(windows)} windows with requests in them."
    if given.keys() == windows.keys() and wrong:
        start = wrong[0]
        got = f"{start:%H:%M:%S}: {_numbers(given[start])}"
        means = f"{len(wrong)} of {len(windows)} windows have other percentiles."
        if _near(given[start], _quantiles(everything[start])):
            means = "You counted lines that no customer waited for: probes have a duration_ms, too, and so have pings."
    return found(
        not wrong and given.keys() == windows.keys(),
        f"the same in windows of {WINDOW.removesuffix('s')} seconds, counted from the full minute",
        got,
        "p50, p95 and p99 of each window",
        means,
        'Keep msg == "request", leave out the routes of probes, then group by ts.dt.floor("5s").',
    )


def _quantiles(values: pd.Series) -> pd.Series:
    return values.quantile(QUANTILES)


def _near(said: Any, right: pd.Series) -> bool:
    """Return whether each quantile of the answer is the right one."""
    numbers = pd.Series({quantile: number(part(said, str(quantile))) for quantile in QUANTILES}, dtype=float)
    return bool(((numbers - right).abs() <= NEAR_MS).all())  # a missing number is NaN, which is never near


def _numbers(said: Any) -> str:
    parts = [(quantile, number(part(said, str(quantile)))) for quantile in QUANTILES]
    return ", ".join(f"p{q * 100:g} {'missing' if n is None else f'{n:.1f} ms'}" for q, n in parts)
