"""Runs a participant's service inside a trial; a request's ``X-Fault`` says what is logged before its handler answers.

The container has this file beside faulty_inside.py, which it adds to: ``python logging_inside.py main.py``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from contextvars import Context
from datetime import UTC, datetime
from typing import Any

import faulty_inside as faulty  # type: ignore[import-not-found]  # stands beside this file, in the container
import structlog
from starlette.requests import Request

BEATS = 40
BEAT_SECONDS = 0.05

log: Any = structlog.get_logger("trial")
library = logging.getLogger("some_library")
tasks: set[asyncio.Task[None]] = set()
arrived: list[str] = []
together = asyncio.Event()


async def events(request: Request) -> None:
    """Log the fields that the check made up, and a time; let a library log an exception with a customer's own words."""
    log.info("a trial", **json.loads(request.query_params["fields"]), when=datetime.now(UTC))
    try:
        await faulty.error(request)
    except KeyError:
        library.exception("asked by %s", request.query_params["who"])


async def levels(_: Request) -> None:
    """Log at each level, by the service's own logger and by a library's."""
    for level in ("debug", "info", "warning", "error"):
        getattr(log, level)(f"the service at {level}")
        getattr(library, level)("a library at %s", level)


async def crowd(request: Request) -> None:
    """Log, wait for other requests, and log from a library, from a thread and with an exception."""
    who = request.query_params["who"]
    arrived.append(who)
    if len(arrived) > 1:
        together.set()
    log.info(f"itself for {who}")

    try:
        await asyncio.wait_for(together.wait(), float(request.query_params["seconds"]))
    except TimeoutError:
        log.info("nobody else came")
    await asyncio.sleep(0.2)

    library.info("library for %s", who)
    await asyncio.to_thread(log.info, f"thread for {who}")
    try:
        await asyncio.sleep(0.1)
        await faulty.error(request)
    except KeyError:
        log.exception(f"exception for {who}")


async def beat(_: Request) -> None:
    """Begin a task that belongs to no request."""
    tasks.add(asyncio.create_task(beats(), context=Context()))


async def beats() -> None:
    """Log lines that belong to no request."""
    for _ in range(BEATS):
        log.info("beat")
        await asyncio.sleep(BEAT_SECONDS)


if __name__ == "__main__":
    faulty.FAULTS |= {"events": events, "levels": levels, "crowd": crowd, "beat": beat}
    faulty.run(sys.argv[1])
