"""The check of monitoring.metrics: known traffic, and the scrapes of /metrics before and after it."""

from __future__ import annotations

import contextlib
import math
import socket
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from workshop_kit.checks.monitoring_health import START_SECONDS, WORKS
from workshop_kit.observe.http import Answer
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings, until_failed
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.service_trial import FAULTY, ORDER
from workshop_kit.trials.start_failure import crash_reason
from workshop_kit.trials.trial import Trial

EXERCISE = "monitoring.metrics"
SAYS = findings(EXERCISE)
FILE = "metrics.py"
COUNTER = "http_requests"
DURATION = "http_request_duration_seconds"
TOTAL = f"{COUNTER}_total"
LABELS = ("method", "route", "status")
SETTINGS = {"LOG_LEVEL": "error"}
ERROR = {"X-Fault": "error"}
SLOW = {"X-Fault": "slow"}
SLOW_SECONDS = 1.2
"""How long the wrapper of the service lets a request wait."""
CLOSED = 2
"""The clients that hang up: fewer than any kind of known requests but one, so that none stands in for another."""
KNOWN: Mapping[tuple[str, ...], int] = {
    ("POST", "/orders", "201"): 5,
    ("GET", "/orders/{order_id}", "404"): 4,
    ("POST", "/orders", "500"): 3,
    ("GET", "/orders", "200"): 1,  # the slow one
}
"""The number of known requests, by method, route and status."""
ERRORS: tuple[tuple[str, ...], ...] = (
    ("POST", "/orders", "500"),
    ("POST", "/orders", "503"),
    ("GET", "/orders", "503"),
    ("GET", "/orders/{order_id}", "500"),
)
"""Series that have to begin at zero, so that the first error is an increase."""
ON_ORDERS = sum(count for (_, route, _), count in KNOWN.items() if route == "/orders")
ODD_METHODS = ("COPY", "LINK", "LOCK", "MKCOL", "MOVE", "NOTIFY", "PROPFIND", "PURGE", "REPORT", "SEARCH", "UNLOCK")
ODD_STATUS = "405"
MOST_METHODS = 8
FEWEST_LIMITS = 3
"""The limits that a histogram needs for percentiles."""
MOST_NAMES = 6
"""The counts that a finding shows."""
RANDOM_PATHS = 2_000
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
        types = {}
        values = {}
        for family in text_string_to_metric_families(text):
            types[family.name] = family.type
            for sample in family.samples:
                values[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
        return cls(types, values)

    def label_names(self, name: str) -> set[str]:
        """Return the names of all labels of the series ``name``."""
        all_labels = [labels for sample, labels in self.values if sample == name]
        return {label for labels in all_labels for label, _ in labels}


def increase(name: str, before: MetricsText, after: MetricsText, *by: str) -> Counter[Key]:
    """Return the increase of the series ``name`` between two scrapes, summed by these labels."""
    sums: Counter[Key] = Counter()
    for (sample, labels), value in after.values.items():
        difference = value - before.values.get((sample, labels), 0.0)
        if sample == name and difference:
            label_values = dict(labels)
            key = tuple(label_values.get(label, "") for label in by)
            sums[key] += difference  # type: ignore[assignment]
    return sums


def send_known(trial: Trial) -> None:
    """Send the known requests, and half of the requests of clients that hang up."""
    for _ in range(KNOWN["POST", "/orders", "201"]):
        trial.post("/orders", ORDER)
    for number in range(KNOWN["GET", "/orders/{order_id}", "404"]):
        trial.get(f"/orders/{NOBODY}-{number}")
    for _ in range(KNOWN["POST", "/orders", "500"]):
        trial.post("/orders", ORDER, headers=ERROR)
    trial.get("/orders", headers=SLOW, within_seconds=SLOW_SECONDS + 3)
    for _ in range(CLOSED):
        with trial.half_post("/orders", ORDER):
            pass  # the block ends before the rest of the order is sent


@check("monitoring.metrics")
def metrics(context: Context) -> Result:
    """Send orders, failures, a slow request, clients that hang up, odd methods and random paths; scrape between."""
    with service_trial.start(context, "/metrics", START_SECONDS, environment=SETTINGS, wrapper=FAULTY) as trial:
        _wait_works(trial)
        scrapes = _scrapes(trial, context)
        lines = trial.log_tail()

        exception = crash_reason(lines)
        if FILE not in exception:
            exception = ""
        return judge(scrapes, exception, lines)


def _wait_works(trial: Trial) -> None:
    """Wait until orders can be read. A 500 is the end of it, too: each request gets one if count() raises."""

    def over(answer: Answer) -> bool:
        return answer.status in {200, 500}

    trial.poll(lambda: trial.get(WORKS), over, START_SECONDS, missing=f"no good answer to GET {WORKS}")


def judge(scrapes: Sequence[MetricsText], exception: str = "", lines: str = "") -> Result:
    """Judge three scrapes: before and after the known traffic, and after odd methods and random paths.

    ``exception`` is one of metrics.py at the end of the log.
    """
    before, after, odd = scrapes
    return conclude(SAYS.shown, _all_findings(before, after, odd, exception), lines)


def _all_findings(before: MetricsText, after: MetricsText, odd: MetricsText, exception: str) -> list[Finding]:
    """Return the findings; one that follows from an earlier failure is left out."""
    counter = _counter(after)
    all_findings = [counter]
    if counter.passed:
        all_findings += _counts(before, after, exception)
    failed_keys = {finding.key for finding in all_findings if not finding.passed}
    if f"{EXERCISE}.counts.raised" in failed_keys:
        return all_findings  # count() ends there: nothing behind that line can be right

    durations = _durations(before, after)
    is_repeated = f"{EXERCISE}.counts.missing" in failed_keys and durations.key == f"{EXERCISE}.durations.missing"
    if not is_repeated:
        all_findings.append(durations)
    if "method" in odd.label_names(TOTAL):
        all_findings.append(_methods(after, odd, counts_are_right=not failed_keys))
    if f"{EXERCISE}.counts.path" not in failed_keys:
        all_findings.append(_random_paths(odd))
    return all_findings


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
            requests = [_random_request(number) for number in range(first, first + PIPELINED)]
            connection.sendall(b"".join(requests))

            received = b""
            while received.count(b"HTTP/1.1 ") < PIPELINED:
                data = connection.recv(256 * 1024)
                if not data:
                    return
                received += data


def _random_request(number: int) -> bytes:
    """Return a GET of a path that the check makes up; those with an even number are below /orders."""
    folder = "" if number % 2 else "/orders"
    return f"GET {folder}/{NOBODY}-{number} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def _scrape(trial: Trial) -> MetricsText:
    """Return the scrape; it is empty where /metrics does not answer 200."""
    answer = trial.get("/metrics", within_seconds=5.0)
    return MetricsText.of(answer.body if answer.status == 200 else "")


def _counter(scrape: MetricsText) -> Finding:
    kind = scrape.types.get(COUNTER) or scrape.types.get(TOTAL)
    labels = scrape.label_names(TOTAL)
    missing = [label for label in LABELS if label not in labels]
    got = f"{kind or 'no series of this name'}, labels: {', '.join(sorted(labels)) or 'none'}"

    way = "labels"
    if kind is None:
        way = "absent"
    elif kind != "counter":
        way = "type"

    is_good = kind == "counter" and not missing
    names = " and no label ".join(missing)
    return SAYS.found(is_good, f"counter.{way}", got, total=TOTAL, name=COUNTER, kind=kind, missing=names)


def _counts(before: MetricsText, after: MetricsText, exception: str) -> Iterator[Finding]:
    """Yield the findings on the counter, up to the first that failed: a wrong one makes the next ones wrong."""

    def all_findings() -> Iterator[Finding]:
        yield _one_series(before, after)
        yield _known_counts(before, after, exception)
        yield _hung_up(before, after)
        yield _zeros(before)

    return iter(until_failed(all_findings()))


def _one_series(before: MetricsText, after: MetricsText) -> Finding:
    """Find whether the requests of one method, route and status are counted in one series."""
    extra_labels = sorted(after.label_names(TOTAL) - set(LABELS))
    series_count: Counter[Key] = Counter()
    for (name, labels), value in after.values.items():
        if name == TOTAL and value > before.values.get((name, labels), 0.0):
            series_count[_key_of(labels)] += 1

    most = max(series_count.values(), default=0)
    names = " and ".join(extra_labels)
    got = f"{most}, by the label {names}" if extra_labels else str(most)
    return SAYS.found(most <= 1, "series", got, names=names)


def _key_of(labels: tuple[tuple[str, str], ...]) -> Key:
    """Return the method, the route and the status of a series."""
    values = dict(labels)
    return tuple(values[label] for label in LABELS)


def _known_counts(before: MetricsText, after: MetricsText, exception: str) -> Finding:
    """Find whether the known requests are counted once each, with their method, route and status."""
    counts = increase(TOTAL, before, after, *LABELS)
    requests = sum(KNOWN.values())
    wrong_keys = [key for key in KNOWN if not _is_counted(key, counts)]
    if not wrong_keys:
        return SAYS.passed("counts", "all of them, once", requests=requests)

    key = wrong_keys[0]
    words = [f"{count:g} × {' '.join(labels)}" for labels, count in sorted(counts.items())]
    got = ", ".join(words[:MOST_NAMES]) or "none"

    way, strange_label = _way_of_wrong_count(key, counts, exception)
    values = {"requests": requests, "status": key[2], "route": key[1], "raised": exception}
    values |= {"count": KNOWN[key], "counted": f"{counts[key]:g}"}
    if strange_label:
        values["strange"] = repr(strange_label)
    return SAYS.failed(f"counts.{way}", got, **values)


def _way_of_wrong_count(key: Key, counts: Counter[Key], exception: str) -> tuple[str, str]:
    """Return in which way requests were counted wrongly, and the wrong status or route if that is the way."""
    if any(NOBODY in route for _, route, _ in counts):
        return "path", ""
    if counts[key] > KNOWN[key]:
        return "often", ""

    status = _strange_status(key, counts)
    if status:
        return "status", status
    route = _strange_route(key, counts)
    if route:
        return "route", route
    return "raised" if exception else "missing", ""


def _hung_up(before: MetricsText, after: MetricsText) -> Finding:
    """Find whether the clients that hung up are counted, and not as errors."""
    counts = increase(TOTAL, before, after, "status")
    errors = sum(count for (status,), count in counts.items() if status.startswith("5"))
    known_errors = sum(count for (_, _, status), count in KNOWN.items() if status.startswith("5"))
    extra_errors = errors - known_errors
    if extra_errors > 0:
        return SAYS.failed("closed.errors", f"{extra_errors:g} of them counted as 5xx", clients=CLOSED)

    known_statuses = {status for _, _, status in KNOWN}
    clients = sum(count for (status,), count in counts.items() if status not in known_statuses)
    return SAYS.found(clients >= CLOSED, "closed.uncounted", f"{clients:g} of them counted", clients=CLOSED)


def _zeros(before: MetricsText) -> Finding:
    """Find whether the series of errors are there before the first error."""
    keys = {_key_of(labels) for name, labels in before.values if name == TOTAL}
    missing = [" ".join(key) for key in ERRORS if key not in keys]
    return SAYS.has_none("zeros", missing)


def _is_counted(key: Key, counts: Counter[Key]) -> bool:
    """Return whether the requests were counted; an error may have the clients beside it that hung up."""
    extra = counts[key] - KNOWN[key]
    return extra == 0 or (extra == CLOSED and key[2].startswith("5"))


def _strange_status(key: Key, counts: Counter[Key]) -> str:
    """Return a status that these requests were counted with, and that is no status of theirs; "" for none.

    One of the same class (4xx) is taken first.
    """
    known_method, known_route, known_status = key
    known_place = (known_method, known_route)
    statuses = set()
    for (method, route, status), count in counts.items():
        if (method, route) == known_place and count != CLOSED:  # those who hung up may have a word of their own
            statuses.add(status)
    known_statuses = {status for method, route, status in KNOWN if (method, route) == known_place}

    def rank(status: str) -> tuple[bool, str]:
        return status[:1] != known_status[:1], status

    return min(statuses - known_statuses, key=rank, default="")


def _strange_route(key: Key, counts: Counter[Key]) -> str:
    """Return a route that these requests were counted with, and that is no route of theirs; "" for none."""
    known_method, _, known_status = key
    for method, route, status in sorted(counts):
        is_same_request = (method, status) == (known_method, known_status)
        if is_same_request and (method, route, status) not in KNOWN:
            return route
    return ""


def _durations(before: MetricsText, after: MetricsText) -> Finding:
    values = {"name": DURATION, "requests": ON_ORDERS, "seconds": SLOW_SECONDS}
    kind = after.types.get(DURATION)
    if kind != "histogram" or "route" not in after.label_names(f"{DURATION}_bucket"):
        return SAYS.failed("durations.absent", kind or "no series of this name", **values)

    by_bucket = increase(f"{DURATION}_bucket", before, after, "route", "le")
    buckets = sorted((float(le), count) for (route, le), count in by_bucket.items() if route == "/orders")
    below = max((count for le, count in buckets if le < SLOW_SECONDS), default=0)
    total = buckets[-1][1] if buckets else 0
    seconds = increase(f"{DURATION}_sum", before, after, "route")["/orders",]

    got = f"{total:g} requests, {below:g} of them below {SLOW_SECONDS:g} s, {seconds:.3g} s in all"
    if total < ON_ORDERS:
        return SAYS.failed("durations.missing", got, missing=ON_ORDERS - total, **values)
    if seconds > 100 * SLOW_SECONDS:
        return SAYS.failed("durations.milliseconds", got, **values)
    if not 0 < below < total:
        return SAYS.failed("durations.buckets", got, **values)

    limits = _limits(after)
    got = f"limits: {', '.join(f'{limit:g}' for limit in limits)} s"
    return SAYS.found(len(limits) >= FEWEST_LIMITS, "durations.few", got, fewest=FEWEST_LIMITS, **values)


def _limits(scrape: MetricsText) -> list[float]:
    """Return the limits of the histogram's buckets, without infinity."""
    limits = set()
    for name, labels in scrape.values:
        if name == f"{DURATION}_bucket":
            limits.add(float(dict(labels)["le"]))
    return sorted(limits - {math.inf})


def _methods(after: MetricsText, odd: MetricsText, *, counts_are_right: bool) -> Finding:
    """Find whether requests with unknown methods were counted, with few words for the methods.

    Where the counts are wrong, these follow from it.
    """
    pairs = [pair for _, labels in odd.values for pair in labels]
    methods = {value for name, value in pairs if name == "method"}
    count = increase(TOTAL, after, odd, "status")[ODD_STATUS,]

    values = {"requests": len(ODD_METHODS), "first": ODD_METHODS[0], "second": ODD_METHODS[6], "most": MOST_METHODS}
    got = f"{count:g} counted, {len(methods)} methods in the labels"
    if len(methods) > MOST_METHODS:
        return SAYS.failed("methods.many", got, **values)

    is_counted = count >= len(ODD_METHODS) or not counts_are_right
    return SAYS.found(is_counted, "methods.uncounted", got, **values)


def _random_paths(scrape: MetricsText) -> Finding:
    series = sum(_has_path_of_check(labels) for _, labels in scrape.values)
    return SAYS.found(not series, "paths", f"{series or 'no'} series", requests=RANDOM_PATHS, series=series)


def _has_path_of_check(labels: tuple[tuple[str, str], ...]) -> bool:
    return any(NOBODY in value for _, value in labels)
