"""Ask a container for its probes and its metrics: its health, as an orchestrator sees it, and its traffic.

Traffic is what grew between two scrapes of ``/metrics``: request rate, errors, latency.
"""

from __future__ import annotations

import contextlib
import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from workshop_kit.observe import http
from workshop_kit.observe.http import Answer
from workshop_kit.observe.stats import NOT_KNOWN, increase
from workshop_kit.untrusted_text import visible

REQUESTS = "http_requests_total"
DURATIONS = "http_request_duration_seconds_bucket"
DEPENDENCY_UP = "dependency_up"
START_TIME = "process_start_time_seconds"
NAMES = frozenset({REQUESTS, DURATIONS, START_TIME})
NO_ANSWER = "no answer"
REFUSED = "refused"
PROBE_PATHS = ("/livez", "/readyz", "/health")
METRICS_PATH = "/metrics"
PROBES = frozenset({*PROBE_PATHS, METRICS_PATH})
"""Routes of probes and scrapes, which are not counted."""
PASS = "pass"  # noqa: S105 - a word of health
WARN = "warn"
FAIL = "fail"
STATES = (PASS, WARN, FAIL, REFUSED, NO_ANSWER)
CLIENT_GONE = "499"
"""The status of a request whose client hung up before the answer."""
MOST_DEPENDENCIES = 12
MOST_CHARACTERS = 120
USER_AGENT = {"User-Agent": "workshop-watch"}
Key = TypeVar("Key")  # by which counters are told apart


@dataclass(frozen=True)
class Counters:
    """The counters in one scrape of ``/metrics``, without the probes.

    ``requests`` are counts by status; ``buckets`` the cumulative counts of the duration histogram by upper bound;
    ``started_at`` when the process started (seconds since 1970), 0 where it does not say.
    """

    time: datetime
    requests: Mapping[str, float] = field(default_factory=dict)
    buckets: Mapping[float, float] = field(default_factory=dict)
    started_at: float = 0.0


@dataclass(frozen=True)
class Traffic:
    """The traffic of a container since the row before; an unknown number is NaN.

    Errors are answers with status 500 and above, and requests that ended without one (499: the client hung up);
    ``refused`` are answers with 400 to 498; ``error_percent`` is the errors' share, NaN without a request. The
    percentiles are of the requests that ended since the row before, estimated from histogram buckets as Prometheus'
    histogram_quantile does: they are as exact as the buckets are narrow, and never above the last one.
    """

    time: datetime
    container: str
    requests_per_second: float = NOT_KNOWN
    errors_per_second: float = NOT_KNOWN
    refused_per_second: float = NOT_KNOWN
    error_percent: float = NOT_KNOWN
    p50_ms: float = NOT_KNOWN
    p95_ms: float = NOT_KNOWN
    p99_ms: float = NOT_KNOWN


def samples(text: str, names: Collection[str] = ()) -> Iterator[Sample]:
    """Yield the samples in Prometheus' text format, or those with one of ``names``; lines with mistakes are left out.

    >>> [(sample.labels, sample.value) for sample in samples('up{job="a"} 1\\nup{} 2', {"up"})]
    [({'job': 'a'}, 1), ({}, 2)]
    """
    for line in text.split("\n"):
        name, _, _ = line.partition(" ")[0].partition("{")
        if line.startswith("#") or (names and name not in names):
            continue
        with contextlib.suppress(ValueError):
            yield from parse_line(line)


def parse_line(line: str) -> list[Sample]:
    """Return the samples in a line of Prometheus' text format. Raises ValueError."""
    return [sample for family in text_string_to_metric_families(line) for sample in family.samples]


def parse_counters(text: str, time: datetime) -> Counters | None:
    """Parse the text of ``/metrics``; None if it has no request counter and no duration histogram."""
    requests: dict[str, float] = defaultdict(float)
    buckets: dict[float, float] = defaultdict(float)
    started_at = 0.0

    for sample in samples(text, NAMES):
        if sample.labels.get("route") in PROBES:
            continue
        if sample.name == START_TIME:
            started_at = sample.value
        elif sample.name == REQUESTS:
            requests[sample.labels.get("status", "")] += sample.value
        else:
            buckets[float(sample.labels.get("le", "inf"))] += sample.value

    return Counters(time, requests, buckets, started_at) if requests or buckets else None


def traffic_between(before: Counters | None, now: Counters, container: str) -> Traffic:
    """Compute the traffic between two scrapes; without a first one all numbers are NaN."""
    if before is None or before.time >= now.time:
        return Traffic(now.time, container)

    seconds = (now.time - before.time).total_seconds()
    if before.started_at != now.started_at:  # the process restarted, and its counters began at zero
        before = Counters(before.time)
    requests = _increases(before.requests, now.requests)
    durations = sorted(_increases(before.buckets, now.buckets).items())

    total = sum(requests.values())
    answered = {status: count for status, count in requests.items() if status != CLIENT_GONE}
    refused = sum(count for status, count in answered.items() if status.startswith("4"))
    successes = sum(count for status, count in answered.items() if status.startswith(("1", "2", "3")))
    errors = total - refused - successes

    return Traffic(
        now.time,
        container,
        requests_per_second=total / seconds,
        errors_per_second=errors / seconds,
        refused_per_second=refused / seconds,
        error_percent=100 * errors / total if total else NOT_KNOWN,
        p50_ms=quantile(0.5, durations) * 1000,
        p95_ms=quantile(0.95, durations) * 1000,
        p99_ms=quantile(0.99, durations) * 1000,
    )


