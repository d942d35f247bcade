"""What only the people who run the service may do, without a restart. Not there unless HTTP_ADMIN is ``true``.

``/admin/log-level`` speaks like zap's atomic level: GET answers ``{"level":"info"}``, PUT takes the same. What was
put lasts until the process ends: the next one begins with LOG_LEVEL again.
"""

from __future__ import annotations

from typing import get_args

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from workshop_app import config, logs

LEVELS: tuple[str, ...] = get_args(config.Log.model_fields["level"].annotation)
BODY_LIMIT_BYTES = 1024

LEVEL_CHANGED = "log level changed"

log = logs.get_logger(__name__)


async def read_level(_: Request) -> Response:
    """The least level that is worth a line."""
    return _respond(logs.level())


async def change_level(request: Request) -> Response:
    """Another level from now on, for our lines and for those of libraries."""
    before, after = logs.level(), _parse(await body(request))
    # Told at the more talkative of the two levels: whoever reads the log should see why it has become quiet.
    if before not in LEVELS or LEVELS.index(after) < LEVELS.index(before):
        logs.set_level(after)
    log.warning(LEVEL_CHANGED, before=before, after=after)
    logs.set_level(after)
    return _respond(after)


async def body(request: Request) -> bytes:
    """What was sent, if it is as short as anything that may be said here."""
    sent = b""
    async for chunk in request.stream():
        sent += chunk
        if len(sent) > BODY_LIMIT_BYTES:
            raise HTTPException(413, f"What is said here takes at most {BODY_LIMIT_BYTES} bytes.")
    return sent


def _parse(sent: bytes) -> str:
    try:
        asked = orjson.loads(sent)
    except orjson.JSONDecodeError:
        raise HTTPException(400, 'The body is not JSON, such as {"level": "debug"}.') from None
    level = asked.get("level") if isinstance(asked, dict) else None
    if not isinstance(level, str) or level not in LEVELS or set(asked) != {"level"}:
        raise HTTPException(422, f'The body should be {{"level": …}} with one of {", ".join(LEVELS)}.')
    return level


def _respond(level: str) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps({"level": level}), headers=headers, media_type="application/json")
