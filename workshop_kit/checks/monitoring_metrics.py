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
        if sample == name and (more := value - before.values.get((sample, labels), 0.0)):
            sums[tuple(dict(labels).get(label, "") for label in by)] += more  # type: ignore[assignment]
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
        lines = trial.lines()
        raised = crash_reason(lines)
        return judge(scrapes, raised if FILE in raised else "", lines)


def _wait_works(trial: Trial) -> None:
    """Wait until orders can be read. A 500 is the end of it, too: each request gets one if count() raises."""

    def over(answer: Answer) -> bool:
        return answer.status in {200, 500}

    trial.poll(lambda: trial.get(WORKS), over, START_SECONDS, missing=f"no good answer to GET {WORKS}")


def judge(scrapes: Sequence[MetricsText], raised: str = "", lines: str = "") -> Result:
    """Judge three scrapes: before and after the known traffic, and after odd methods and random paths.

    ``raised`` is an exception of metrics.py at the end of the log.
    """
    before, after, odd = scrapes
    return conclude(SAYS.shown, _all_findings(before, after, odd, raised), lines)


def _all_findings(before: MetricsText, after: MetricsText, odd: MetricsText, raised: str) -> list[Finding]:
    """Return the findings; one that follows from an earlier failure is left out."""
    counter = _counter(after)
    judged = [counter]
    if counter.passed:
        judged += _counts(before, after, raised)
    failed = {finding.key for finding in judged if not finding.passed}
    if f"{EXERCISE}.counts.raised" in failed:
        return judged  # count() ends there: nothing behind that line can be right

    durations = _durations(before, after)
    is_known = f"{EXERCISE}.counts.missing" in failed and durations.key == f"{EXERCISE}.durations.missing"
    if not is_known:
        judged.append(durations)
    if "method" in odd.label_names(TOTAL):
        judged.append(_methods(after, odd, counts_are_right=not failed))
    if f"{EXERCISE}.counts.path" not in failed:
        judged.append(_random_paths(odd))
    return judged


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


def _counts(before: MetricsText, after: MetricsText, raised: str) -> Iterator[Finding]:
    """Yield the findings on the counter, up to the first that failed: a wrong one makes the next ones wrong."""
    checks = (_one_series, _known_counts, _hung_up, _zeros)
    return iter(until_failed(check_one(before, after, raised) for check_one in checks))


def _one_series(before: MetricsText, after: MetricsText, _: str) -> Finding:
    extra = sorted(after.label_names(TOTAL) - set(LABELS))
    fitting: Counter[Key] = Counter()
    for (name, labels), value in after.values.items():
        if name == TOTAL and value > before.values.get((name, labels), 0.0):
            fitting[tuple(dict(labels)[label] for label in LABELS)] += 1

    worst = max(fitting.values(), default=0)
    names = " and ".join(extra)
    got = f"{worst}, by the label {names}" if extra else str(worst)
    return SAYS.found(worst <= 1, "series", got, names=names)


def _known_counts(before: MetricsText, after: MetricsText, raised: str) -> Finding:
    counted = increase(TOTAL, before, after, *LABELS)
    requests = sum(KNOWN.values())
    wrong = next((key for key in KNOWN if not _is_counted(key, counted)), None)
    if wrong is None:
        return SAYS.passed("counts", "all of them, once", requests=requests)

    got = ", ".join(f"{count:g} × {' '.join(key)}" for key, count in sorted(counted.items())[:MOST_NAMES]) or "none"
    values = {"requests": requests, "status": wrong[2], "route": wrong[1], "raised": raised}
    values |= {"count": KNOWN[wrong], "counted": f"{counted[wrong]:g}"}
    strange = _strange_status(wrong, counted)
    elsewhere = _strange_route(wrong, counted)
    if any(NOBODY in route for _, route, _ in counted):
        way = "path"
    elif counted[wrong] > KNOWN[wrong]:
        way = "often"
    elif strange:
        way = "status"
        values["strange"] = repr(strange)
    elif elsewhere:
        way = "route"
        values["strange"] = repr(elsewhere)
    else:
        way = "raised" if raised else "missing"
    return SAYS.failed(f"counts.{way}", got, **values)


