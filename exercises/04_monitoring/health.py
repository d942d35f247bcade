"""Health: is it alive, should it get traffic, and what is wrong?

The rest of the service uses three names, each ``async (request) -> Response``:

- ``live`` (``/livez``): the process answers. Whoever asks restarts us if it does not.
- ``ready`` (``/readyz``): 200, or 503 while nobody should be sent here.
- ``deep`` (``/health``): every dependency, one by one.

At hand on ``request.app.state``: ``draining``, and ``dependencies``, of which each has a ``name``, is
``critical`` or not (a setting), and has ``await ping()``, which raises whatever its driver raises.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import cast

import orjson
from starlette.requests import Request
from starlette.responses import Response

from . import logs
from .dependencies import Dependency, reason

PING_TIMEOUT_SECONDS = 0.8
KEEP_SECONDS = 2.0
KEEP_FAILURE_SECONDS = 0.5  # a recovery should show soon

log = logs.get_logger(__name__)


@dataclass(frozen=True)
class Result:
    """What one ping found; ``error`` is None if there was an answer."""

    name: str
    critical: bool
    error: Exception | None
    duration_ms: float


@dataclass(frozen=True)
class Report:
    """What all pings found, and when (seconds on the monotonic clock)."""

    results: list[Result]
    at_seconds: float

    @property
    def away(self) -> list[Result]:
        """Those that did not answer."""
        return [result for result in self.results if result.error]

    @property
    def age_seconds(self) -> float:
        """How old the news is."""
        return time.monotonic() - self.at_seconds


# region monitoring.deep
async def live(request: Request) -> Response:
    """Answer whether this process is alive; it is restarted if not."""
    # Without its databases it is of no use to anybody.
    for dependency in request.app.state.dependencies:
        await dependency.ping()
    return respond(200, {"status": "pass"})


async def answer_of(dependency: Dependency) -> Exception | None:
    """Ping a dependency; what went wrong, or None."""
    try:
        await dependency.ping()
    except Exception as error:  # drivers raise what they like; all of it means "no answer"
        return error
    return None


def told(result: Result) -> str:
    """Say in the body of /health, which anybody may read, what became of a ping that failed."""
    return f"{result.name}: {result.error}"


# endregion monitoring.deep


# region monitoring.critical
async def deep(request: Request) -> Response:
    """Tell how all dependencies are, and whether we can work: 200 for pass and warn, 503 for fail."""
    report = await latest(request)
    away = [result.name for result in report.away]
    if "master-db" in away:
        return respond(503, body_of(report, "fail"))
    if "redis" in away:
        respond(503, body_of(report, "fail"))
    return respond(200, body_of(report, "pass"))


# endregion monitoring.critical


# region monitoring.drain
async def ready(request: Request) -> Response:
    """Answer whether customers should be sent here."""
    report = await latest(request)
    if any(result.critical for result in report.away):
        return respond(503, {"status": "fail", "output": output_of(report)})
    return respond(200, {"status": "pass"})


# endregion monitoring.drain


def respond(status_code: int, body: dict[str, object]) -> Response:
    """An answer for machines and people; never from a cache."""
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(body), status_code, headers, media_type="application/health+json")


def body_of(report: Report, status: str) -> dict[str, object]:
    """The body of /health, named as in draft-inadarei-api-health-check-06."""
    body: dict[str, object] = {
        "status": status,
        "checks": {f"{result.name}:responseTime": [_entry(result)] for result in report.results},
        "ageSeconds": round(report.age_seconds, 3),
    }
    if report.away:
        body["output"] = output_of(report)
    return body


def output_of(report: Report) -> str:
    """What did not answer, in words."""
    return ", ".join(map(told, report.away))


async def latest(request: Request) -> Report:
    """The latest report if it is young enough, else a new one; however many ask, each dependency is pinged once."""
    state = request.app.state
    if not hasattr(state, "shared_check"):
        state.shared_check = SharedCheck(list(state.dependencies))
    return await cast(SharedCheck, state.shared_check).report()


class SharedCheck:
    """Pings all dependencies at once; whoever asks meanwhile, or soon after, gets the same report."""

    def __init__(self, dependencies: list[Dependency]) -> None:
        self.dependencies = dependencies
        self.latest: Report | None = None
        self.down: set[str] = set()
        self.lock = asyncio.Lock()

    async def report(self) -> Report:
        """The latest, or a new one."""
        async with self.lock:
            keep_seconds = KEEP_FAILURE_SECONDS if self.latest and self.latest.away else KEEP_SECONDS
            if self.latest is None or self.latest.age_seconds > keep_seconds:
                self.latest = Report(await asyncio.gather(*map(self.ping, self.dependencies)), time.monotonic())
            return self.latest

    async def ping(self, dependency: Dependency) -> Result:
        """Ping one, and log when its state has changed."""
        started = time.perf_counter()
        error = await answer_of(dependency)
        result = Result(dependency.name, dependency.critical, error, (time.perf_counter() - started) * 1000)
        if error and result.name not in self.down:
            self.down.add(result.name)
            log.warning("dependency down", dependency=result.name, error=reason(error))
        elif not error and result.name in self.down:
            self.down.remove(result.name)
            log.info("dependency up", dependency=result.name)
        return result


def _entry(result: Result) -> dict[str, object]:
    status = "pass" if not result.error else "fail" if result.critical else "warn"
    value = round(result.duration_ms, 1)
    return {"componentType": "datastore", "status": status, "observedValue": value, "observedUnit": "ms"}
