"""The check of monitoring.metrics: send known traffic, and compare the scrapes of /metrics before and after it."""

from __future__ import annotations

import contextlib
import math
import socket
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from workshop_kit.checks.monitoring_health import ORDERS_PATH, START_SECONDS
from workshop_kit.observe.http import Answer
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings, until_failed
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.service_trial import FAULTY, ORDER
from workshop_kit.trials.start_failure import crash_reason
from workshop_kit.trials.trial import Trial

EXERCISE = "monitoring.metrics"
FINDINGS = findings(EXERCISE)
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
HANGUPS = 2
"""The number of clients that hang up. No kind of known requests has this number, so that they are told apart."""
KNOWN_REQUESTS: Mapping[tuple[str, ...], int] = {
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
"""Series that have to exist with the value 0, so that the first error is an increase."""
ON_ORDERS = sum(count for (_, route, _), count in KNOWN_REQUESTS.items() if route == "/orders")
ODD_METHODS = ("COPY", "LINK", "LOCK", "MKCOL", "MOVE", "NOTIFY", "PROPFIND", "PURGE", "REPORT", "SEARCH", "UNLOCK")
ODD_STATUS = "405"
MOST_METHODS = 8
FEWEST_LIMITS = 3
"""The limits that a histogram needs for percentiles."""
MOST_NAMES = 6
"""How many counts a finding shows."""
RANDOM_PATHS = 2_000
PIPELINED = 50
MADE_UP_PART = "nobody"
"""A part of every path that the check makes up; no label of a right solution has it."""
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
        """Read the text of a scrape, in the exposition format."""
        types = {}
        values = {}
        for family in text_string_to_metric_families(text):
            types[family.name] = family.type
            for sample in family.samples:
                labels = tuple(sorted(sample.labels.items()))
                values[sample.name, labels] = sample.value
        return cls(types, values)

    def label_names(self, name: str) -> set[str]:
        """Return the names of all labels of the series ``name``."""
        all_labels = [labels for sample, labels in self.values if sample == name]
        return {label for labels in all_labels for label, _ in labels}


def increase(name: str, before: MetricsText, after: MetricsText, *by: str) -> Counter[Key]:
    """Return the increase of the series ``name`` between two scrapes, summed by the values of the labels ``by``."""
    increase_by_key: Counter[Key] = Counter()
    for (sample, labels), value in after.values.items():
        difference = value - before.values.get((sample, labels), 0.0)
        if sample == name and difference:
            value_by_label = dict(labels)
            key = tuple(value_by_label.get(label, "") for label in by)
            increase_by_key[key] += difference  # type: ignore[assignment]
    return increase_by_key


def send_known(trial: Trial) -> None:
    """Send the known requests, and half a request for each client that hangs up."""
    for _ in range(KNOWN_REQUESTS["POST", "/orders", "201"]):
        trial.post("/orders", ORDER)
    for number in range(KNOWN_REQUESTS["GET", "/orders/{order_id}", "404"]):
        trial.get(f"/orders/{MADE_UP_PART}-{number}")
    for _ in range(KNOWN_REQUESTS["POST", "/orders", "500"]):
        trial.post("/orders", ORDER, headers=ERROR)
    trial.get("/orders", headers=SLOW, within_seconds=SLOW_SECONDS + 3)
    for _ in range(HANGUPS):
        with trial.half_post("/orders", ORDER):
            pass  # the block ends before the rest of the order is sent


@check("monitoring.metrics")
def metrics(context: Context) -> Result:
    """Send known traffic, then odd methods and random paths; scrape /metrics before, between and after them."""
    with service_trial.start(context, "/metrics", START_SECONDS, environment=SETTINGS, wrapper=FAULTY) as trial:
        _wait_until_orders_answer(trial)
        scrapes = _send_and_scrape(trial, context)
        lines = trial.log_tail()

        exception = crash_reason(lines)
        if FILE not in exception:
            exception = ""
        return judge(scrapes, exception, lines)


def _wait_until_orders_answer(trial: Trial) -> None:
    """Wait until orders can be read, or the answer is 500: every request gets that if the participant's code raises."""

    def ask() -> Answer:
        return trial.get(ORDERS_PATH)

    def is_over(answer: Answer) -> bool:
        return answer.status in {200, 500}

    trial.poll(ask, is_over, START_SECONDS, missing=f"no good answer to GET {ORDERS_PATH}")


def judge(scrapes: Sequence[MetricsText], exception: str = "", lines: str = "") -> Result:
    """Judge three scrapes: before and after the known traffic, and after odd methods and random paths.

    ``exception`` is the one at the end of the log, if metrics.py raised it; ``lines`` are the log's last.
    """
    before, after, odd = scrapes
    return conclude(FINDINGS.success_summary, _all_findings(before, after, odd, exception), lines)


def _all_findings(before: MetricsText, after: MetricsText, odd: MetricsText, exception: str) -> list[Finding]:
    """Return the findings; one that follows from an earlier failure is left out."""
    counter = _counter_finding(after)
    all_findings = [counter]
    if counter.passed:
        all_findings += _counts_findings(before, after, exception)
    failed_keys = {finding.key for finding in all_findings if not finding.passed}
    if f"{EXERCISE}.counts.raised" in failed_keys:
        return all_findings  # what the participant's function does after that line cannot be right

    durations = _durations_finding(before, after)
    lacks_counts = f"{EXERCISE}.counts.missing" in failed_keys
    lacks_durations = durations.key == f"{EXERCISE}.durations.missing"
    if not (lacks_counts and lacks_durations):
        all_findings.append(durations)
    if "method" in odd.label_names(TOTAL):
        all_findings.append(_methods_finding(after, odd, counts_are_right=not failed_keys))
    if f"{EXERCISE}.counts.path" not in failed_keys:
        all_findings.append(_paths_finding(odd))
    return all_findings


def _send_and_scrape(trial: Trial, context: Context) -> list[MetricsText]:
    """Send all traffic; return the three scrapes for `judge`."""
    before = _scrape(trial)
    context.report_step("sending known traffic")
    send_known(trial)
    expected = sum(KNOWN_REQUESTS.values()) + HANGUPS  # clients that hang up are counted a little later

    def scrape_again() -> MetricsText:
        return _scrape(trial)

    def is_complete(scrape: MetricsText) -> bool:
        return increase(TOTAL, before, scrape).total() >= expected

    missing = "the requests were not all counted"
    after = trial.poll(scrape_again, is_complete, SETTLE_SECONDS, missing=missing)

    context.report_step(f"sending odd methods, and asking for {RANDOM_PATHS:,} random paths")
    for method in ODD_METHODS:
        trial.send(method, "/orders")
    _ask_random_paths(trial)
    return [before, after, _scrape(trial)]


def _ask_random_paths(trial: Trial) -> None:
    """Send requests for random paths on one connection, many at a time; end early if the service closes it."""
    server = urlsplit(trial.address)
    with contextlib.suppress(OSError), socket.create_connection((server.hostname, server.port), 10.0) as connection:
        for first in range(0, RANDOM_PATHS, PIPELINED):
            requests = [_random_request(number) for number in range(first, first + PIPELINED)]
            connection.sendall(b"".join(requests))
            if not _receive_answers(connection):
                return


def _receive_answers(connection: socket.socket) -> bool:
    """Read the answers to the requests that were sent together; return False if the service closes the connection."""
    received = b""
    while received.count(b"HTTP/1.1 ") < PIPELINED:
        data = connection.recv(256 * 1024)
        if not data:
            return False
        received += data
    return True


def _random_request(number: int) -> bytes:
    """Return a request for a path that the check makes up; it is below /orders if the number is even."""
    folder = "" if number % 2 else "/orders"
    return f"GET {folder}/{MADE_UP_PART}-{number} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def _scrape(trial: Trial) -> MetricsText:
    """Ask for /metrics and return the scrape; an empty one if the answer is not 200."""
    answer = trial.get("/metrics", within_seconds=5.0)
    text = answer.body if answer.status == 200 else ""
    return MetricsText.of(text)


def _counter_finding(scrape: MetricsText) -> Finding:
    """Find whether there is a counter of this name with the required labels."""
    kind = scrape.types.get(COUNTER) or scrape.types.get(TOTAL)
    labels = scrape.label_names(TOTAL)
    missing = [label for label in LABELS if label not in labels]
    observation = f"{kind or 'no series of this name'}, labels: {', '.join(sorted(labels)) or 'none'}"

    way_to_fail = "labels"
    if kind is None:
        way_to_fail = "absent"
    elif kind != "counter":
        way_to_fail = "type"

    is_good = kind == "counter" and not missing
    values = {"total": TOTAL, "name": COUNTER, "kind": kind, "missing": " and no label ".join(missing)}
    return FINDINGS.found(is_good, f"counter.{way_to_fail}", observation, **values)


def _counts_findings(before: MetricsText, after: MetricsText, exception: str) -> tuple[Finding, ...]:
    """Return the findings on the counts, up to the first that failed, from which later failures would follow."""

    def all_findings() -> Iterator[Finding]:
        yield _series_finding(before, after)
        yield _known_counts_finding(before, after, exception)
        yield _hung_up_finding(before, after)
        yield _zeros_finding(before)

    return until_failed(all_findings())


def _series_finding(before: MetricsText, after: MetricsText) -> Finding:
    """Find whether the requests of one method, route and status are counted in one series."""
    extra_labels = sorted(after.label_names(TOTAL) - set(LABELS))
    series_count: Counter[Key] = Counter()
    for (name, labels), value in after.values.items():
        if name == TOTAL and value > before.values.get((name, labels), 0.0):
            series_count[_key_of(labels)] += 1

    most = max(series_count.values(), default=0)
    names = " and ".join(extra_labels)
    observation = str(most)
    if extra_labels:
        observation += f", by the label {names}"
    return FINDINGS.found(most <= 1, "series", observation, names=names)


def _key_of(labels: tuple[tuple[str, str], ...]) -> Key:
    """Return the method, the route and the status of a series."""
    values = dict(labels)
    return tuple(values[label] for label in LABELS)


def _known_counts_finding(before: MetricsText, after: MetricsText, exception: str) -> Finding:
    """Find whether the known requests are counted once each, with their method, route and status."""
    counts = increase(TOTAL, before, after, *LABELS)
    requests = sum(KNOWN_REQUESTS.values())
    wrong_keys = [key for key in KNOWN_REQUESTS if not _is_counted(key, counts)]
    if not wrong_keys:
        return FINDINGS.passed("counts", "all of them, once", requests=requests)

    key = wrong_keys[0]
    _, route, status = key
    way_to_fail, wrong_label = _way_of_wrong_count(key, counts, exception)
    values = {
        "requests": requests,
        "status": status,
        "route": route,
        "raised": exception,
        "count": KNOWN_REQUESTS[key],
        "counted": f"{counts[key]:g}",
    }
    if wrong_label:
        values["strange"] = repr(wrong_label)

    count_texts = [f"{count:g} × {' '.join(labels)}" for labels, count in sorted(counts.items())]
    observation = ", ".join(count_texts[:MOST_NAMES]) or "none"
    return FINDINGS.failed(f"counts.{way_to_fail}", observation, **values)


def _way_of_wrong_count(key: Key, counts: Counter[Key], exception: str) -> tuple[str, str]:
    """Return the way in which the requests of a key were counted wrongly, and the wrong status or route ("": none)."""
    if any(MADE_UP_PART in route for _, route, _ in counts):
        return "path", ""
    if counts[key] > KNOWN_REQUESTS[key]:
        return "often", ""

    status = _wrong_status(key, counts)
    if status:
        return "status", status
    route = _wrong_route(key, counts)
    if route:
        return "route", route
    return "raised" if exception else "missing", ""


def _hung_up_finding(before: MetricsText, after: MetricsText) -> Finding:
    """Find whether the clients that hung up are counted, and not as errors.

    What is counted with a status that no known request has is counted as theirs.
    """
    counts = increase(TOTAL, before, after, "status")
    errors = sum(count for (status,), count in counts.items() if status.startswith("5"))
    known_errors = sum(count for (_, _, status), count in KNOWN_REQUESTS.items() if status.startswith("5"))
    extra_errors = errors - known_errors
    if extra_errors > 0:
        return FINDINGS.failed("closed.errors", f"{extra_errors:g} of them counted as 5xx", clients=HANGUPS)

    known_statuses = {status for _, _, status in KNOWN_REQUESTS}
    clients = sum(count for (status,), count in counts.items() if status not in known_statuses)
    return FINDINGS.found(clients >= HANGUPS, "closed.uncounted", f"{clients:g} of them counted", clients=HANGUPS)


def _zeros_finding(before: MetricsText) -> Finding:
    """Find whether the series of errors exist before the first error."""
    keys = {_key_of(labels) for name, labels in before.values if name == TOTAL}
    missing = [" ".join(key) for key in ERRORS if key not in keys]
    return FINDINGS.has_none("zeros", missing)


def _is_counted(key: Key, counts: Counter[Key]) -> bool:
    """Return whether the requests of a key were all counted; with an error, clients that hung up may be counted."""
    _, _, status = key
    extra = counts[key] - KNOWN_REQUESTS[key]
    return extra == 0 or (extra == HANGUPS and status.startswith("5"))


def _wrong_status(key: Key, counts: Counter[Key]) -> str:
    """Return a wrong status with which requests of this method and route were counted; "" if there is none.

    One with the same first digit as the right status is preferred.
    """
    right_method, right_route, right_status = key
    place = (right_method, right_route)
    statuses = set()
    for (method, route, status), count in counts.items():
        if (method, route) == place and count != HANGUPS:  # clients that hang up may have a status of their own
            statuses.add(status)
    right_statuses = {status for method, route, status in KNOWN_REQUESTS if (method, route) == place}

    def rank(status: str) -> tuple[bool, str]:
        has_other_class = status[:1] != right_status[:1]
        return has_other_class, status

    return min(statuses - right_statuses, key=rank, default="")


def _wrong_route(key: Key, counts: Counter[Key]) -> str:
    """Return a wrong route with which requests of this method and status were counted; "" if there is none."""
    right_method, _, right_status = key
    for method, route, status in sorted(counts):
        is_same_request = (method, status) == (right_method, right_status)
        if is_same_request and (method, route, status) not in KNOWN_REQUESTS:
            return route
    return ""


def _durations_finding(before: MetricsText, after: MetricsText) -> Finding:
    """Find whether the durations of the requests for /orders are in a histogram, in seconds and in fitting buckets."""
    values = {"name": DURATION, "requests": ON_ORDERS, "seconds": SLOW_SECONDS}
    kind = after.types.get(DURATION)
    if kind != "histogram" or "route" not in after.label_names(f"{DURATION}_bucket"):
        return FINDINGS.failed("durations.absent", kind or "no series of this name", **values)

    buckets = _order_buckets(before, after)
    total = 0
    if buckets:
        _, total = buckets[-1]  # a bucket also counts the requests of all lower ones
    counts_below = [count for limit, count in buckets if limit < SLOW_SECONDS]
    below = max(counts_below, default=0)

    orders_key = ("/orders",)
    sum_by_route = increase(f"{DURATION}_sum", before, after, "route")
    seconds = sum_by_route[orders_key]

    observation = f"{total:g} requests, {below:g} of them below {SLOW_SECONDS:g} s, {seconds:.3g} s in all"
    if total < ON_ORDERS:
        return FINDINGS.failed("durations.missing", observation, missing=ON_ORDERS - total, **values)
    if seconds > 100 * SLOW_SECONDS:
        return FINDINGS.failed("durations.milliseconds", observation, **values)
    if not 0 < below < total:
        return FINDINGS.failed("durations.buckets", observation, **values)

    limits = _bucket_limits(after)
    limit_texts = ", ".join(f"{limit:g}" for limit in limits)
    observation = f"limits: {limit_texts} s"
    return FINDINGS.found(len(limits) >= FEWEST_LIMITS, "durations.few", observation, fewest=FEWEST_LIMITS, **values)


def _order_buckets(before: MetricsText, after: MetricsText) -> list[tuple[float, int]]:
    """Return the upper limits of the buckets for /orders in seconds, the lowest first, each with its increase."""
    increases = increase(f"{DURATION}_bucket", before, after, "route", "le")
    return sorted((float(limit), count) for (route, limit), count in increases.items() if route == "/orders")


def _bucket_limits(scrape: MetricsText) -> list[float]:
    """Return the upper limits of the histogram's buckets in seconds, in order and without infinity."""
    limits = set()
    for name, labels in scrape.values:
        if name == f"{DURATION}_bucket":
            limits.add(float(dict(labels)["le"]))
    return sorted(limits - {math.inf})


def _methods_finding(after: MetricsText, odd: MetricsText, *, counts_are_right: bool) -> Finding:
    """Find whether requests with unknown methods were counted, with few values of the label ``method``.

    Their number is not judged unless ``counts_are_right``: it would fail for the same reason.
    """
    pairs = [pair for _, labels in odd.values for pair in labels]
    methods = {value for name, value in pairs if name == "method"}
    status_key = (ODD_STATUS,)
    increase_by_status = increase(TOTAL, after, odd, "status")
    count = increase_by_status[status_key]

    values = {"requests": len(ODD_METHODS), "first": ODD_METHODS[0], "second": ODD_METHODS[6], "most": MOST_METHODS}
    observation = f"{count:g} counted, {len(methods)} methods in the labels"
    if len(methods) > MOST_METHODS:
        return FINDINGS.failed("methods.many", observation, **values)

    is_counted = count >= len(ODD_METHODS) or not counts_are_right
    return FINDINGS.found(is_counted, "methods.uncounted", observation, **values)


def _paths_finding(scrape: MetricsText) -> Finding:
    """Find whether no series has a path that the check made up in a label."""
    series = [labels for _, labels in scrape.values if _has_path_of_check(labels)]
    count = len(series)
    return FINDINGS.found(count == 0, "paths", f"{count or 'no'} series", requests=RANDOM_PATHS, series=count)


def _has_path_of_check(labels: tuple[tuple[str, str], ...]) -> bool:
    """Return whether one of the labels of a series has a path that the check made up."""
    return any(MADE_UP_PART in value for _, value in labels)
