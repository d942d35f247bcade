"""Metrics: how many requests there were, how they ended, and how long they took.

The rest of the service uses these names:

- ``expect(routes)``: prepare for these routes, before the first request.
- ``count(method, path, route, status, seconds)``: a request has ended.
- ``is_counted(path)``; ``show`` (``/metrics``).
"""

from collections.abc import Iterable

import prometheus_client
from prometheus_client import Counter, Histogram
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD")
UNMATCHED = "unmatched"
BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


# region monitoring.metrics
#: only the solution
REQUESTS = Counter("http_requests", "Requests that have ended.", ("method", "route", "status"))
DURATION = Histogram("http_request_duration_seconds", "Until the last byte.", ("route",), buckets=BUCKETS_SECONDS)
#: only the starter
#| REQUESTS = prometheus_client.Gauge("http_requests", "Requests that have ended.", ("path",))
#: both


def expect(routes: Iterable[Route]) -> None:
    """Start the series of these routes at zero: without a zero before it, the first error is no increase."""
    #: only the solution
    REQUESTS.labels("GET", UNMATCHED, "404")
    DURATION.labels(UNMATCHED)
    for route in routes:
        if is_counted(route.path):
            DURATION.labels(route.path)
            for method in (route.methods or set()) - {"HEAD"}:
                for status in ("201" if method == "POST" else "200", "500", "503"):
                    REQUESTS.labels(method, route.path, status)
    #: both


def count(method: str, path: str, route: str, status: int | None, seconds: float) -> None:
    """Count a request that has ended; ``status`` is None if the client hung up before there was an answer.

    ``path`` is what the client asked for (/orders/7f3a), ``route`` the template that fits (/orders/{order_id}).
    """
    #: only the solution
    method = method if method in METHODS else "OTHER"  # a label never holds a client's own word
    REQUESTS.labels(method, route, "none" if status is None else str(status)).inc()
    DURATION.labels(route).observe(seconds)
    #: only the starter
    #| REQUESTS.labels(path).inc()
    #: both


# endregion monitoring.metrics


def is_counted(path: str) -> bool:
    """Return whether requests to this path are traffic, and not observation."""
    return path != "/metrics" and not path.startswith("/admin/")


async def show(_: Request) -> Response:
    """Answer what Prometheus asks for: all metrics as text."""
    text = prometheus_client.generate_latest()
    return Response(text, headers={"Cache-Control": "no-store"}, media_type="text/plain; version=0.0.4")
