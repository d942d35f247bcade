"""Faults inside the service, for practice: injected and reverted while it runs, if HTTP_FAULTS is true.

``PUT /admin/faults/errors`` with ``{"share": 0.5}`` injects a fault or changes its parameters, ``DELETE`` reverts it;
``GET /admin/faults`` lists all, ``DELETE /admin/faults`` reverts all. Probes, /metrics and /admin are spared.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from . import admin, logs
from .fault_table import FAULTS

MIB, STEP_SECONDS = 1024 * 1024, 0.1

log = logs.get_logger(__name__)

Parameters = Mapping[str, float]


class ActiveFaults:
    """The faults that are active in one application, with their parameters, by name."""

    def __init__(self) -> None:
        self.parameters: dict[str, Parameters] = {}
        self._ended: dict[str, threading.Event] = {}

    def inject(self, name: str, parameters: Parameters) -> None:
        """Begin a fault; one that is active begins anew with these parameters."""
        self._end(name)
        self.parameters[name] = parameters
        ended = self._ended[name] = threading.Event()
        if name in ("leak", "burn"):
            target: Callable[..., None] = leak if name == "leak" else burn
            threading.Thread(target=target, args=(ended,), kwargs=dict(parameters), daemon=True).start()
        log.warning("fault injected", fault=name, **parameters)

    def revert(self, *names: str) -> None:
        """End these faults; one that is not active is fine."""
        for name in names:
            if self.parameters.pop(name, None) is not None:
                self._end(name)
                log.warning("fault reverted", fault=name)

    def _end(self, name: str) -> None:
        if name in self._ended:
            self._ended.pop(name).set()

    async def apply(self) -> None:
        """Delay or fail a request, as the active faults and their shares say."""
        if self._hits("refuse"):
            raise HTTPException(503, "Please try again shortly.", {"Retry-After": "1"})
        if self._hits("hang"):
            ended = self._ended["hang"]
            while not ended.is_set():
                await asyncio.sleep(STEP_SECONDS)
        if self._hits("latency"):
            await asyncio.sleep(self.parameters["latency"]["ms"] / 1000)
        if self._hits("errors"):
            raise RuntimeError("the fault 'errors' is active")

    def _hits(self, name: str) -> bool:
        parameters = self.parameters.get(name)
        return parameters is not None and random.random() < parameters["share"]  # noqa: S311  # no secret


def leak(ended: threading.Event, mib_per_second: float, at_most_mib: float) -> None:
    """Take memory, step by step, and hold it until the fault has ended."""
    held = bytearray()
    while not ended.wait(STEP_SECONDS):
        held += bytes(int(min(mib_per_second * STEP_SECONDS, at_most_mib - len(held) / MIB) * MIB))


def burn(ended: threading.Event, share: float) -> None:
    """Compute for a share of the time; Python runs one thread at a time, so the event loop waits meanwhile."""
    while not ended.wait(STEP_SECONDS * (1 - share)):
        stop_at = time.monotonic() + STEP_SECONDS * share
        while time.monotonic() < stop_at:
            sum(range(1000))


class FaultMiddleware:
    """Stands before every route that faults may hit."""

    def __init__(self, app: ASGIApp, active: ActiveFaults) -> None:
        self.app = app
        self.active = active

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, unless a fault hits it."""
        if self.active.parameters:
            await self.active.apply()
        await self.app(scope, receive, send)


async def show(request: Request) -> Response:
    """Every fault, and its parameters if it is active."""
    return admin.respond({"faults": [_entry(request, name) for name in FAULTS]})


async def inject(request: Request) -> Response:
    """Inject one fault."""
    name = _name(request)
    parameters = _complete(name, await admin.json_body(request))
    request.app.state.faults.inject(name, parameters)
    return admin.respond(_entry(request, name))


async def revert(request: Request) -> Response:
    """Revert one fault."""
    name = _name(request)
    request.app.state.faults.revert(name)
    return admin.respond(_entry(request, name))


async def revert_all(request: Request) -> Response:
    """Revert all faults."""
    request.app.state.faults.revert(*FAULTS)
    return await show(request)


def _name(request: Request) -> str:
    name: str = request.path_params["name"]
    if name not in FAULTS:
        raise HTTPException(404, f"There is no such fault; there are {', '.join(FAULTS)}.")
    return name


def _complete(name: str, given: object) -> Parameters:
    takes = FAULTS[name].takes
    if not isinstance(given, dict) or not given.keys() <= takes.keys():
        raise HTTPException(422, f"The body should be a JSON object with {' and '.join(takes)}.")
    for key, value in given.items():
        number = takes[key]
        if type(value) not in (int, float) or not number.at_least <= value <= number.at_most:
            raise HTTPException(422, f"{key} should be a number from {number.at_least:g} to {number.at_most:g}.")
    return {key: given.get(key, number.default) for key, number in takes.items()}


def _entry(request: Request, name: str) -> dict[str, object]:
    return {"name": name, "does": FAULTS[name].does, "active": request.app.state.faults.parameters.get(name)}
