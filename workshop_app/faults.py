"""Faults inside the service, put in force and undone while it runs. Not there unless HTTP_FAULTS is ``true``.

``GET /admin/faults`` tells which there are, what each takes, and its grade if it is in force. ``PUT
/admin/faults/errors`` with ``{"share": 0.5}`` puts one in force, or changes its grade. ``DELETE`` undoes one, or at
``/admin/faults`` all; what they took is given back. All end with the process.

Probes, ``/metrics`` and ``/admin`` are left alone on purpose: they tell what a fault does to the others. But a burning
thread takes its turns from whoever runs, and leaked memory is the whole process's: that they feel, as in earnest.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from workshop_app import admin, logs
from workshop_app.burdens import Burn, Leak

FAULT_IN_FORCE = "fault in force"
FAULT_UNDONE = "fault undone"

log = logs.get_logger(__name__)

Grade = Mapping[str, float]


class Injected(Exception):
    """An error that nobody made by mistake."""


@dataclass(frozen=True)
class Number:
    """One thing that a fault takes: its range and, unless it must be given, its default."""

    what: str
    at_least: float
    at_most: float
    default: float | None = None

    def __str__(self) -> str:
        unless = "" if self.default is None else f", {self.default:g} unless given"
        return f"{self.what}, from {self.at_least:g} to {self.at_most:g}{unless}"

    def holds(self, value: object) -> bool:
        """Is it a number in the range?"""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and self.at_least <= cast(float, value) <= self.at_most


@dataclass(frozen=True)
class Fault:
    """What a fault does, and what it takes."""

    does: str
    takes: Mapping[str, Number]

    def complete(self, given: object) -> Grade:
        """The grade with its defaults; ``ValueError`` says in a sentence what is wrong with it."""
        if not isinstance(given, dict) or not set(given) <= set(self.takes):
            raise ValueError(f"The body should be a JSON object with {' and '.join(map(repr, self.takes))}.")
        grade = {name: given.get(name, number.default) for name, number in self.takes.items()}
        for name, number in self.takes.items():
            if not number.holds(grade[name]):
                raise ValueError(f"{name!r} should be a number: {number}.")
        return cast(Grade, grade)


SHARE = Number("share of the requests", 0.01, 1.0, 1.0)
FAULTS: Mapping[str, Fault] = {
    "latency": Fault("Answers come later.", {"ms": Number("milliseconds", 1, 60_000), "share": SHARE}),
    "errors": Fault("Requests end with an unexpected error, 500.", {"share": SHARE}),
    "hang": Fault("Requests get no answer until it is undone.", {"share": SHARE}),
    "refuse": Fault("Requests are turned away at once, 503.", {"share": SHARE}),
    "leak": Fault(
        "Memory is taken, and not given back until it is undone.",
        {"mib_per_second": Number("MiB a second", 0.1, 1024), "at_most_mib": Number("MiB in all", 1, 4096, 64)},
    ),
    "burn": Fault(
        "A thread computes, and everything else waits for its turn.",
        {"share": Number("share of a core", 0.01, 1.0, 1.0)},
    ),
}


class InForce:
    """The faults in force in one application, by name. Only its event loop uses it."""

    def __init__(self) -> None:
        self.grades: dict[str, Grade] = {}
        self._burdens: dict[str, Leak | Burn] = {}
        self._healed = asyncio.Event()  # what requests that hang wait for

    def strike(self, name: str, grade: Grade) -> None:
        """Put a fault in force; one that is already begins anew, with this grade."""
        self._release(name)
        self.grades[name] = grade
        if name == "leak":
            self._burdens[name] = Leak(**grade)
        elif name == "burn":
            self._burdens[name] = Burn(**grade)
        log.warning(FAULT_IN_FORCE, fault=name, **grade)

    def heal(self, name: str) -> None:
        """Undo a fault; one that is not in force is fine."""
        if self.grades.pop(name, None) is not None:
            self._release(name)
            log.warning(FAULT_UNDONE, fault=name)

    def heal_all(self) -> None:
        """Undo every fault."""
        for name in tuple(self.grades):
            self.heal(name)

    def _release(self, name: str) -> None:
        if name == "hang":
            self._healed.set()
            self._healed = asyncio.Event()
        if burden := self._burdens.pop(name, None):
            burden.stop()

    async def suffer(self) -> None:
        """What a request goes through: mostly nothing, else a wait or an exception."""
        if self._strikes("refuse"):
            busy = {"Retry-After": "1"}
            raise HTTPException(503, "This does not work at the moment; please try again shortly.", busy)
        if self._strikes("hang"):
            await self._healed.wait()
        if self._strikes("latency"):
            await asyncio.sleep(self.grades["latency"]["ms"] / 1000)
        if self._strikes("errors"):
            raise Injected("the fault 'errors' is in force")

    def _strikes(self, name: str) -> bool:
        grade = self.grades.get(name)
        return grade is not None and random.random() < grade["share"]  # noqa: S311  # nobody's secret


class Door:
    """What stands before a route that faults may strike."""

    def __init__(self, app: ASGIApp, in_force: InForce) -> None:
        self.app = app
        self._in_force = in_force

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or do not."""
        if self._in_force.grades:
            await self._in_force.suffer()
        await self.app(scope, receive, send)


async def show(request: Request) -> Response:
    """Every fault there is."""
    return _respond({"faults": [_told(request, name) for name in FAULTS]})


async def strike(request: Request) -> Response:
    """Put one in force."""
    name = _name(request)
    try:
        given = orjson.loads(await admin.body(request))
    except orjson.JSONDecodeError:
        raise HTTPException(400, 'The body is not JSON, such as {"share": 0.5}.') from None
    try:
        grade = FAULTS[name].complete(given)
    except ValueError as error:
        raise HTTPException(422, str(error)) from None
    _in_force(request).strike(name, grade)
    return _respond(_told(request, name))


async def heal(request: Request) -> Response:
    """Undo one."""
    name = _name(request)
    _in_force(request).heal(name)
    return _respond(_told(request, name))


async def heal_all(request: Request) -> Response:
    """Undo all."""
    _in_force(request).heal_all()
    return await show(request)


def _in_force(request: Request) -> InForce:
    return cast(InForce, request.app.state.faults)


def _name(request: Request) -> str:
    name: str = request.path_params["name"]
    if name not in FAULTS:
        raise HTTPException(404, f"There is no such fault; there are {', '.join(FAULTS)}.")
    return name


def _told(request: Request, name: str) -> dict[str, object]:
    fault = FAULTS[name]
    takes = {parameter: str(number) for parameter, number in fault.takes.items()}
    return {"name": name, "does": fault.does, "takes": takes, "grade": _in_force(request).grades.get(name)}


def _respond(body: object) -> Response:
    return Response(orjson.dumps(body), headers={"Cache-Control": "no-store"}, media_type="application/json")