def _hung_up(before: MetricsText, after: MetricsText, _: str) -> Finding:
    counted = increase(TOTAL, before, after, "status")
    errors = sum(count for (status,), count in counted.items() if status.startswith("5"))
    more = errors - sum(count for (_, _, status), count in KNOWN.items() if status.startswith("5"))
    if more > 0:
        return SAYS.failed("closed.errors", f"{more:g} of them counted as 5xx", clients=CLOSED)

    known = {status for _, _, status in KNOWN}
    others = sum(count for (status,), count in counted.items() if status not in known)
    return SAYS.found(others >= CLOSED, "closed.uncounted", f"{others:g} of them counted", clients=CLOSED)


def _zeros(before: MetricsText, _: MetricsText, __: str) -> Finding:
    there = set()
    for name, labels in before.values:
        if name == TOTAL:
            there.add(tuple(dict(labels)[label] for label in LABELS))
    missing = [" ".join(key) for key in ERRORS if key not in there]
    return SAYS.has_none("zeros", missing)


def _is_counted(key: Key, counted: Counter[Key]) -> bool:
    """Return whether the requests were counted; an error may have the clients beside it that hung up."""
    more = counted[key] - KNOWN[key]
    return more == 0 or (more == CLOSED and key[2].startswith("5"))


def _strange_status(key: Key, counted: Counter[Key]) -> str:
    """Return a status that these requests were counted with, and that is no status of theirs; "" for none."""
    method, route, status = key
    counted_as = set()
    for (by, place, word), count in counted.items():
        if (by, place) == (method, route) and count != CLOSED:  # those who hung up may have a word of their own
            counted_as.add(word)
    known = {one for by, place, one in KNOWN if (by, place) == (method, route)}
    strange = sorted(counted_as - known, key=lambda one: (one[:1] != status[:1], one))
    return strange[0] if strange else ""


def _strange_route(key: Key, counted: Counter[Key]) -> str:
    """Return a route that these requests were counted with, and that is no route of theirs; "" for none."""
    method, _, status = key
    routes = (place for by, place, one in sorted(counted) if (by, one) == (method, status))
    return next((place for place in routes if (method, place, status) not in KNOWN), "")


def _durations(before: MetricsText, after: MetricsText) -> Finding:
    values = {"name": DURATION, "requests": ON_ORDERS, "seconds": SLOW_SECONDS}
    kind = after.types.get(DURATION)
    if kind != "histogram" or "route" not in after.label_names(f"{DURATION}_bucket"):
        return SAYS.failed("durations.absent", kind or "no series of this name", **values)

    by_bucket = increase(f"{DURATION}_bucket", before, after, "route", "le")
    buckets = sorted((float(le), count) for (route, le), count in by_bucket.items() if route == "/orders")
    below = max((count for le, count in buckets if le < SLOW_SECONDS), default=0)
    total = buckets[-1][1] if buckets else 0
    took = increase(f"{DURATION}_sum", before, after, "route")["/orders",]
    got = f"{total:g} requests, {below:g} of them below {SLOW_SECONDS:g} s, {took:.3g} s in all"

    if total < ON_ORDERS:
        return SAYS.failed("durations.missing", got, missing=ON_ORDERS - total, **values)
    if took > 100 * SLOW_SECONDS:
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
    counted = increase(TOTAL, after, odd, "status")[ODD_STATUS,]

    values = {"requests": len(ODD_METHODS), "first": ODD_METHODS[0], "second": ODD_METHODS[6], "most": MOST_METHODS}
    got = f"{counted:g} counted, {len(methods)} methods in the labels"
    if len(methods) > MOST_METHODS:
        return SAYS.failed("methods.many", got, **values)

    is_counted = counted >= len(ODD_METHODS) or not counts_are_right
    return SAYS.found(is_counted, "methods.uncounted", got, **values)


def _random_paths(scrape: MetricsText) -> Finding:
    series = sum(_has_path_of_check(labels) for _, labels in scrape.values)
    return SAYS.found(not series, "paths", f"{series or 'no'} series", requests=RANDOM_PATHS, series=series)


def _has_path_of_check(labels: tuple[tuple[str, str], ...]) -> bool:
    return any(NOBODY in value for _, value in labels)
