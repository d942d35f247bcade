# Made by `./workshop build` from the lessons and the solutions of their exercises: edit those.
"""What happens around every request: an id, and a line in the log."""

import contextlib
import re
import time
import uuid

import structlog
from starlette.middleware.base import RequestResponseEndpoint
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

import logs
import metrics

log = structlog.get_logger(__name__)

PROBES = ("/livez", "/readyz", "/health", "/metrics")


def finish(request: Request, status: int, seconds: float) -> None:
    """Count a request that has ended, and log it."""
    # The route is /orders/{order_id}, not /orders/7: clients can invent any number of paths.
    route = getattr(request.scope.get("route"), "path", "unmatched")
    if route != "/metrics":
        metrics.count(request.method, request.url.path, route, status, seconds)

    tell = log.info
    if status >= 500:
        tell = log.warning
    elif route in PROBES:
        tell = log.debug
    tell(
        "request",
        method=request.method,
        route=route,
        path=request.scope["path"],
        status=status,
        duration_ms=round(seconds * 1000, 1),
        **logs.WAITS.get(),
    )


def request_context(request_id: str) -> contextlib.AbstractContextManager[None]:
    """Add the id to every line that is logged in the block: each task has its own."""
    return structlog.contextvars.bound_contextvars(request_id=request_id)


async def around(request: Request, answer: RequestResponseEndpoint) -> Response:
    """Serve one request."""
    request_id = request.headers.get("x-request-id", "")
    if not re.fullmatch("[A-Za-z0-9._-]{1,64}", request_id):
        request_id = uuid.uuid4().hex
    logs.WAITS.set({})
    began = time.perf_counter()

    with request_context(request_id):
        try:
            response = await answer(request)
        except ClientDisconnect:
            response = Response(status_code=499)  # the client is gone, and nothing failed here
        except Exception:
            log.exception("request failed")
            response = JSONResponse({"error": "Something went wrong; the log says what."}, 500)
        finish(request, response.status_code, time.perf_counter() - began)

    response.headers["X-Request-ID"] = request_id
    if request.app.state.draining:
        response.headers["Connection"] = "close"  # the next request goes to another instance
    return response
