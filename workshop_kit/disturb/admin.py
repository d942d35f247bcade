"""The faults that a service of ours makes in itself: asked for over HTTP at ``/admin/faults``, with HTTP_FAULTS on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import httpx

from workshop_kit.disturb.targets import Case
from workshop_kit.engine import containers
from workshop_kit.errors import WorkshopError

PORT = 8080
PREFIX = "inside."  # before the service's own name of a fault: others of that name come from outside
TIMEOUT_SECONDS = 5.0
STARTING_SECONDS = 20.0  # a service that was just started again does not listen at once


class NotListening(WorkshopError):
    """Nobody took the request, which is something else than an answer that does not come."""


def strike(case: Case) -> None:
    """Ask for the fault. Raises WorkshopError if it cannot be asked, or says no, in its own sentence."""
    _ask(case, "PUT", case.entry.parameters)


def heal(case: Case) -> None:
    """Ask for its end, or for the grade of the same fault that is still in force; one that has stopped has none.

    One that was started again has none either, and may not listen yet: it is given time to.
    """
    same = [other for other in case.others if other.fault == case.entry.fault]
    method, grade = ("PUT", same[-1].parameters) if same else ("DELETE", None)
    deadline = time.monotonic() + STARTING_SECONDS
    while True:
        case.container.reload()
        if not case.container.attrs["State"]["Running"]:
            return
        try:
            _ask(case, method, grade)
        except NotListening:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def _ask(case: Case, method: str, grade: Mapping[str, Any] | None) -> None:
    name, fault = case.entry.name, case.entry.fault.removeprefix(PREFIX)
    url = f"{containers.url_of(case.container.attrs, PORT)}/admin/faults/{fault}"
    try:
        with httpx.Client(trust_env=False, timeout=TIMEOUT_SECONDS) as client:
            answer = client.request(method, url, json=grade)
    except httpx.HTTPError as error:
        kind = NotListening if isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError) else WorkshopError
        what = f"{name} does not answer at /admin/faults ({type(error).__name__})."
        raise kind(what, "Wait until it is ready, then run the cell again.") from error
    if answer.status_code == httpx.codes.NOT_FOUND and method == "DELETE":
        return  # it has no such thing, so none is in force
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise WorkshopError(
            f"{name} has no faults inside: it was started without HTTP_FAULTS=true.",
            'Run one with it: run(session, like(container, environment={..., "HTTP_FAULTS": "true"})).',
        )
    if answer.is_error:
        raise WorkshopError(f"{name} refused the fault {fault!r}: {_sentence(answer)}", "Correct it and run it again.")


def _sentence(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}."
