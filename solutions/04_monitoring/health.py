"""Health: is the service alive, is it ready for customers, is it well?"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
#: from 04:2

import metrics
#: always

LIMIT_SECONDS = 0.8

log = structlog.get_logger(__name__)


def respond(status_code: int, status: str, away: dict[str, str]) -> Response:
    """Answer, for people and programs; no cache keeps it."""
    return JSONResponse({"status": status, "away": away}, status_code, {"Cache-Control": "no-store"})


# region monitoring.deep
async def live(request: Request) -> Response:
    """Answer whether this process is alive: an orchestrator restarts it if not."""
    #: only the solution
    return respond(200, "pass", {})
    #: only the starter
    #| # Without its databases it is of no use to anybody.
    #| return await deep(request)
    #: both


async def check(dependency: str, ping: Callable[[], Awaitable[None]]) -> str | None:
    """Ping a dependency. Return what is wrong, in words that anybody may read; None if it answered."""
    try:
        #: only the solution
        async with asyncio.timeout(LIMIT_SECONDS):
            await ping()
        #: only the starter
        #| await ping()
        #: both
    except Exception as error:  # each driver has its own
        log.warning("dependency down", dependency=dependency, error=repr(error.__cause__ or error))
        #: only the solution
        return f"no answer from {dependency}"
        #: only the starter
        #| return f"{dependency}: {error!r}"
        #: both
    return None


# endregion monitoring.deep


async def check_all(request: Request) -> dict[str, str]:
    """Ping all dependencies at once. Return what is wrong, for each that is away."""
    pings = request.app.state.pings
    answers = await asyncio.gather(*map(check, pings.keys(), pings.values()))

    away = {}
    for dependency, answer in zip(pings, answers, strict=True):
        #: from 04:2
        metrics.UP.labels(dependency).set(answer is None)
        #: always
        if answer:
            away[dependency] = answer
    return away


# region monitoring.critical
async def deep(request: Request) -> Response:
    """Answer how the dependencies are: 503 if a critical one is away."""
    away = await check_all(request)
    #: only the solution
    if away.keys() & request.app.state.critical:
        return respond(503, "fail", away)
    return respond(200, "warn" if away else "pass", away)
    #: only the starter
    #| if "master-db" in away:
    #|     return respond(503, "fail", away)
    #| if "redis" in away:
    #|     respond(503, "fail", away)
    #| return respond(200, "pass", away)
    #: both


# endregion monitoring.critical


#: from 04b
# region monitoring.drain
#: always
async def ready(request: Request) -> Response:
    """Answer whether this instance should get customers."""
    #: from 04b
    #: only the solution
    if request.app.state.draining:
        return respond(503, "draining", {})
    #: both
    #: always
    away = await check_all(request)
    is_ready = away.keys().isdisjoint(request.app.state.critical)
    return respond(200, "pass", away) if is_ready else respond(503, "fail", away)
#: from 04b


# endregion monitoring.drain
