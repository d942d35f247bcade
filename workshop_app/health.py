"""Health: is it alive, should it get traffic, and what is wrong?

Public names (a module that takes this one's place offers the same): three handlers, each
``async (request) -> Response``:

- ``live`` (``/livez``): the process answers. Asks nobody else: restarting us would not mend a database.
- ``ready`` (``/readyz``): 200, or 503 while starting, while draining, or without a critical dependency.
- ``deep`` (``/health``): every dependency, one by one; 503 if a critical one fails.

What a handler has to look at, on ``request.app.state``:

- ``started``, ``draining``: has the start ended, has the stop begun?
- ``dependencies``: iterable; each has a ``name``, ``critical`` (HEALTH_CRITICAL names it), and ``await ping()``,
  which raises, or hangs: the time limit is ours to set.

Why a ping failed goes to the log. The body tells a stranger which dependency, and nothing about its insides.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextvars import Context
from dataclasses import dataclass
from typing import cast

import orjson
from starlette.requests import Request
from starlette.responses import Response

from workshop_app import logs
from workshop_app.dependencies import Dependency, NotConnectedYet, reason
from workshop_app.flapping import Flapping

PING_TIMEOUT_SECONDS = 0.8
KEEP_SECONDS = 2.0
KEEP_FAILURE_SECONDS = 0.5  # a recovery should show soon

DEPENDENCY_DOWN = "dependency down"
DEPENDENCY_UP = "dependency up"
DEPENDENCY_FLAPS = "dependency flaps"  # no more lines of its changes until it has settled
EVENTS = {"down": DEPENDENCY_DOWN, "up": DEPENDENCY_UP, "flapping": DEPENDENCY_FLAPS}

log = logs.get_logger(__name__)


async def live(_: Request) -> Response:
    """The process answers."""
    return _respond(200, {"status": "pass"})


async def ready(request: Request) -> Response:
    """Send traffic here, or do not."""
    state = request.app.state
    if state.draining:
        return _respond(503, {"status": "fail", "output": "draining"})
    if not state.started:
        return _respond(503, {"status": "fail", "output": "starting"})
    report = await _shared_check(request).report()
    if report.failed:
        return _respond(503, {"status": "fail", "output": report.output})
    return _respond(200, {"status": "pass"})


async def deep(request: Request) -> Response:
    """All dependencies: pass, warn (something is away that we can do without) or fail."""
    check = _shared_check(request)
    report = await check.report()
    body = {
        "status": report.status,
        "checks": {f"{result.name}:responseTime": [result.as_json()] for result in report.results},
        "ageSeconds": round(check.age_seconds(report), 3),
    }
    if report.output:
        body["output"] = report.output
    return _respond(503 if report.failed else 200, body)


@dataclass(frozen=True)
class Result:
    """What one ping found."""

    name: str
    critical: bool
    passed: bool
    duration_ms: float

    @property
    def status(self) -> str:
        """Without a critical dependency we fail; without another we warn."""
        return "pass" if self.passed else "fail" if self.critical else "warn"

    def as_json(self) -> dict[str, object]:
        """An entry of ``checks``, named as in draft-inadarei-api-health-check-06."""
        return {
            "componentType": "datastore",
            "status": self.status,
            "observedValue": round(self.duration_ms, 1),
            "observedUnit": "ms",
        }


@dataclass(frozen=True)
class Report:
    """What all pings found, and when (seconds on the clock of the check)."""

    results: tuple[Result, ...]
    at_seconds: float

    @property
    def status(self) -> str:
        """The gravest of all results."""
        found = {result.status for result in self.results}
        return next((status for status in ("fail", "warn") if status in found), "pass")

    @property
    def failed(self) -> bool:
        """Is a critical dependency away?"""
        return self.status == "fail"

    @property
    def output(self) -> str:
        """Names of those that did not answer, for the body; empty if all did."""
        away = [result.name for result in self.results if not result.passed]
        return f"no answer from {', '.join(away)}" if away else ""


class SharedCheck:
    """Pings all dependencies at once; whoever asks meanwhile, or soon after, gets the same report.

    However many callers there are, a struggling database sees one ping at a time.
    """

    def __init__(self, dependencies: Iterable[Dependency], clock: Callable[[], float] = time.monotonic) -> None:
        self._dependencies = dependencies
        self._clock = clock
        self._latest: Report | None = None
        self._running: asyncio.Task[Report] | None = None
        self._stories: defaultdict[str, Flapping] = defaultdict(Flapping)

    def age_seconds(self, report: Report) -> float:
        """How old the news is."""
        return self._clock() - report.at_seconds

    async def report(self) -> Report:
        """The latest report if it is young enough, else that of the check which is running or starts now."""
        if self._latest and self.age_seconds(self._latest) < self._lifetime_seconds(self._latest):
            return self._latest
        if self._running is None:
            # An empty context: these lines belong to no single request.
            self._running = asyncio.create_task(self._run(), context=Context())
        # Shielded: a caller that hangs up does not cancel the check for the others.
        return await asyncio.shield(self._running)

    @staticmethod
    def _lifetime_seconds(report: Report) -> float:
        return KEEP_SECONDS if report.status == "pass" else KEEP_FAILURE_SECONDS

    async def _run(self) -> Report:
        try:
            results = await asyncio.gather(*map(self._ping, self._dependencies))
            self._latest = Report(tuple(results), at_seconds=self._clock())
            return self._latest
        finally:
            self._running = None

    async def _ping(self, dependency: Dependency) -> Result:
        started = time.perf_counter()
        error: Exception | None = None
        try:
            async with asyncio.timeout(PING_TIMEOUT_SECONDS):
                await dependency.ping()
        except Exception as caught:  # drivers raise what they like; all of it means "no answer"
            error = caught
        duration_ms = (time.perf_counter() - started) * 1000
        if not isinstance(error, NotConnectedYet):  # that we are starting is no news of theirs
            self._log_change(dependency.name, error, duration_ms)
        return Result(dependency.name, dependency.critical, error is None, duration_ms)

    def _log_change(self, name: str, error: Exception | None, duration_ms: float) -> None:
        """A line when a dependency goes, one when it is back, none in between, and few while it flaps."""
        news = self._stories[name].note(up=error is None, at_seconds=self._clock())
        if not news:
            return
        fields: dict[str, object] = {"dependency": name, "duration_ms": round(duration_ms, 1)}
        if news.changes > 1:
            fields["changes"] = news.changes  # since the line before
        if error:
            fields["error"] = reason(error)
        tell = log.warning if error or news.is_now == "flapping" else log.info
        tell(EVENTS[news.is_now], **fields)


def _shared_check(request: Request) -> SharedCheck:
    state = request.app.state
    if not hasattr(state, "shared_check"):
        state.shared_check = SharedCheck(state.dependencies)
    return cast(SharedCheck, state.shared_check)


def _respond(status_code: int, body: dict[str, object]) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(body), status_code, headers, media_type="application/health+json")
