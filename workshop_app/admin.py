"""What only the people who run the service may do, without a restart, if HTTP_ADMIN is true.

``/admin/log-level`` speaks like zap's atomic level: GET answers ``{"level": "info"}``, PUT takes the same. The next
process begins with LOG_LEVEL again.
"""

from __future__ import annotations

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from . import logs

LEVELS = ("debug", "info", "warning", "error")
BODY_LIMIT_BYTES = 1024

log = logs.get_logger(__name__)


async def read_level(_: Request) -> Response:
    """The least level that is logged."""
    return respond({"level": logs.level()})


async def change_level(request: Request) -> Response:
    """Log this level and above from now on, for our lines and those of libraries."""
    asked = await json_body(request)
    after = asked.get("level") if isinstance(asked, dict) and len(asked) == 1 else None
    if after not in LEVELS:
        raise HTTPException(422, f'The body should be {{"level": …}} with one of {", ".join(LEVELS)}.')
    before = logs.level()
    logs.set_level("warning")  # so that the change itself is logged, whatever the two levels are
    log.warning("log level changed", before=before, after=after)
    logs.set_level(after)
    return respond({"level": after})


async def json_body(request: Request) -> object:
    """What was sent, parsed; a short body is enough for everything here."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            raise HTTPException(413, f"The body takes at most {BODY_LIMIT_BYTES} bytes.")
    try:
        parsed: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise HTTPException(400, "The body is not JSON.") from None
    return parsed


def respond(body: object) -> Response:
    """An answer that no cache keeps."""
    return Response(orjson.dumps(body), headers={"Cache-Control": "no-store"}, media_type="application/json")
