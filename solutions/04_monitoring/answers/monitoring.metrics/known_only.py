REQUESTS = Counter("http_requests", "Requests that have ended.", ("method", "route", "status"))
DURATION = Histogram("http_request_duration_seconds", "Until the answer.", ("route",))


def expect(routes: Iterable[Route]) -> None:
    """Begin at zero."""
    for route in routes:
        for method in METHODS:
            for status in (500, 503):
                REQUESTS.labels(method, route.path, status)


def count(method: str, path: str, route: str, status: int, seconds: float) -> None:
    """Count a request with a known method: then no stranger makes a series."""
    if method in METHODS:
        REQUESTS.labels(method, route, status).inc()
        DURATION.labels(route).observe(seconds)
