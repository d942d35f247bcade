"""What happens around every request: an id, a log line at its end, and a count in the metrics."""

import re
import time
import uuid
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import logs, metrics
from .dependencies import Unavailable, measure_waits, reason

PROBES = ("/livez", "/readyz", "/health", "/metrics")
HARMLESS_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

log = logs.get_logger(__name__)


class RequestMiddleware:
    """Give every request an id, and one line when it has ended. Every line logged meanwhile has the id."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if HARMLESS_ID.fullmatch(given) else uuid.uuid4().hex
        answer: dict[str, Any] = {"status": None, "size_bytes": 0}

        async def send_and_note(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer["status"] = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                if scope["app"].state.draining:
                    headers["Connection"] = "close"  # the next request should go to another instance
            answer["size_bytes"] += len(message.get("body", b""))
            await send(message)

        waits = measure_waits()
        started = time.perf_counter()
        with logs.request_context(request_id=request_id):
            try:
                await self.app(scope, receive, send_and_note)
            except ClientDisconnect:
                log.info("client hung up")  # the client is gone, and nothing failed here
            except Exception:
                log.exception("request failed")
                if answer["status"] is None:
                    error = JSONResponse({"error": "Something went wrong; the log says what."}, 500)
                    await error(scope, receive, send_and_note)
            finally:
                seconds = time.perf_counter() - started
                if metrics.is_counted(scope["path"]):
                    metrics.count(scope["method"], scope["path"], template_of(scope), answer["status"], seconds)
                log_request(scope, answer, seconds, waits)


def template_of(scope: Scope) -> str:
    """Return the route's template, not the raw path: clients can invent any number of paths."""
    return getattr(scope.get("route"), "path", metrics.UNMATCHED)


def log_request(scope: Scope, answer: dict[str, Any], seconds: float, waits: dict[str, float]) -> None:
    """The canonical line of a request. Probes come every few seconds: they are logged at debug, unless they fail."""
    failed = answer["status"] is None or answer["status"] >= 500
    tell = log.warning if failed else log.debug if template_of(scope) in PROBES else log.info
    milliseconds = round(seconds * 1000, 1)
    place = {"method": scope["method"], "route": template_of(scope), "path": scope["path"]}
    tell("request", **place, duration_ms=milliseconds, **answer, **waits)


async def refused(_: Request, error: HTTPException) -> Response:
    """Return the answer to an invalid request."""
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def unavailable(_: Request, error: Unavailable) -> Response:
    """Return the answer to a request whose dependency does not answer."""
    log.warning("dependency not available", dependency=str(error), error=reason(error))
    return JSONResponse({"error": "Please try again shortly."}, 503, {"Retry-After": "1"})


HANDLERS: dict[Any, Any] = {HTTPException: refused, Unavailable: unavailable}
"""What answers a request that raised one of these."""
