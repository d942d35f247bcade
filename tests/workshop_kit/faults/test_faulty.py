"""faulty_inside.py: a request with the header X-Fault meets a fault, and the service runs as it does without."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from workshop_kit.faults import faulty_inside as faulty

PROGRAM = """
import sys
import greeting

if __name__ == "__main__":
    print(greeting.TEXT, sys.argv)
"""


async def orders(_: Request) -> Response:
    """Answer."""
    return PlainTextResponse("orders")


async def around(request: Request, answer: RequestResponseEndpoint) -> Response:
    """Turn a bug into an answer that names it."""
    try:
        return await answer(request)
    except KeyError as bug:
        return PlainTextResponse(str(bug), status_code=500)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> httpx.AsyncClient:
    """A client of a service with faults."""
    monkeypatch.setattr(Route, "handle", Route.handle)  # the end of the test brings it back
    monkeypatch.setattr(faulty, "SLOW_SECONDS", 0)
    monkeypatch.setattr(faulty, "kept", [])
    faulty.install()
    app = Starlette(routes=[Route("/orders", orders)], middleware=[Middleware(BaseHTTPMiddleware, dispatch=around)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service")


def ask(client: httpx.AsyncClient, fault: str | None = None) -> httpx.Response:
    """Ask for the orders."""
    headers = {} if fault is None else {faulty.HEADER: fault}
    return asyncio.run(client.get("/orders", headers=headers))


@pytest.mark.parametrize("fault", [None, "slow", "grow"])
def test_it_answers_as_the_service_does(client: httpx.AsyncClient, fault: str | None) -> None:
    """Without the header, after a wait, and with more memory than before."""
    assert ask(client, fault).text == "orders"
    assert bool(faulty.kept) == (fault == "grow")


def test_the_middleware_of_the_service_sees_the_error(client: httpx.AsyncClient) -> None:
    """It passes through the service's own code, as a bug of a handler does."""
    answer = ask(client, "error")
    assert answer.status_code == 500
    assert "no price for /orders" in answer.text


def test_a_silent_service_sends_nothing(client: httpx.AsyncClient) -> None:
    """The client gives up."""

    async def give_up() -> None:
        await asyncio.wait_for(client.get("/orders", headers={faulty.HEADER: "silent"}), 0.2)

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())


def test_the_program_runs_as_python_runs_it(tmp_path: Path) -> None:
    """It is __main__, it imports what stands beside it, and it sees no argument of the wrapper's."""
    (tmp_path / "main.py").write_text(PROGRAM)
    (tmp_path / "greeting.py").write_text('TEXT = "good day"\n')
    command = [sys.executable, str(Path(faulty.__file__)), "main.py"]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert printed.stdout == "good day ['main.py']\n"