def quantile(share: float, buckets: Sequence[tuple[float, float]]) -> float:
    """Return the value that ``share`` of all observations do not exceed; NaN without any.

    ``buckets`` are pairs of an upper bound, ascending, and the count of observations up to it. Within a bucket they
    count as evenly spread; beyond the last finite bound that bound is the answer.

    >>> quantile(0.5, [(0.1, 0), (0.2, 10), (float("inf"), 10)])
    0.15000000000000002
    """
    total = buckets[-1][1] if buckets else 0.0
    if total <= 0:
        return NOT_KNOWN

    rank = share * total
    lower_bound = 0.0
    count_below = 0.0
    for bound, count in buckets:
        if math.isinf(bound):
            break
        if count >= rank:
            return lower_bound + (bound - lower_bound) * (rank - count_below) / (count - count_below)
        lower_bound = bound
        count_below = count

    return lower_bound


def _increases(before: Mapping[Key, float], now: Mapping[Key, float]) -> dict[Key, float]:
    """Return the increase of each counter; one that went back, or is new, began at zero."""
    return {key: increase(before.get(key, 0.0), value) for key, value in now.items()}


@dataclass(frozen=True)
class Health:
    """The state of one probe or dependency: ``what`` is the probe's path, or the dependency's name in ``/health``.

    ``state``: ``pass`` and ``warn`` are answers from 200 to 399, told apart by the body; ``fail`` any other answer;
    ``refused`` is a connection that was refused, or closed without an answer, as the engine does for a published port
    at which nothing listens; ``no answer`` is none within the time limit. ``status`` is the HTTP status, missing for a
    dependency and without an answer; ``milliseconds`` how long the answer took, missing for a dependency; ``detail``
    the reason in a few words.
    """

    time: datetime
    container: str
    what: str
    state: str
    status: int | None = None
    milliseconds: float = math.nan
    detail: str = ""


def scrape(
    pool: ThreadPoolExecutor, url: str, name: str, before: Counters | None
) -> tuple[Traffic, list[Health], Counters | None]:
    """Ask the three probes and the metrics; ``before`` are the counters of the scrape before."""

    def ask(path: str) -> Answer:
        return http.get(url + path, headers=USER_AGENT)

    start = datetime.now(tz=UTC)
    *answers, metrics = pool.map(ask, (*PROBE_PATHS, METRICS_PATH))

    traffic = Traffic(start, name)
    counters: Counters | None = None
    if metrics.ok:
        counters = parse_counters(metrics.body, start + timedelta(seconds=metrics.seconds))
    if counters is not None:
        traffic = traffic_between(before, counters, name)

    health = [probe_health(answer, path, name, start) for answer, path in zip(answers, PROBE_PATHS, strict=True)]
    health += dependency_health(answers[-1], metrics, name, start)
    return traffic, health, counters or before


def without_answer(name: str, why: str) -> tuple[Traffic, list[Health]]:
    """Return the traffic and the health of a container that does not run."""
    now = datetime.now(tz=UTC)
    health = [probe_health(Answer(None, error=why), path, name, now) for path in PROBE_PATHS]
    return Traffic(now, name), health


def probe_health(answer: Answer, path: str, container: str, time: datetime) -> Health:
    """Return the state that follows from a probe's answer: the status decides, as it does for an orchestrator."""
    milliseconds = round(answer.seconds * 1000, 1)
    if answer.status is None:
        state = REFUSED if answer.error in (http.REFUSED, http.CLOSED) else NO_ANSWER
        return Health(time, container, path, state, None, milliseconds, answer.error)

    body_status = _document(answer).get("status")
    state = FAIL
    if answer.ok:
        state = WARN if body_status == WARN else PASS

    detail = "; ".join(unavailable_dependencies(answer).values())
    if body_status in STATES and body_status != state:
        detail = f"says {body_status} with {answer.status}. {detail}".strip()
    return Health(time, container, path, state, answer.status, milliseconds, visible(detail, MOST_CHARACTERS))


def unavailable_dependencies(answer: Answer) -> dict[str, str]:
    """Return the dependencies that a probe's answer names as away, each with what is wrong."""
    reasons = _document(answer).get("away")
    if not isinstance(reasons, Mapping):
        return {}
    return {str(name): str(reason) for name, reason in reasons.items()}


def _document(answer: Answer) -> Mapping[str, object]:
    """Return the JSON object in the body; an empty one if the body is something else."""
    document = answer.json()
    return document if isinstance(document, Mapping) else {}


def dependency_health(health: Answer, metrics: Answer, container: str, time: datetime) -> list[Health]:
    """Return the state of each dependency: ``/health`` names those that are away, ``/metrics`` all of them.

    Return nothing if the body of ``/health`` has no ``away``.
    """
    if "away" not in _document(health):
        return []

    reasons = unavailable_dependencies(health)
    pinged_names = [sample.labels.get("dependency", "") for sample in samples(metrics.body, {DEPENDENCY_UP})]
    names = list(dict.fromkeys([*pinged_names, *reasons]))

    states = []
    for name in names[:MOST_DEPENDENCIES]:
        state = FAIL if name in reasons else PASS
        detail = visible(reasons.get(name, ""), MOST_CHARACTERS)
        states.append(Health(time, container, visible(name, 40), state, detail=detail))
    return states
