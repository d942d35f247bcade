"""What happens around every request: an id, and a line in the log."""

#: from 03:2
import contextlib
import re
import time
import uuid

#: always
import structlog
#: until 03:2
#| from starlette.requests import Request
#: from 03:2
from starlette.middleware.base import RequestResponseEndpoint
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

import logs
#: from 04
import metrics

PROBES = ("/livez", "/readyz", "/health", "/metrics")
#: always

log = structlog.get_logger(__name__)


def finish(request: Request, status: int, seconds: float) -> None:
    #: until 04
    #| """Log a request that has ended."""
    #: from 04
    """Count a request that has ended, and log it."""
    #: always
    # The route is /orders/{order_id}, not /orders/7: clients can invent any number of paths.
    route = getattr(request.scope.get("route"), "path", "unmatched")
    #: from 04
    if route != "/metrics":
        metrics.count(request.method, request.url.path, route, status, seconds)
    #: always

    tell = log.info
    if status >= 500:
        tell = log.warning
    #: from 04
    elif route in PROBES:
        tell = log.debug
    #: always
    tell(
        "request",
        method=request.method,
        route=route,
        path=request.scope["path"],
        status=status,
        duration_ms=round(seconds * 1000, 1),
        #: from 03:3
        **logs.WAITS.get(),
        #: always
    )
#: from 03:2


# region logging.context
#: only the solution
def request_context(request_id: str) -> contextlib.AbstractContextManager[None]:
    """Add the id to every line that is logged in the block: each task has its own."""
    return structlog.contextvars.bound_contextvars(request_id=request_id)


#: only the starter
#| def request_context(request_id: str) -> contextlib.AbstractContextManager[None]:
#|     """Add the id to every line that is logged in the block."""
#|     logs.CURRENT["request_id"] = request_id
#|     return contextlib.nullcontext()
#|
#|
#: both
# endregion logging.context


async def around(request: Request, answer: RequestResponseEndpoint) -> Response:
    """Serve one request."""
    request_id = request.headers.get("x-request-id", "")
    if not re.fullmatch("[A-Za-z0-9._-]{1,64}", request_id):
        request_id = uuid.uuid4().hex
    #: from 03:3
    logs.WAITS.set({})
    #: from 03:2
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
    #: from 04b
    if request.app.state.draining:
        response.headers["Connection"] = "close"  # the next request goes to another instance
    #: from 03:2
    return response
