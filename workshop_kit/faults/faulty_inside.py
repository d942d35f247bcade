"""Runs a service with faults: ``python faulty_inside.py main.py``. The service itself has no code for them.

A request chooses its fault by the header ``X-Fault``. It happens where the handler is called, so the service's own
middleware sees what it would see of a bug. Checks put this file into the container, beside the participant's service.
"""

from __future__ import annotations

import asyncio
import runpy
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

HEADER = "X-Fault"
SLOW_SECONDS = 1.2
GROW_BYTES = 8 * 1024 * 1024

kept: list[bytes] = []


async def error(request: Request) -> None:
    """Fail, as a bug does."""
    prices: dict[str, int] = {}
    prices[f"no price for {request.url.path}"]


async def slow(_: Request) -> None:
    """Answer later."""
    await asyncio.sleep(SLOW_SECONDS)


async def silent(_: Request) -> None:
    """Never answer."""
    await asyncio.Event().wait()


async def grow(_: Request) -> None:
    """Keep memory."""
    kept.append(b"x" * GROW_BYTES)


FAULTS: dict[str, Callable[[Request], Awaitable[None]]] = {
    "error": error,
    "slow": slow,
    "silent": silent,
    "grow": grow,
}


def install() -> None:
    """Let every route look for a fault before it calls its handler."""
    handle = Route.handle

    async def handle_with_fault(route: Route, scope: Scope, receive: Receive, send: Send) -> None:
        """Do the fault that the request asks for, then what the route does."""
        request = Request(scope)
        fault = request.headers.get(HEADER)
        if fault is not None:
            await FAULTS[fault](request)
        await handle(route, scope, receive, send)

    Route.handle = handle_with_fault  # type: ignore[assignment, method-assign]


def run(program: str) -> None:
    """Run a program as Python does: by its path, with its folder as the first place of its modules."""
    install()
    sys.path.insert(0, str(Path(program).resolve().parent))
    sys.argv = [program]
    runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    run(sys.argv[1])
