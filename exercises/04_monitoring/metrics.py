"""Numbers for Prometheus: how requests ended, how long they took, and which dependencies answer."""

from collections.abc import Iterable

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

METHODS = ("GET", "HEAD", "POST")
UP = Gauge("dependency_up", "Whether the last ping was answered.", ("dependency",))

disable_created_metrics()


# region monitoring.metrics
REQUESTS = Gauge("http_requests", "Requests that have ended.", ("path",))


def expect(routes: Iterable[Route]) -> None:
    """Begin the series of these routes at zero: without a zero before it, the first error is no increase."""


def count(method: str, path: str, route: str, status: int, seconds: float) -> None:
    """Count a request that has ended. The client asked for the path, and the route is the one that fits."""
    REQUESTS.labels(path).inc()


# endregion monitoring.metrics


async def show(_: Request) -> Response:
    """Answer Prometheus."""
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
