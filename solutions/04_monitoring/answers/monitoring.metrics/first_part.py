REQUESTS = Counter("http_requests", "Requests that have ended.", ("method", "route", "status"))
DURATION = Histogram("http_request_duration_seconds", "Until the last byte.", ("route",), buckets=BUCKETS_SECONDS)
KNOWN = ("orders", "livez", "readyz", "health", "metrics")


def expect(routes: Iterable[Route]) -> None:
    """Begin without series."""


def count(method: str, path: str, route: str, status: int | None, seconds: float) -> None:
    """Count a request by the first part of its path, if it is a known one."""
    method = method if method in METHODS else "OTHER"
    first = path.split("/")[1]
    route = f"/{first}" if first in KNOWN else UNMATCHED
    REQUESTS.labels(method, route, "none" if status is None else str(status)).inc()
    DURATION.labels(route).observe(seconds)


