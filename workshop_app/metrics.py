"""Metrics: how many requests, how many failed, how long they took; who is in there now; what the pings found.

Every request passes here, so counting is a few plain numbers, changed by the event loop alone. Prometheus's own library
writes them down, once a scrape. Labels are never a caller's own words: a route is its template or ``unmatched``, a
method that no route has is ``OTHER``. So there are at most 200 series, whatever anybody sends.

``GET /metrics`` itself and ``/admin/…`` are not counted: who looks is no traffic.
"""

from __future__ import annotations

import math
import platform
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from workshop_app.pings import Pings

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

PATH = "/metrics"
UNMATCHED = "unmatched"
OTHER = "OTHER"
NO_ANSWER = "none"  # the status of a request that ended without one: whoever asked went away, or we had to stop

# Seconds. Each bucket is a series for each route: enough of them to tell 1 ms from 2, and 100 from 200.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
PACKAGES = ("starlette", "uvicorn")


class Watched(Protocol):
    """A dependency, as far as it is looked at here."""

    name: str
    critical: bool
    pings: Pings


@dataclass
class Durations:
    """How long the requests of one route took; the last bucket is for those longer than all bounds."""

    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))

    def add(self, seconds: float) -> None:
        """One more."""
        self.seconds += seconds
        self.buckets[bisect_left(BUCKETS, seconds)] += 1

    def cumulative(self) -> list[tuple[str, float]]:
        """As Prometheus wants them: how many took at most so long."""
        total, found = 0, []
        for bound, count in zip((*BUCKETS, math.inf), self.buckets, strict=True):
            total += count
            found.append(("+Inf" if bound == math.inf else str(bound), float(total)))
        return found


class Metrics:
    """What one application counts. It has a registry of its own, so that two in one process do not mix."""

    def __init__(self, routes: Iterable[BaseRoute], dependencies: Iterable[Watched]) -> None:
        self.in_flight = 0
        self._dependencies = dependencies
        self._requests: dict[tuple[str, str, int | None], int] = {("GET", UNMATCHED, 404): 0}
        self._durations = defaultdict(Durations, {UNMATCHED: Durations()})
        self._methods = {"GET"}
        self._build: tuple[str, ...] = ()
        self._registry: CollectorRegistry | None = None
        for route in routes:
            if isinstance(route, Route) and is_counted(route.path):
                self._expect(route)

    def _expect(self, route: Route) -> None:
        """Start at zero what will be counted: a rate needs two values, so the first error would not show."""
        self._durations[route.path] = Durations()
        methods = route.methods or set()
        self._methods |= methods
        for method in methods - {"HEAD"}:
            for status in (201 if method == "POST" else 200, 500, 503):
                self._requests[method, route.path, status] = 0

    def count(self, method: str, route: str, status: int | None, seconds: float) -> None:
        """One more request, which has ended: its route's template, its status or None, how long it took."""
        key = (method, route, status)
        if key not in self._requests:  # seldom: then look closer
            if not is_counted(route):
                return
            key = (method if method in self._methods else OTHER, route, status)
            self._requests.setdefault(key, 0)
        self._requests[key] += 1
        self._durations[route].add(seconds)

    def load(self) -> None:
        """Load Prometheus's library. Slow, so not at the start of the process: nobody needs it to get an answer."""
        from prometheus_client import CollectorRegistry, ProcessCollector

        self._build = (platform.python_version(), *map(version, PACKAGES))
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        ProcessCollector(registry=registry)
        self._registry = registry

    def text(self) -> str | None:
        """All of it in Prometheus's text format; None before it is loaded."""
        if self._registry is None:
            return None
        from prometheus_client import generate_latest

        return generate_latest(self._registry).decode()

    def collect(self) -> Iterator[Metric]:
        """What the registry asks for."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        requests = CounterMetricFamily(
            "http_requests", "Requests that have ended, by route template.", labels=("method", "route", "status")
        )
        for (method, route, code), count in self._requests.items():
            requests.add_metric((method, route, NO_ANSWER if code is None else str(code)), count)
        yield requests
        durations = HistogramMetricFamily(
            "http_request_duration_seconds", "How long requests took, until the last byte.", labels=("route",)
        )
        for route, found in self._durations.items():
            durations.add_metric((route,), found.cumulative(), found.seconds)
        yield durations
        yield GaugeMetricFamily(
            "http_requests_in_flight", "Requests that have come and have not ended.", self.in_flight
        )
        build = GaugeMetricFamily("build_info", "What is running; always 1.", labels=("python", *PACKAGES))
        build.add_metric(self._build, 1)
        yield build
        yield from self._collect_dependencies()

    def _collect_dependencies(self) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily, SummaryMetricFamily

        names = ("dependency",)
        up = GaugeMetricFamily("dependency_up", "Did the last ping pass? NaN: there was none yet.", labels=names)
        took = SummaryMetricFamily("dependency_ping_seconds", "How long pings took, given up or not.", labels=names)
        at = GaugeMetricFamily("dependency_last_ping_timestamp_seconds", "When it was last pinged.", labels=names)
        for one in self._dependencies:
            up.add_metric((one.name,), math.nan if one.pings.passed is None else one.pings.passed)
            took.add_metric((one.name,), one.pings.count, one.pings.seconds)
            at.add_metric((one.name,), one.pings.at)
        yield from (up, took, at)
        status = GaugeMetricFamily(
            "health_status", "1 for what /health would say of the last pings.", labels=("status",)
        )
        now = health_status(self._dependencies)
        for name in ("pass", "warn", "fail"):
            status.add_metric((name,), name == now)
        yield status


def is_counted(path: str) -> bool:
    """Is it traffic, or somebody who looks after us?"""
    return path != PATH and not path.startswith("/admin/")


def health_status(dependencies: Iterable[Watched]) -> str | None:
    """``pass``, ``warn`` or ``fail`` as of the last pings; None before the first."""
    pinged = [one for one in dependencies if one.pings.passed is not None]
    away = [one for one in pinged if not one.pings.passed]
    if not pinged:
        return None
    return "fail" if any(one.critical for one in away) else "warn" if away else "pass"


async def show(request: Request) -> Response:
    """What Prometheus asks for; 503 in the first moments after the start."""
    text = request.app.state.metrics.text()
    headers = {"Cache-Control": "no-store"}
    if text is None:
        return Response("starting\n", 503, headers, media_type="text/plain")
    return Response(text, headers=headers, media_type="text/plain; version=0.0.4")
