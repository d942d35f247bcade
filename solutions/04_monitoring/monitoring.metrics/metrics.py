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
