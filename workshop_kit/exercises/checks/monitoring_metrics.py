"""The check of monitoring.metrics: known traffic, and the scrapes of /metrics before and after it."""

from __future__ import annotations

import contextlib
import socket
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import Context, check
from workshop_kit.exercises.checks.monitoring_health import START_SECONDS
from workshop_kit.exercises.result import Finding, Result, conclude, equals, found
from workshop_kit.exercises.service_trial import ORDER
from workshop_kit.exercises.start_failure import crash_reason
from workshop_kit.exercises.trial import Trial

FILE = "metrics.py"
COUNTER, DURATION = "http_requests", "http_request_duration_seconds"
TOTAL = f"{COUNTER}_total"
LABELS = ("method", "route", "status")
SETTINGS = {"HTTP_FAULTS": "true", "LOG_LEVEL": "error"}
SLOW_SECONDS = 1.2
CLOSED = 3
KNOWN: Mapping[tuple[str, ...], int] = {
    ("POST", "/orders", "201"): 5,
    ("GET", "/orders/{order_id}", "404"): 4,
    ("POST", "/orders", "500"): 3,
    ("GET", "/orders", "200"): 1,  # the slow one
}
"""The number of known requests, by method, route and status."""
ON_ORDERS = sum(count for (_, route, _), count in KNOWN.items() if route == "/orders")
ODD_METHODS = ("COPY", "LINK", "LOCK", "MKCOL", "MOVE", "NOTIFY", "PROPFIND", "PURGE", "REPORT", "SEARCH", "UNLOCK")
MOST_METHODS = 8
RANDOM_PATHS = 10_000
PIPELINED = 50
NOBODY = "nobody"
"""In every path that the check makes up, and in no label of a right solution."""
SETTLE_SECONDS = 2.0

Series = tuple[str, tuple[tuple[str, str], ...]]
"""A sample's name, and its labels in order."""
Key = tuple[str, ...]


