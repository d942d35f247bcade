"""Runs inside a trial, beside the participant's logs.py: ``GET /orders?trial=…`` fails, or waits and logs.

The last line of the service's ``orders.py`` calls `around`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from . import logs  # type: ignore[attr-defined]  # the participant's

BEATS = 40
BEAT_SECONDS = 0.05

log: Any = logs.get_logger("trial")
library = logging.getLogger("some_library")
tasks: set[asyncio.Task[None]] = set()

Handler = Callable[[Request], Awaitable[Response]]


def around(recent: Handler) -> Handler:
    """Return a handler of ``GET /orders`` with the trial's answers before the service's own."""

    async def handler(request: Request) -> Response:
        """Answer for ``trial``, else as the service does."""
        what, who = (request.query_params.get(name, "") for name in ("trial", "who"))
        if what == "bug":
            charge(who)
        if what == "beat":
            tasks.add(asyncio.create_task(beat(), context=Context()))
            return PlainTextResponse("")
        return await serve(who) if what == "slow" else await recent(request)

    return handler


def charge(who: str) -> None:
    """Raise a KeyError."""
    prices: dict[str, int] = {}
    prices[f"no price for {who}"]


async def serve(who: str) -> Response:
    """Log, wait, and log from a library, from a thread and with an exception."""
    log.info("waiting", who=who, by="itself")
    await asyncio.sleep(0.2)
    library.info("asked by %s", who)
    await asyncio.to_thread(log.info, "counting", who=who, by="a thread")
    try:
        await asyncio.sleep(0.1)
        charge(who)
    except KeyError:
        log.exception("it failed", who=who, by="an exception")
    return PlainTextResponse(who)


async def beat() -> None:
    """Log lines that belong to no request."""
    for _ in range(BEATS):
        log.info("beat")
        await asyncio.sleep(BEAT_SECONDS)
