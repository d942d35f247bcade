"""The check of lesson 04 on the error ratio: the query, asked of a real Prometheus at moments that tell it apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

import pandas as pd
from docker.errors import NotFound

from workshop_kit.engine.containers import Running
from workshop_kit.errors import WorkshopError
from workshop_kit.learn.exercise import metric_subjects
from workshop_kit.learn.exercise.answers import gone, handed_in
from workshop_kit.learn.exercise.judging import Context, Judged, check, found
from workshop_kit.learn.exercise.metric_subjects import PHASE_SECONDS, Past
from workshop_kit.learn.exercise.result import Finding, Verdict
from workshop_kit.observe import promql
from workshop_kit.observe.promql import PromQLMistake

WINDOW_SECONDS = 60
PROBES = r"/(livez|readyz|health|metrics)"
LONGEST = 2_000
NEAR = 0.1
"""Of the true ratio, and at least a fifth of a percent: Prometheus extrapolates to the edges of a window."""


@dataclass(frozen=True)
class Moment:
    """A time worth asking about: seconds after the start, what was the matter, and what a wrong answer means."""

    seconds: int
    about: str
    means: str
    look: str


MOMENTS = (
    Moment(
        200,
        "before the first error",
        "There was no error, and the query says nothing: a hole on the dashboard, and no alert can tell it from death.",
        "A sum over no series is no series. What does PromQL offer for “… or else 0”?",
    ),
    Moment(
        PHASE_SECONDS + 200,
        "in the middle of the trouble",
        "This is not the share of customers' requests that failed in the last minute.",
        "rate(…[1m]) is what came in the last minute. And whose requests are counted?",
    ),
    Moment(
        2 * PHASE_SECONDS + 200,
        "when it was over",
        "The trouble was over for minutes, and the query still tells of it: a counter never forgets.",
        "What a counter shows is all since the start of the process. What has it gained lately?",
    ),
    Moment(
        3 * PHASE_SECONDS + 35,
        "half a minute after a restart",
        "The service was restarted, its counters began at zero, and the query lost its footing.",
        "rate() and increase() know restarts; a difference that you compute yourself does not.",
    ),
    Moment(
        4 * PHASE_SECONDS - 30,
        "in the trouble that came with the restart",
        "This is not the share of customers' requests that failed in the last minute.",
        "rate(…[1m]) is what came in the last minute. And whose requests are counted?",
    ),
)


@check("monitoring.ratio")
def ratio(context: Context) -> Judged:
    """Ask the query at five moments, and compare with what the scraped counters say."""
    container, value = handed_in(context, "past")
    if container is None:
        return value
    names = context.answer["subject"]
    try:
        engine = context.stack.session.engine
        running = Running(context.stack.session, engine.client.containers.get(container))
        past = metric_subjects.past_of(running, names["since"])
        samples = past.samples()
    except (NotFound, WorkshopError):
        return gone(context, "Prometheus")
    return judged(value, past, samples)


def judged(query: object, past: Past, samples: pd.DataFrame) -> Judged:
    """Hold a query against the counters."""
    if not isinstance(query, str) or not query.strip() or len(query) > LONGEST:
        finding = Finding(False, "Read what you handed in", type(query).__name__, "one query, as text")
        return Judged("Hand in the query itself, as text.", (finding,))
    try:
        findings = tuple(_at(query, moment, past, samples) for moment in MOMENTS)
    except PromQLMistake as mistake:
        finding = Finding(False, "Ask Prometheus", mistake.what, "an answer", mistake.what, mistake.output)
        return Judged(mistake.what, (finding,), output=mistake.output)
    except WorkshopError as refused:
        finding = Finding(False, "Ask Prometheus", refused.what, "an answer", refused.what, "Ask for less.")
        return Judged(refused.what, (finding,))
    if all(finding.passed for finding in findings):
        return Judged(
            "A share of what customers met, at any time: 0 when all is well, and right after a restart.", findings
        )
    first = next(finding.means for finding in findings if not finding.passed)
    if any(finding.passed for finding in findings) and metric_subjects.NAME not in query:
        summary = "A query that asks for no counter is right by chance, and wrong a minute later."
        return Judged(summary, findings, Verdict.LUCKY)
    return Judged(first, findings)


def _at(query: str, moment: Moment, past: Past, samples: pd.DataFrame) -> Finding:
    when = past.start + timedelta(seconds=moment.seconds)
    truth = true_ratio(samples, pd.Timestamp(when))
    answer = promql.query(past.url, query, when)
    got, right = _said(answer), False
    means, look = moment.means, moment.look
    if len(answer) == 1:
        value = float(answer["value"].iloc[0])
        right = abs(value - truth) <= max(0.002, NEAR * truth)
        if truth == 0 and value > 0:
            means, look = _not_zero(moment, means, look)
    elif truth > 0 and answer.empty:
        means = "There were errors, and the query says nothing: the two sides have no labels in common."
        look = "A division pairs series with equal labels. sum(…) on both sides leaves none to be different."
    elif len(answer) > 1:
        means = "Many numbers in place of one: none of them is the share of all requests."
        look = "sum(…) adds up what has different labels."
    return found(right, f"Ask it {moment.about} ({when:%H:%M:%S})", got, f"{truth:.1%}", means, look)


def _not_zero(moment: Moment, means: str, look: str) -> tuple[str, str]:
    """Errors where no customer met one: probes, unless there was trouble before."""
    if moment is not MOMENTS[0]:
        return means, look
    return (
        "No customer met an error; those were probes, which ask an instance that is not ready.",
        'Leave the routes of probes out, on both sides: route!~"/livez|/readyz|/health|/metrics".',
    )


def true_ratio(samples: pd.DataFrame, when: pd.Timestamp) -> float:
    """The share of customers' requests that failed in the minute before, from the scraped counters themselves."""
    own = samples[~samples["route"].str.fullmatch(PROBES)]
    window = own[(own["time"] >= when - pd.Timedelta(seconds=WINDOW_SECONDS)) & (own["time"] <= when)]
    gained = {"all": 0.0, "failed": 0.0}
    for (_, _, status), series in window.groupby(["method", "route", "status"]):
        values = series.sort_values("time")["value"]
        steps = values.diff().dropna()
        more = float(steps.where(steps >= 0, values[steps.index]).sum())  # a restart: what it shows came since
        gained["all"] += more
        gained["failed"] += more if str(status).startswith("5") else 0.0
    return gained["failed"] / gained["all"] if gained["all"] else math.nan


def _said(answer: pd.DataFrame) -> str:
    if answer.empty:
        return "nothing: no series"
    if len(answer) > 1:
        return f"{len(answer)} series"
    return f"{float(answer['value'].iloc[0]):.1%}"
