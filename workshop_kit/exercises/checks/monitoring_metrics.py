"""The check of monitoring.metrics: known traffic, and the scrapes of /metrics before and after it."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from urllib.parse import urlsplit

from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import CheckResult, Context, check, conclude, found
from workshop_kit.exercises.checks.monitoring_health import DEADLINE_SECONDS, START_SECONDS
from workshop_kit.exercises.checks.monitoring_traffic import (
    CLOSED,
    KNOWN,
    ODD_METHODS,
    SLOW_SECONDS,
    Scrape,
    ask_random_paths,
    increase,
    send_known,
    send_odd_methods,
)
from workshop_kit.exercises.result import Finding
from workshop_kit.exercises.start_failure import crash_reason
from workshop_kit.exercises.trial import Trial
from workshop_kit.progress import Step

FILE = "metrics.py"
COUNTER, DURATION = "http_requests", "http_request_duration_seconds"
TOTAL = f"{COUNTER}_total"
LABELS = ("method", "route", "status")
SETTINGS = {"HTTP_FAULTS": "true", "LOG_LEVEL": "error"}
ON_ORDERS = sum(count for (_, route, _), count in KNOWN.items() if route == "/orders")
MOST_METHODS = 8
FEW, MANY = 100, 10_000
"""Random paths: the many follow only if the few make no series."""
GROWTH = 3
"""New series that are allowed: one for each new status and method."""
SETTLE_SECONDS = 2.0


@dataclass(frozen=True)
class Scrapes:
    """Four scrapes: before and after the known traffic, after odd methods, and after ``invented`` random paths."""

    before: Scrape
    traffic: Scrape
    methods: Scrape
    random_paths: Scrape
    invented: int


@check("monitoring.metrics")
def metrics(context: Context) -> CheckResult:
    """Send orders, failures, a slow request, clients that hang up, odd methods and random paths; scrape between."""
    with service_trial.start(
        context, "/orders", START_SECONDS, environment=SETTINGS, deadline_seconds=DEADLINE_SECONDS
    ) as trial:
        try:
            scrapes = _scrapes(trial, context)
        except ValueError as unreadable:
            return _unreadable(trial, unreadable)
        lines = trial.lines()
        raised = crash_reason(lines, trial.files)
        return judge(scrapes, raised if FILE in raised else "", lines)


def judge(scrapes: Scrapes, raised: str = "", lines: str = "") -> CheckResult:
    """Judge the scrapes by the known traffic; ``raised`` is an exception of metrics.py at the end of the log."""
    before, after = scrapes.before, scrapes.traffic
    counter = _counter(after)
    findings = [counter]
    if counter.passed:
        findings += [_one_series(before, after), _hung_up(before, after), _counts(before, after, raised)]
    findings += [_durations(before, after), _methods(scrapes.methods), _random_paths(scrapes)]
    shown = "It counts what came, how it ended and how long it took, and no stranger makes a new series."
    return conclude(shown, findings, lines)


def _scrapes(trial: Trial, context: Context) -> Scrapes:
    """Send all traffic. Raises ValueError for an answer that is no exposition."""
    port = urlsplit(trial.running.url()).port or 0
    before = _scrape(trial)
    context.report(Step("Check", None, "sending known traffic"))
    send_known(trial, port)
    after = _settled(trial, before)
    send_odd_methods(port)
    ask_random_paths(port, 2, context.seed)  # the series for unmatched paths begin with the first of them
    methods = _scrape(trial)
    context.report(Step("Check", None, f"asking for {FEW} random paths"))
    ask_random_paths(port, FEW, context.seed)
    random_paths, invented = _scrape(trial), FEW
    if len(random_paths.values) - len(methods.values) <= GROWTH:
        context.report(Step("Check", None, f"asking for {MANY:,} random paths"))
        ask_random_paths(port, MANY, context.seed + 1)
        random_paths, invented = _scrape(trial), MANY
    return Scrapes(before, after, methods, random_paths, invented)


def _scrape(trial: Trial) -> Scrape:
    answer = trial.get("/metrics", within_seconds=5.0)
    if answer.status != 200:
        raise ValueError(str(answer))
    return Scrape.of(answer.body)


def _settled(trial: Trial, before: Scrape) -> Scrape:
    """Scrape until the clients that hung up are counted, too, or the time is up."""
    ends_at, expected = time.monotonic() + SETTLE_SECONDS, sum(KNOWN.values()) + CLOSED
    while True:
        after = _scrape(trial)
        counted = sum(increase(TOTAL, before, after, lambda _: ()).values())
        if counted >= expected or time.monotonic() > ends_at:
            return after
        time.sleep(0.1)


def _unreadable(trial: Trial, problem: ValueError) -> CheckResult:
    means = "Prometheus reads nothing at all from an answer that is not in its format."
    finding = Finding(
        False,
        "GET /metrics, read with prometheus_client.parser",
        str(problem)[:200] or "nothing",
        "metrics as text",
        means,
        "generate_latest() makes the text; does show() still return it?",
    )
    return CheckResult(means, (finding,), output=trial.lines())


def _counter(scrape: Scrape) -> Finding:
    kind, labels = scrape.types.get(COUNTER) or scrape.types.get(TOTAL), scrape.label_names(TOTAL)
    missing = [label for label in LABELS if label not in labels]
    names = ", ".join(sorted(labels)) or "none"
    got, means = f"{kind}, labels: {names}", ""
    look = "The third argument of Counter has the names of the labels."
    if kind is None or (kind == "counter" and not labels):
        got = "no series of this name" if kind is None else got
        means = f"Rules and dashboards ask for {TOTAL}, and there is no such number with labels."
        look = f'Counter("{COUNTER}", …) is shown as {TOTAL}.'
    elif kind != "counter":
        means = f"{COUNTER} is a {kind}: when it is smaller, Prometheus cannot tell a restart from a decrease."
        look = "Which of the types only ever grows?"
    elif missing:
        means = f"{TOTAL} has no label {' and no label '.join(missing)}: it cannot answer {_question(missing[0])}."
    return found(
        not means, f"GET /metrics: what is {TOTAL}?", got, f"counter, labels: {', '.join(LABELS)}", means, look
    )


def _question(label: str) -> str:
    return {"status": "how many failed", "route": "which route fails"}.get(label, "whether reading or ordering fails")


def _one_series(before: Scrape, after: Scrape) -> Finding:
    extra = sorted(after.label_names(TOTAL) - set(LABELS))
    fitting: Counter[tuple[str, ...]] = Counter()
    for (name, labels), value in after.values.items():
        if name == TOTAL and value > before.values.get((name, labels), 0.0):
            fitting[tuple(dict(labels)[label] for label in LABELS)] += 1
    worst = max(fitting.values(), default=0)
    return found(
        worst <= 1,
        "Count the series of one method, route and status",
        f"{worst}, by the label {' and '.join(extra)}" if extra else str(worst),
        "1",
        f"The label {' and '.join(extra)} makes of every request another series, until Prometheus has no memory left.",
        "Which labels does the question “how many of how many failed?” need?",
    )


def _counts(before: Scrape, after: Scrape, raised: str) -> Finding:
    counted = increase(TOTAL, before, after, lambda labels: tuple(labels[label] for label in LABELS))
    wrong = {key: counted[key] for key, count in KNOWN.items() if counted[key] != count}
    called = f"{sum(KNOWN.values())} requests that end as the check knows: how far has {TOTAL} gone?"
    if not wrong:
        return found(True, called, "as many", "as many, by method, route and status", "", "")
    (method, route, status), number = next(iter(wrong.items()))
    key = (method, route, status)
    means, look = _why(key, counted, raised)
    return found(
        False,
        called,
        f"{number:g} of {method} {route} with {status}; there are {_listed(counted)}",
        f"{KNOWN[key]} of {method} {route} with {status}",
        means,
        look,
    )


def _why(key: tuple[str, str, str], counted: Counter[tuple[str, ...]], raised: str) -> tuple[str, str]:
    """Return what a wrong count means, and where to look."""
    method, route, status = key
    if any(there.startswith("/orders/nobody") for _, there, _ in counted):
        return "The label route holds the path that a client invented: each makes a series.", "path or route?"
    others = {there for one, place, there in counted if (one, place) == (method, route)} - {"none", "None"}
    known = {there for one, place, there in KNOWN if (one, place) == (method, route)}
    if strange := sorted(others - known, key=lambda there: (there[:1] != status[:1], there)):
        means = f"The status is told as {strange[0]!r}: a bug of the code (500) and a database that is away (503) "
        return f"{means}can no longer be told apart.", "The label's value is the number, as text."
    if counted[key] > KNOWN[key]:
        return f"Requests with {status} are counted more than once.", "How often does count() call inc() for a request?"
    if raised:
        return f"Requests with {status} were not counted: {raised}.", "count() ends with this exception."
    return f"Requests with {status} were not counted, so no alert knows of them.", "Follow count() with this status."


def _listed(counted: Counter[tuple[str, ...]]) -> str:
    return ", ".join(f"{count:g} × {' '.join(key)}" for key, count in sorted(counted.items())[:6]) or "none"


def _hung_up(before: Scrape, after: Scrape) -> Finding:
    by_status = increase(TOTAL, before, after, lambda labels: (labels["status"],))
    errors = sum(count for (status,), count in by_status.items() if status.startswith("5"))
    more = errors - sum(count for (_, _, status), count in KNOWN.items() if status.startswith("5"))
    return found(
        more <= 0,
        f"{CLOSED} clients hang up in the middle of their order",
        f"{more:g} of them counted as 5xx" if more > 0 else "none counted as 5xx",
        "none counted as 5xx",
        "Clients that hung up count as errors of the service: an alert fires because a train entered a tunnel.",
        "What does status None mean, and which label tells it?",
    )


def _durations(before: Scrape, after: Scrape) -> Finding:
    called = f"{DURATION}: one of {ON_ORDERS} requests to /orders takes {SLOW_SECONDS:g} s"
    expected = f"histogram, label route; one request above {SLOW_SECONDS:g} s, the others below"
    kind = after.types.get(DURATION)
    if kind != "histogram" or "route" not in after.label_names(f"{DURATION}_bucket"):
        got = kind or "no series of this name"
        means = f"How long requests take cannot be asked: there is no histogram {DURATION} with the label route."
        return found(
            False, called, got, expected, means, "Histogram(name, help, label names, buckets=BUCKETS_SECONDS)."
        )
    by_bucket = increase(f"{DURATION}_bucket", before, after, lambda labels: (labels["route"], labels["le"]))
    buckets = sorted((float(le), count) for (route, le), count in by_bucket.items() if route == "/orders")
    below = max((count for le, count in buckets if le < SLOW_SECONDS), default=0)
    total = buckets[-1][1] if buckets else 0
    took = increase(f"{DURATION}_sum", before, after, lambda labels: (labels["route"],))["/orders",]
    means, look = "", "observe() takes seconds, once for each request."
    if total < ON_ORDERS:
        means = f"{ON_ORDERS - total:g} of {ON_ORDERS} requests were not counted with their duration."
    elif took > 100 * SLOW_SECONDS:
        means = "Durations are in milliseconds: every request lies in the last bucket, and the name says seconds."
    elif not 0 < below < total:
        means = f"The buckets cannot tell a request of {SLOW_SECONDS:g} s from the others."
        look = "buckets=BUCKETS_SECONDS"
    got = f"{total:g} requests, {below:g} of them below {SLOW_SECONDS:g} s, {took:.3g} s in all"
    return found(not means, called, got, expected, means, look)


def _methods(scrape: Scrape) -> Finding:
    methods = scrape.label_values("method")
    return found(
        len(methods) <= MOST_METHODS,
        f"{len(ODD_METHODS)} requests with methods such as {ODD_METHODS[0]} and {ODD_METHODS[6]}",
        f"{len(methods)} methods in the labels",
        f"at most {MOST_METHODS}",
        "The method is the client's own word: every new one makes new series on every route.",
        "METHODS names those that count; the others can share a word, such as OTHER.",
    )


def _random_paths(scrapes: Scrapes) -> Finding:
    more = len(scrapes.random_paths.values) - len(scrapes.methods.values)
    return found(
        more <= GROWTH,
        f"{scrapes.invented:,} requests for random paths",
        f"{more} new series",
        "no new series",
        f"{scrapes.invented:,} invented paths made {more:,} new series: any stranger can fill Prometheus's memory.",
        "route is the template, or unmatched; path is what a client typed.",
    )