@dataclass(frozen=True)
class MetricsText:
    """A scrape of ``/metrics``: the type of each family by name, and the value of each series."""

    types: Mapping[str, str]
    values: Mapping[Series, float]

    @classmethod
    def of(cls, text: str) -> MetricsText:
        """Read the exposition format."""
        types, values = {}, {}
        for family in text_string_to_metric_families(text):
            types[family.name] = family.type
            for sample in family.samples:
                values[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
        return cls(types, values)

    def label_names(self, name: str) -> set[str]:
        """Return the names of all labels of the series ``name``."""
        return {label for sample, labels in self.values if sample == name for label, _ in labels}


def increase(name: str, before: MetricsText, after: MetricsText, *by: str) -> Counter[Key]:
    """Return the increase of the series ``name`` between two scrapes, summed by these labels."""
    sums: Counter[Key] = Counter()
    for (sample, labels), value in after.values.items():
        if sample == name and (more := value - before.values.get((sample, labels), 0.0)):
            sums[tuple(dict(labels)[label] for label in by)] += more  # type: ignore[assignment]
    return sums


def send_known(trial: Trial) -> None:
    """Send the known requests, and half of the requests of clients that hang up."""
    for _ in range(KNOWN["POST", "/orders", "201"]):
        trial.post("/orders", ORDER)
    for number in range(KNOWN["GET", "/orders/{order_id}", "404"]):
        trial.get(f"/orders/{NOBODY}-{number}")
    trial.send("PUT", "/admin/faults/errors", {"share": 1})
    for _ in range(KNOWN["POST", "/orders", "500"]):
        trial.post("/orders", ORDER)
    trial.send("DELETE", "/admin/faults/errors")
    trial.send("PUT", "/admin/faults/latency", {"ms": SLOW_SECONDS * 1000})
    trial.get("/orders", within_seconds=SLOW_SECONDS + 3)
    trial.send("DELETE", "/admin/faults/latency")
    for _ in range(CLOSED):
        with trial.half_post("/orders", ORDER):
            pass  # the block ends before the rest of the order is sent


@check("monitoring.metrics")
def metrics(context: Context) -> Result:
    """Send orders, failures, a slow request, clients that hang up, odd methods and random paths; scrape between."""
    with service_trial.start(context, "/orders", START_SECONDS, environment=SETTINGS) as trial:
        scrapes, lines = _scrapes(trial, context), trial.lines()
        raised = crash_reason(lines)
        return judge(scrapes, raised if FILE in raised else "", lines)


def judge(scrapes: Sequence[MetricsText], raised: str = "", lines: str = "") -> Result:
    """Judge three scrapes: before and after the known traffic, and after odd methods and random paths.

    ``raised`` is an exception of metrics.py at the end of the log.
    """
    before, after, odd = scrapes
    findings = [_counter(after)]
    if findings[0].passed:
        findings += [_one_series(before, after), _hung_up(before, after), _counts(before, after, raised)]
    findings += [_durations(before, after), _methods(odd), _random_paths(odd)]
    shown = "It counts what came, how it ended and how long it took, and no stranger makes a new series."
    return conclude(shown, findings, lines)


def _scrapes(trial: Trial, context: Context) -> list[MetricsText]:
    """Send all traffic; return the scrapes for `judge`."""
    before = _scrape(trial)
    context.report_step("sending known traffic")
    send_known(trial)
    expected = sum(KNOWN.values()) + CLOSED  # those who hung up are counted a little later

    def complete(scrape: MetricsText) -> bool:
        return increase(TOTAL, before, scrape).total() >= expected

    missing = "the requests were not all counted"
    after = trial.poll(lambda: _scrape(trial), complete, SETTLE_SECONDS, missing=missing)
    context.report_step(f"sending odd methods, and asking for {RANDOM_PATHS:,} random paths")
    for method in ODD_METHODS:
        trial.send(method, "/orders")
    _ask_random_paths(trial)
    return [before, after, _scrape(trial)]


def _ask_random_paths(trial: Trial) -> None:
    """Pipeline requests for random paths on one connection; end early if it is closed."""
    server = urlsplit(trial.address)
    with contextlib.suppress(OSError), socket.create_connection((server.hostname, server.port), 10.0) as connection:
        for first in range(0, RANDOM_PATHS, PIPELINED):
            paths = [f"{('/orders', '')[number % 2]}/{NOBODY}-{number}" for number in range(first, first + PIPELINED)]
            connection.sendall(b"".join(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for path in paths))
            received = b""
            while received.count(b"HTTP/1.1 ") < PIPELINED:
                part = connection.recv(256 * 1024)
                if not part:
                    return
                received += part


def _scrape(trial: Trial) -> MetricsText:
    answer = trial.get("/metrics", within_seconds=5.0)
    return MetricsText.of(answer.body if answer.status == 200 else "")


def _counter(scrape: MetricsText) -> Finding:
    kind, labels = scrape.types.get(COUNTER) or scrape.types.get(TOTAL), scrape.label_names(TOTAL)
    missing = [label for label in LABELS if label not in labels]
    means, look = "", "The third argument of Counter has the names of the labels."
    if kind not in (None, "counter"):
        means = f"{COUNTER} is a {kind}: when it is smaller, Prometheus cannot tell a restart from a decrease."
        look = "Which of the types only ever grows?"
    elif missing:
        means = f"{TOTAL} has no label {' and no label '.join(missing)}: it cannot tell what failed, and how."
    return found(
        not means,
        f"GET /metrics: what is {TOTAL}?",
        f"{kind or 'no series of this name'}, labels: {', '.join(sorted(labels)) or 'none'}",
        f"counter, labels: {', '.join(LABELS)}",
        means,
        look,
    )


def _one_series(before: MetricsText, after: MetricsText) -> Finding:
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


def _counts(before: MetricsText, after: MetricsText, raised: str) -> Finding:
    counted = increase(TOTAL, before, after, *LABELS)
    called = f"{sum(KNOWN.values())} requests that end as the check knows: how far has {TOTAL} gone?"
    wrong = next((key for key, count in KNOWN.items() if counted[key] != count), None)
    if wrong is None:
        return found(True, called, "as many", "as many", "", "")
    there = ", ".join(f"{count:g} × {' '.join(key)}" for key, count in sorted(counted.items())[:6]) or "none"
    return found(False, called, there, f"{KNOWN[wrong]} × {' '.join(wrong)}", *_why(wrong, counted, raised))


def _why(key: Key, counted: Counter[Key], raised: str) -> tuple[str, str]:
    """Return what a wrong count means, and where to look."""
    method, route, status = key
    if any(NOBODY in there for _, there, _ in counted):
        return "The label route holds the path that a client invented: each makes a series.", "path or route?"
    others = {there for one, place, there in counted if (one, place) == (method, route)} - {"none", "None"}
    known = {there for one, place, there in KNOWN if (one, place) == (method, route)}
    if strange := sorted(others - known, key=lambda there: (there[:1] != status[:1], there)):
        means = f"The status is told as {strange[0]!r}: a bug of the code (500) and a database that is away (503) "
        return f"{means}can no longer be told apart.", "The label's value is the number, as text."
    if raised:
        return f"Requests with {status} were not counted: {raised}.", "count() ends with this exception."
    return f"Requests with {status} were not counted, so no alert knows of them.", "Follow count() with this status."


def _hung_up(before: MetricsText, after: MetricsText) -> Finding:
    by_status = increase(TOTAL, before, after, "status")
    errors = sum(count for (status,), count in by_status.items() if status.startswith("5"))
    more = errors - sum(count for (_, _, status), count in KNOWN.items() if status.startswith("5"))
    return equals(
        f"{CLOSED} clients hang up in the middle of their order",
        f"{more:g} of them counted as 5xx" if more > 0 else "none counted as 5xx",
        "none counted as 5xx",
        "Clients that hung up count as errors of the service: an alert fires because a train entered a tunnel.",
        "What does status None mean, and which label tells it?",
    )


def _durations(before: MetricsText, after: MetricsText) -> Finding:
    called = f"{DURATION}: one of {ON_ORDERS} requests to /orders takes {SLOW_SECONDS:g} s"
    expected = f"histogram, label route; one request above {SLOW_SECONDS:g} s, the others below"
    kind = after.types.get(DURATION)
    if kind != "histogram" or "route" not in after.label_names(f"{DURATION}_bucket"):
        got = kind or "no series of this name"
        means = f"How long requests take cannot be asked: there is no histogram {DURATION} with the label route."
        return found(
            False, called, got, expected, means, "Histogram(name, help, label names, buckets=BUCKETS_SECONDS)."
        )
    by_bucket = increase(f"{DURATION}_bucket", before, after, "route", "le")
    buckets = sorted((float(le), count) for (route, le), count in by_bucket.items() if route == "/orders")
    below = max((count for le, count in buckets if le < SLOW_SECONDS), default=0)
    total = buckets[-1][1] if buckets else 0
    took = increase(f"{DURATION}_sum", before, after, "route")["/orders",]
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


def _methods(scrape: MetricsText) -> Finding:
    methods = {value for _, labels in scrape.values for name, value in labels if name == "method"}
    return found(
        len(methods) <= MOST_METHODS,
        f"{len(ODD_METHODS)} requests with methods such as {ODD_METHODS[0]} and {ODD_METHODS[6]}",
        f"{len(methods)} methods in the labels",
        f"at most {MOST_METHODS}",
        "The method is the client's own word: every new one makes new series on every route.",
        "METHODS names those that count; the others can share a word, such as OTHER.",
    )


def _random_paths(scrape: MetricsText) -> Finding:
    more = sum(any(NOBODY in value for _, value in labels) for _, labels in scrape.values)
    return found(
        not more,
        f"{RANDOM_PATHS:,} requests for random paths",
        f"{more or 'no'} series with one of them",
        "no series with one of them",
        f"Invented paths made {more:,} series: any stranger can fill Prometheus's memory.",
        "route is the template, or unmatched; path is what a client typed.",
    )
