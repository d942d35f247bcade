LIMITS_SECONDS = (0.005, 0.05, 0.5, 1.0, 2.0, 5.0)
REQUESTS = prometheus_client.Counter(
    name="http_requests_total", documentation="Requests that have ended.", labelnames=["status", "route", "method"]
)
DURATION = prometheus_client.Histogram(
    name="http_request_duration_seconds", documentation="How long they took.", labelnames=["route"], buckets=LIMITS_SECONDS
)


def expect(routes: Iterable[Route]) -> None:
    """Begin without series: the first request of each kind makes its own."""


def count(method: str, path: str, route: str, status: int | None, seconds: float) -> None:
    """Count a request that has ended, and its duration if there was an answer."""
    REQUESTS.labels(method=method if method in METHODS else "other", route=route, status=f"{status}").inc()
    if status is not None:
        DURATION.labels(route=route).observe(seconds)


