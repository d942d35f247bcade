"""Runs inside a trial, beside the participant's logs.py: ``GET /orders?trial=…`` fails, or waits as others do.

It is laid over the service as a module of its own, and the last line of
``orders.py`` calls ``around``.
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

CANARY = "canary-" + "3f9c51"  # never whole in the source, which a traceback shows
BEATS = 40
BEAT_SECONDS = 0.05

log: Any = logs.get_logger("trial")
library = logging.getLogger("some_library")
tasks: set[asyncio.Task[None]] = set()

Handler = Callable[[Request], Awaitable[Response]]


def around(recent: Handler) -> Handler:
    """The handler of ``GET /orders``, and before it ours."""

    async def handler(request: Request) -> Response:
        """Ours if ``trial`` is asked for, else the service's own."""
        what, who = (request.query_params.get(name, "") for name in ("trial", "who"))
        if what == "bug":
            charge(CANARY, who)
        if what == "beat":
            tasks.add(asyncio.create_task(beat(), context=Context()))
            return PlainTextResponse("")
        return await serve(who) if what == "slow" else await recent(request)

    return handler


def charge(password: str, who: str) -> None:  # noqa: ARG001  # a stack with variables would show it
    """A bug."""
    prices: dict[str, int] = {}
    prices[f"no price for {who}"]


async def serve(who: str) -> Response:
    """What a request does that waits for others: log, wait, let a library log, a thread, and an exception."""
    log.info("waiting", who=who, by="itself")
    await asyncio.sleep(0.2)
    library.info("asked by %s", who)
    await asyncio.to_thread(log.info, "counting", who=who, by="a thread")
    try:
        await asyncio.sleep(0.1)
        charge(CANARY, who)
    except KeyError:
        log.exception("it failed", who=who, by="an exception")
    return PlainTextResponse(who)


async def beat() -> None:
    """What the service does for nobody in particular."""
    for _ in range(BEATS):
        log.info("beat")
        await asyncio.sleep(BEAT_SECONDS)
