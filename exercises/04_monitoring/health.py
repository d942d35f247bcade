"""Health: is it alive, should it get traffic, and what is wrong?

The rest of the service uses three names, each ``async (request) -> Response``:

- ``live`` (``/livez``): the process answers. An orchestrator restarts it if it does not.
- ``ready`` (``/readyz``): 200, or 503 while it should get no traffic.
- ``deep`` (``/health``): every dependency, one by one.

``request.app.state`` has ``draining`` and ``dependencies``. Each dependency has a ``name``, is ``critical`` or not
(a setting), and has ``await ping()``, which raises any error of its driver.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import logs
from .dependencies import UP, Dependency, reason

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
        """The dependencies that did not answer."""
        return [result for result in self.results if result.error]


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
    """Describe a failed ping in the body of /health, which anybody may read."""
    return f"{result.name}: {result.error}"


# endregion monitoring.deep


# region monitoring.critical
async def deep(request: Request) -> Response:
    """Report every dependency, and whether the service can work: 200 for pass and warn, 503 for fail."""
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
    """Answer whether this instance should get traffic."""
    report = await latest(request)
    if any(result.critical for result in report.away):
        return respond(503, {"status": "fail", "output": output_of(report)})
    return respond(200, {"status": "pass"})


# endregion monitoring.drain


def respond(status_code: int, body: dict[str, object]) -> Response:
    """Answer in the format of health checks; no cache keeps it."""
    return JSONResponse(body, status_code, {"Cache-Control": "no-store"}, media_type="application/health+json")


def body_of(report: Report, status: str) -> dict[str, object]:
    """The body of /health, named as in draft-inadarei-api-health-check-06."""
    checks: dict[str, object] = {}
    for result in report.results:
        state = "pass" if not result.error else "fail" if result.critical else "warn"
        value = round(result.duration_ms, 1)
        check = {"componentType": "datastore", "status": state, "observedValue": value, "observedUnit": "ms"}
        checks[f"{result.name}:responseTime"] = [check]
    age_seconds = round(time.monotonic() - report.at_seconds, 3)
    output = {"output": output_of(report)} if report.away else {}
    return {"status": status, "checks": checks, "ageSeconds": age_seconds, **output}


def output_of(report: Report) -> str:
    """The failed pings, in words."""
    return ", ".join(map(told, report.away))


async def latest(request: Request) -> Report:
    """The latest report, from the one check that all requests share."""
    state = request.app.state
    if not hasattr(state, "shared_check"):
        state.shared_check = SharedCheck(list(state.dependencies))
    return await cast(SharedCheck, state.shared_check).report()


class SharedCheck:
    """Pings all dependencies at once; requests that come meanwhile, or soon after, get the same report."""

    def __init__(self, dependencies: list[Dependency]) -> None:
        self.dependencies = dependencies
        self.latest: Report | None = None
        self.lock = asyncio.Lock()

    async def report(self) -> Report:
        """The latest report while it is young enough, else a new one."""
        async with self.lock:
            keep_seconds = KEEP_FAILURE_SECONDS if self.latest and self.latest.away else KEEP_SECONDS
            if self.latest is None or time.monotonic() - self.latest.at_seconds > keep_seconds:
                self.latest = Report(await asyncio.gather(*map(self.ping, self.dependencies)), time.monotonic())
            return self.latest

    async def ping(self, dependency: Dependency) -> Result:
        """Ping one dependency, show its state in the metrics, and log a change of its state."""
        started = time.perf_counter()
        error = await answer_of(dependency)
        milliseconds = (time.perf_counter() - started) * 1000
        result = Result(dependency.name, dependency.critical, error, milliseconds)
        UP.labels(result.name).set(error is None)
        was_away = self.latest is not None and result.name in [one.name for one in self.latest.away]
        if error and not was_away:
            log.warning("dependency down", dependency=result.name, error=reason(error))
        elif was_away and not error:
            log.info("dependency up", dependency=result.name)
        return result
