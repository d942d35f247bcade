"""Change the log level while the service runs, if HTTP_ADMIN is true.

``/admin/log-level`` speaks like zap's atomic level: GET answers ``{"level": "info"}``, PUT takes the same. The next
process begins with LOG_LEVEL again.
"""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import json_body, logs

LEVELS = ("debug", "info", "warning", "error")

log = logs.get_logger(__name__)


async def read_level(_: Request) -> Response:
    """Return the lowest level that is logged."""
    return JSONResponse({"level": logs.level()})


async def change_level(request: Request) -> Response:
    """Set the lowest level that is logged, for the service and for libraries."""
    asked = await json_body.read(request)
    after = asked.get("level") if isinstance(asked, dict) and len(asked) == 1 else None
    if after not in LEVELS:
        raise HTTPException(422, f'The body should be {{"level": …}} with one of {", ".join(LEVELS)}.')
    before = logs.level()
    logs.set_level("warning")  # so that the change itself is logged, whatever the two levels are
    log.warning("log level changed", before=before, after=after)
    logs.set_level(after)
    return JSONResponse({"level": after})


ROUTES = [
    Route("/admin/log-level", read_level, methods=["GET"]),
    Route("/admin/log-level", change_level, methods=["PUT"]),
]
