LIMITS_SECONDS = (0.005, 0.05, 0.5, 1.0, 2.0, 5.0)
REQUESTS = Counter(
    name="http_requests_total", documentation="Requests that have ended.", labelnames=["status", "route", "method"]
)
DURATION = Histogram(
    name="http_request_duration_seconds", documentation="How long they took.", labelnames=["route"], buckets=LIMITS_SECONDS
)


def expect(routes: Iterable[Route]) -> None:
    """Begin at zero what an alert asks for: the errors."""
    for route in routes:
        for method in METHODS:
            for status in ("500", "503"):
                REQUESTS.labels(method=method, route=route.path, status=status).inc(0)


def count(method: str, path: str, route: str, status: int, seconds: float) -> None:
    """Count a request that has ended."""
    known_method = method if method in METHODS else "unknown"
    REQUESTS.labels(method=known_method, route=route, status=f"{status}").inc()
    DURATION.labels(route=route).observe(seconds)
