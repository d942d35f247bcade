"""The usual choice, put together as the documentation of each part has it.

FastAPI with a middleware function, on uvicorn with what ``uvicorn[standard]`` brings; the standard library's logging
with python-json-logger and a filter that adds the id; prometheus-client.
"""

from __future__ import annotations

import logging
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

import uvicorn
from fastapi import FastAPI, Request, Response
from prometheus_client import Counter, Gauge, Histogram, make_asgi_app
from pythonjsonlogger.json import JsonFormatter

FORMAT = "{asctime}{levelname}{name}{pathname}{lineno}{message}{request_id}"
request_id: ContextVar[str] = ContextVar("request_id", default="")
requests = Counter("http_requests", "Requests that have ended.", ("method", "route", "status"))
durations = Histogram("http_request_duration_seconds", "How long requests took.", ("route",))
in_flight = Gauge("http_requests_in_flight", "Requests that have not ended.")
log = logging.getLogger("shop")
app = FastAPI()
app.mount("/metrics", make_asgi_app())


class WithId(logging.Filter):
    """Gives every record the id of the request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true."""
        record.request_id = request_id.get()
        return True


@app.middleware("http")
async def observe(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """An id, a line, and the counters of a request."""
    known = request.headers.get("x-request-id") or uuid.uuid4().hex
    request_id.set(known)
    started = time.perf_counter()
    with in_flight.track_inprogress():
        response = await call_next(request)
    seconds = time.perf_counter() - started
    route = request.scope["route"].path if "route" in request.scope else "unmatched"
    requests.labels(request.method, route, str(response.status_code)).inc()
    durations.labels(route).observe(seconds)
    response.headers["X-Request-ID"] = known
    fields = {
        "method": request.method,
        "route": route,
        "path": request.url.path,
        "status": response.status_code,
        "duration_ms": round(seconds * 1000, 1),
        "size_bytes": int(response.headers.get("content-length", 0)),
    }
    log.info("request", extra=fields)
    return response


@app.get("/greetings/{name}")
async def greet(name: str) -> dict[str, str]:
    """Say hello."""
    return {"greeting": f"Hello, {name}!"}


if __name__ == "__main__":
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(WithId())
    handler.setFormatter(JsonFormatter(FORMAT, style="{", static_fields={"out": "stdout"}))
    logging.basicConfig(handlers=[handler], level="INFO")
    uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", log_config=None, access_log=False)
