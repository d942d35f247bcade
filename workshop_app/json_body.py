"""The body of a request, as JSON."""

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request

LIMIT_BYTES = 16 * 1024


async def read(request: Request) -> object:
    """Parse the body of a request; 413 for a long one, 400 for one that is not JSON."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LIMIT_BYTES:
            raise HTTPException(413, f"The body takes at most {LIMIT_BYTES} bytes.")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise HTTPException(400, "The body is not JSON.") from None
