"""Faults inside the service, for practice: injected and reverted while it runs, if HTTP_FAULTS is true.

``PUT /admin/faults/errors`` with ``{"share": 0.5}`` injects a fault or changes its parameters, ``DELETE`` reverts it;
``GET /admin/faults`` lists all, ``DELETE /admin/faults`` reverts all. Probes, /metrics and /admin are spared.
"""

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable, Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import json_body, logs
from .fault_table import FAULTS

MIB, STEP_SECONDS = 1024 * 1024, 0.1

log = logs.get_logger(__name__)

Parameters = Mapping[str, float]
Handler = Callable[[Request], Awaitable[Response]]


class ActiveFaults:
    """The faults that are active in one application, with their parameters, by name."""

    def __init__(self) -> None:
        self.parameters: dict[str, Parameters] = {}
        self._ended: dict[str, threading.Event] = {}

    def inject(self, name: str, parameters: Parameters) -> None:
        """Begin a fault; one that is active begins anew with these parameters."""
        self.revert(name)
        self.parameters[name] = parameters
        ended = self._ended[name] = threading.Event()
        if name in THREADS:
            threading.Thread(target=THREADS[name], args=(ended,), kwargs=dict(parameters), daemon=True).start()
        log.warning("fault injected", fault=name, **parameters)

    def revert(self, *names: str) -> None:
        """End these faults; one that is not active is fine."""
        for name in names:
            if name in self.parameters:
                del self.parameters[name]
                self._ended.pop(name).set()
                log.warning("fault reverted", fault=name)

    def before(self, handler: Handler) -> Handler:
        """Return ``handler`` with the active faults before it: they delay or fail their share of the requests."""

        async def handle(request: Request) -> Response:
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
            return await handler(request)

        return handle

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


THREADS: dict[str, Callable[..., None]] = {"leak": leak, "burn": burn}


async def show(request: Request) -> Response:
    """Answer with every fault, and its parameters if it is active."""
    active = request.app.state.faults.parameters
    faults = [{"name": name, "does": fault.does, "active": active.get(name)} for name, fault in FAULTS.items()]
    return JSONResponse({"faults": faults})


async def inject(request: Request) -> Response:
    """Inject one fault, with the parameters in the body, or their defaults."""
    name = _name(request)
    known, given = FAULTS[name].parameters, await json_body.read(request)
    if not isinstance(given, dict) or not given.keys() <= known.keys():
        raise HTTPException(422, f"The body should be a JSON object with {' and '.join(known)}.")
    for key, value in given.items():
        parameter = known[key]
        if type(value) not in (int, float) or not parameter.at_least <= value <= parameter.at_most:
            raise HTTPException(422, f"{key} should be a number from {parameter.at_least:g} to {parameter.at_most:g}.")
    request.app.state.faults.inject(name, {key: given.get(key, one.default) for key, one in known.items()})
    return await show(request)


async def revert(request: Request) -> Response:
    """Revert the fault that the path names, or all."""
    request.app.state.faults.revert(*([_name(request)] if request.path_params else FAULTS))
    return await show(request)


def _name(request: Request) -> str:
    name: str = request.path_params["name"]
    if name not in FAULTS:
        raise HTTPException(404, f"There is no such fault; there are {', '.join(FAULTS)}.")
    return name


ROUTES = [
    Route("/admin/faults", show, methods=["GET"]),
    Route("/admin/faults", revert, methods=["DELETE"]),
    Route("/admin/faults/{name}", inject, methods=["PUT"]),
    Route("/admin/faults/{name}", revert, methods=["DELETE"]),
]
