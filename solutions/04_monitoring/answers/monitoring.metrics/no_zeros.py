REQUESTS = Counter("http_requests", "Requests that have ended.", ("method", "route", "status"))
DURATION = Histogram("http_request_duration_seconds", "Until the answer.", ("route",))


def expect(routes: Iterable[Route]) -> None:
    """Begin without series: the first request of each kind makes its own."""


def count(method: str, path: str, route: str, status: int, seconds: float) -> None:
    """Count a request that has ended."""
    REQUESTS.labels(method if method in METHODS else "OTHER", route, status).inc()
    DURATION.labels(route).observe(seconds)
