# Made by `./workshop build` from the lessons and the solutions of their exercises: edit those.
"""Health: is the service alive, is it ready for customers, is it well?"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

import metrics

LIMIT_SECONDS = 0.8

log = structlog.get_logger(__name__)


def respond(status_code: int, status: str, away: dict[str, str]) -> Response:
    """Answer, for people and programs; no cache keeps it."""
    return JSONResponse({"status": status, "away": away}, status_code, {"Cache-Control": "no-store"})


async def live(request: Request) -> Response:
    """Answer whether this process is alive: an orchestrator restarts it if not."""
    return respond(200, "pass", {})


async def check(dependency: str, ping: Callable[[], Awaitable[None]]) -> str | None:
    """Ping a dependency. Return what is wrong, in words that anybody may read; None if it answered."""
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            await ping()
    except Exception as error:  # each driver has its own
        log.warning("dependency down", dependency=dependency, error=repr(error.__cause__ or error))
        return f"no answer from {dependency}"
    return None


async def check_all(request: Request) -> dict[str, str]:
    """Ping all dependencies at once. Return what is wrong, for each that is away."""
    pings = request.app.state.pings
    answers = await asyncio.gather(*map(check, pings.keys(), pings.values()))

    away = {}
    for dependency, answer in zip(pings, answers, strict=True):
        metrics.UP.labels(dependency).set(answer is None)
        if answer:
            away[dependency] = answer
    return away


async def deep(request: Request) -> Response:
    """Answer how the dependencies are: 503 if a critical one is away."""
    away = await check_all(request)
    if away.keys() & request.app.state.critical:
        return respond(503, "fail", away)
    return respond(200, "warn" if away else "pass", away)


async def ready(request: Request) -> Response:
    """Answer whether this instance should get customers."""
    if request.app.state.draining:
        return respond(503, "draining", {})
    away = await check_all(request)
    is_ready = away.keys().isdisjoint(request.app.state.critical)
    return respond(200, "pass", away) if is_ready else respond(503, "fail", away)
