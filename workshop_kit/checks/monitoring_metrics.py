"""The check of monitoring.metrics: known traffic, twice, and what /metrics says before, between and after."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from workshop_kit.observe.scrape import samples
from workshop_kit.trials.check_api import check
from workshop_kit.trials.expect import Observation, expect, require
from workshop_kit.trials.service import SETTLE_SECONDS, RunningService, Service
from workshop_kit.trials.service_trial import FAULTY, ORDER
from workshop_kit.trials.start_failure import crash_reason
from workshop_kit.trials.trial import Reply

COUNTER = "http_requests_total"
DURATION = "http_request_duration_seconds"
ORDERS = (("POST", "/orders"), ("GET", "/orders"), ("GET", "/orders/{order_id}"))
ERRORS = {f"{method} {route} {status}" for method, route in ORDERS for status in (500, 503)}
PLACED = "POST /orders 201"
FAILED = "POST /orders 500"
HUNG_UP = "POST /orders 499"
SLOW = "GET /orders 200"
MISTYPED = "GET /orders/{order_id} 404"
STRANGE = "GET unmatched 404"
ODD = "other /orders 405"
ODD_METHODS = ("COPY", "LINK", "LOCK", "MKCOL", "MOVE", "NOTIFY", "PROPFIND", "PURGE", "REPORT", "SEARCH")
HALF = len(ODD_METHODS) // 2
SLOW_SECONDS = 1.2
"""How long the wrapper of the service lets a request wait."""
MOST_SHOWN = 3


@check("monitoring.metrics")
def metrics(service: Service) -> None:
    """It counts what came, how it ended and how long it took, and no stranger makes a new series."""
    placed, failed, hung_up, mistyped, strange = service.random.sample(range(2, 12), 5)
    sent = Counter({PLACED: placed, FAILED: failed, HUNG_UP: hung_up, MISTYPED: mistyped, STRANGE: strange})
    sent.update({SLOW: 1, ODD: HALF})

    with service.run(wrapper=FAULTY) as running:
        before = scrape(running)
        expect_counter(before)
        begins_errors_at_zero(before)
        an_order_is_taken(running)

        before = scrape(running)
        send(service, running, sent, ODD_METHODS[:HALF])

        def is_complete(metrics: Reply) -> bool:  # clients that hang up are counted a little later
            return requests_of(metrics) - requests_of(before) == sent

        missing = "the requests were not all counted"
        between = running.poll(lambda: scrape(running), is_complete, SETTLE_SECONDS, missing=missing)
        send(service, running, sent, ODD_METHODS[HALF:])

        strangers_make_no_series(between, scrape(running))
        each_is_counted(before, between, sent)
        durations_are_known(before, between, sum(sent[kind] for kind in (PLACED, FAILED, HUNG_UP, SLOW, ODD)))


def scrape(running: RunningService) -> Reply:
    """Ask for the metrics, as Prometheus does."""
    return running.get("/metrics", within_seconds=5.0)


def requests_of(metrics: Reply) -> Counter[str]:
    """Return the counted requests, by method, route and status; methods that nobody knows are one: "other"."""
    requests: Counter[str] = Counter()
    for sample in samples(metrics.body, {COUNTER}):
        method, route, status = (sample.labels.get(label, f"(no {label})") for label in ("method", "route", "status"))
        if method not in {"GET", "HEAD", "POST", "(no method)"}:
            method = "other"
        requests[f"{method} {route} {status}"] += int(sample.value)
    return requests


def send(service: Service, running: RunningService, sent: Counter[str], methods: Sequence[str]) -> None:
    """Send requests of each kind. The paths that a client makes up are new ones each time."""
    for _ in range(sent[PLACED]):
        running.post("/orders", ORDER)
    for _ in range(sent[FAILED]):
        running.post("/orders", ORDER, headers={"X-Fault": "error"}, expected=500)
    for _ in range(sent[HUNG_UP]):
        with running.half_post("/orders", ORDER):
            pass  # the block ends before the rest of the order is sent
    for _ in range(sent[MISTYPED]):
        running.get(f"/orders/{service.random.random()}")
    for _ in range(sent[STRANGE]):
        running.get(f"/{service.random.random()}")

    running.get("/orders", headers={"X-Fault": "slow"}, within_seconds=SLOW_SECONDS + 3)
    for method in methods:
        running.send(method, "/orders")


def expect_counter(metrics: Reply) -> None:
    """Require a counter of the name that the task says."""
    types = [line for line in metrics.body.splitlines() if line.startswith("# TYPE http_request")]
    means = f"Nothing can be asked about requests: there is no counter {COUNTER}."
    look = "The first argument of Counter is the name without _total, which Prometheus adds."
    if "# TYPE http_requests gauge" in types:
        means = "http_requests is a gauge: when it is smaller, Prometheus cannot tell a restart from a decrease."
        look = "What has happened can only grow. Which of the types only ever grows?"

    seen = Observation(f"GET /metrics: what is {COUNTER}?", "\n".join(types) or "nothing of that name", metrics.seconds)
    is_counter = f"# TYPE {COUNTER} counter" in types
    require(is_counter, seen=seen, expected=f"# TYPE {COUNTER} counter", means=means, look=look, hint=2)


def begins_errors_at_zero(metrics: Reply) -> None:
    """Expect the series of errors before there is an error."""
    missing = sorted(ERRORS - requests_of(metrics).keys())
    got = f"without {', '.join(missing[:MOST_SHOWN])}" if missing else "all are there"
    expect(
        not missing,
        seen=Observation("GET /metrics before any request has failed", got, metrics.seconds),
        expected="the series of 500 and 503 on the routes of orders, at zero",
        means="The first error makes a series that begins at 1. Prometheus sees no increase there: of the first errors "
        "nobody hears.",
        look="expect() gets all routes at the start. labels(method, route.path, status) makes a series at zero.",
        hint=3,
    )


def an_order_is_taken(running: RunningService) -> None:
    """Require an order to be taken: all requests fail if count() raises."""
    order = running.poll(
        lambda: running.post("/orders", ORDER),
        lambda reply: reply.status == 201,
        SETTLE_SECONDS,
        missing="no order was taken",
    )
    require(
        order.status == 201,
        seen=order,
        expected="201",
        means=f"No order is taken any more: {crash_reason(running.log_tail()) or 'the log says why'}.",
        look="count() is called for every request. labels(…) needs a value for each of its names, in their order.",
        hint=2,
    )


def strangers_make_no_series(between: Reply, after: Reply) -> None:
    """Require the same series after more traffic of the same kinds, with other paths and methods."""
    new_series = sorted(series_of(after) - series_of(between))
    got = "\n".join([f"{len(new_series)} new series", *new_series[:MOST_SHOWN]])
    require(
        not new_series,
        seen=Observation("Send the same again, with other made-up paths and methods", got, after.seconds),
        expected="0 new series",
        means="A label holds what a client invented: any stranger can fill Prometheus's memory.",
        look="path and method are the client's own words. route is the template that fits the path, or unmatched; "
        "METHODS has the methods that the service knows, and all others can share one word.",
        hint=3,
    )


def series_of(metrics: Reply) -> set[str]:
    """Return the series of requests: their lines without the value."""
    lines = [line for line in metrics.body.splitlines() if line.startswith("http_request")]
    return {line.rpartition(" ")[0] for line in lines}


def each_is_counted(before: Reply, after: Reply, sent: Counter[str]) -> None:
    """Expect each request to be counted once, with its method, route and status."""
    counted = requests_of(after) - requests_of(before)
    missing = sent - counted
    too_many = counted - sent
    means = "Requests that ended in a known way are not counted as what they were."
    look = "Follow count() with these requests. Each calls inc() once, and status is the number as it is."
    if HUNG_UP in missing:
        means = "Clients that hung up are not counted as such, or count as errors of the service."
        look = "Follow count() with the status 499 to its last line: it is neither 2xx nor 5xx."
    if ODD in missing:
        means = "Requests with unknown methods are counted nowhere: an attack of them leaves no trace."
        look = "Which line of count() sorts out methods? What happens to those that are not in METHODS?"

    got = f"missing: {as_text(missing)}\ncounted instead: {as_text(too_many)}"
    expect(
        counted == sent,
        seen=Observation(f"Send {sent.total()} requests, and compare {COUNTER} before and after", got, 0.0),
        expected="each is counted once, with its method, route and status",
        means=means,
        look=look,
        hint=3,
    )


def as_text(requests: Counter[str]) -> str:
    """Return the most frequent of some requests."""
    return ", ".join(f"{count} × {kind}" for kind, count in requests.most_common(MOST_SHOWN)) or "none"


def durations_are_known(before: Reply, after: Reply, requests: int) -> None:
    """Expect the durations of the requests for /orders in a histogram, with the slow one apart from the others."""
    buckets = buckets_of(after) - buckets_of(before)
    total = buckets[math.inf]
    quick = max((count for limit, count in buckets.items() if limit < SLOW_SECONDS), default=0)
    seconds = sum(sample.value for sample in samples(after.body, {f"{DURATION}_sum"}))

    means = f"How long requests take cannot be asked of {DURATION} with the label route."
    look = "Histogram takes a name, a sentence and label names, as Counter does. observe() is called for each request."
    if seconds > 100 * SLOW_SECONDS:
        means = "Durations are in milliseconds: every request lies in the last bucket, and the name says seconds."
        look = "observe() takes seconds, which is what count() gets."

    got = f"{total} requests in the buckets, {quick} of them below {SLOW_SECONDS:g} s; {seconds:.1f} s in all"
    expect(
        total == requests and 0 < quick < total and seconds < 100 * SLOW_SECONDS,
        seen=Observation(f"Send {requests} requests to /orders, one of which takes {SLOW_SECONDS:g} s", got, 0.0),
        expected=f"all {requests} in the buckets, most of them below {SLOW_SECONDS:g} s",
        means=means,
        look=look,
        hint=2,
    )


def buckets_of(metrics: Reply) -> Counter[float]:
    """Return the buckets of the route /orders: how many requests took at most so many seconds."""
    buckets: Counter[float] = Counter()
    for sample in samples(metrics.body, {f"{DURATION}_bucket"}):
        if sample.labels.get("route") == "/orders":
            buckets[float(sample.labels["le"])] += int(sample.value)
    return buckets
