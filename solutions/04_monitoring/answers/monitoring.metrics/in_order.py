REQUESTS = Counter("http_requests_total", "Requests by their end.", ("route", "method", "status"))
DURATION = Histogram("http_request_duration_seconds", "Seconds.", ("route",), buckets=(0.01, 0.1, 1, 10))
ERRORS = (500, 502, 503, 504)


def expect(routes: Iterable[Route]) -> None:
    """Begin at zero the errors of each method that a route has."""
    for route in routes:
        for method in sorted(route.methods & set(METHODS)):
            for status in ERRORS:
                REQUESTS.labels(route.path, method, status)


def count(method: str, path: str, route: str, status: int, seconds: float) -> None:
    """Count a request that has ended."""
    known = next((name for name in METHODS if name == method), "other")
    DURATION.labels(route).observe(seconds)
    REQUESTS.labels(route, known, status).inc(1)
