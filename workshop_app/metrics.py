"""Metrics: how many requests, how they ended, how long they took.

A label is never a caller's own word: a route is its template or ``unmatched``, a method that no route has is
``OTHER``. So the number of series stays small, whatever anybody sends. /metrics and /admin are not counted.
"""

import platform
from collections.abc import Iterable
from importlib.metadata import version

import prometheus_client
from prometheus_client import Counter, Gauge, Histogram, Info
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD")
UNMATCHED = "unmatched"

# Seconds. Each bucket is a series for each route: enough of them to tell 1 ms from 2, and 100 from 200.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

REQUESTS = Counter("http_requests", "Requests that have ended.", ("method", "route", "status"))
DURATION = Histogram("http_request_duration_seconds", "Until the last byte.", ("route",), buckets=BUCKETS)
IN_FLIGHT = Gauge("http_requests_in_flight", "Requests that have come and have not ended.")
BUILD = Info("build", "What is running.")

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
BUILD.info({"python": platform.python_version()} | {name: version(name) for name in ("starlette", "uvicorn")})


def expect(routes: Iterable[Route]) -> None:
    """Start every series at zero: a rate needs two values, so the first error would not show."""
    REQUESTS.labels("GET", UNMATCHED, "404")
    DURATION.labels(UNMATCHED)
    for route in routes:
        if is_counted(route.path):
            DURATION.labels(route.path)
            for method in (route.methods or set()) - {"HEAD"}:
                for status in ("201" if method == "POST" else "200", "500", "503"):
                    REQUESTS.labels(method, route.path, status)


def count(method: str, route: str, status: int | None, seconds: float) -> None:
    """Count a request that has ended; ``status`` is None if it had no answer: the label is ``none``."""
    method = method if method in METHODS else "OTHER"
    REQUESTS.labels(method, route, "none" if status is None else str(status)).inc()
    DURATION.labels(route).observe(seconds)


def is_counted(path: str) -> bool:
    """Whether requests to this path are traffic, and not observation."""
    return path != "/metrics" and not path.startswith("/admin/")


async def show(_: Request) -> Response:
    """What Prometheus asks for."""
    text = prometheus_client.generate_latest()
    return Response(text, headers={"Cache-Control": "no-store"}, media_type="text/plain; version=0.0.4")
