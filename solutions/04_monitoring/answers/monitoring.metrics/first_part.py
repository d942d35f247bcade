REQUESTS = Counter("http_requests", "Requests that have ended.", ("method", "route", "status"))
DURATION = Histogram("http_request_duration_seconds", "Until the answer.", ("route",))
KNOWN = ("orders", "livez", "readyz", "health", "metrics")


def expect(routes: Iterable[Route]) -> None:
    """Begin at zero."""
    for route in routes:
        for status in (500, 503):
            REQUESTS.labels("POST", route.path, status)


def count(method: str, path: str, route: str, status: int, seconds: float) -> None:
    """Count a request by the first part of its path, if it is a known one."""
    method = method if method in METHODS else "OTHER"
    first = path.split("/")[1]
    route = f"/{first}" if first in KNOWN else "unmatched"
    REQUESTS.labels(method, route, status).inc()
    DURATION.labels(route).observe(seconds)
