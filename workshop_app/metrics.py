# Made by `./workshop build` from the lessons and the solutions of their exercises: edit those.
"""Numbers for Prometheus: how requests ended, how long they took, and which dependencies answer."""

from collections.abc import Iterable

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

METHODS = ("GET", "HEAD", "POST")
UP = Gauge("dependency_up", "Whether the last ping was answered.", ("dependency",))

disable_created_metrics()


REQUESTS = Counter("http_requests", "Requests that have ended.", ("method", "route", "status"))
DURATION = Histogram("http_request_duration_seconds", "Until the answer.", ("route",))


def expect(routes: Iterable[Route]) -> None:
    """Begin the series of these routes at zero: without a zero before it, the first error is no increase."""
    for route in routes:
        for method in route.methods:
            for status in (200, 201, 500, 503):
                REQUESTS.labels(method, route.path, status)


def count(method: str, path: str, route: str, status: int, seconds: float) -> None:
    """Count a request that has ended. The client asked for the path, and the route is the one that fits."""
    if method not in METHODS:
        method = "OTHER"  # a label is never a client's own word
    REQUESTS.labels(method, route, status).inc()
    DURATION.labels(route).observe(seconds)


async def show(_: Request) -> Response:
    """Answer Prometheus."""
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
