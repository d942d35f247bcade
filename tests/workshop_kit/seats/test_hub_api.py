"""Seats are started a few at a time, and one that fails is named."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from workshop_kit.seats import hub_api
from workshop_kit.seats.hub_api import HubApi, start_all

TOKEN = "token of the test"


class Hub(ThreadingHTTPServer):
    """A hub whose seats are pending for two questions after their start; ``broken`` ones end instead."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock, self.broken, self.running = threading.Lock(), {"seat02"}, {"seat03"}
        self.questions: dict[str, int] = {}  # of seats that are pending
        self.posts: list[str] = []
        self.most_pending = 0

    def start(self, name: str) -> None:
        """Begin to start a seat."""
        self.posts.append(name)
        self.questions[name] = 0
        self.most_pending = max(self.most_pending, len(self.questions))

    def state(self, name: str) -> dict[str, Any] | None:
        """Return the state of a seat, as the hub's API does."""
        if name in self.running:
            return {"ready": True, "pending": None}
        if name not in self.questions:
            return None
        self.questions[name] += 1
        if self.questions[name] > 2:
            del self.questions[name]
            if name not in self.broken:
                self.running.add(name)
        return {"ready": False, "pending": "spawn"}


class Handler(BaseHTTPRequestHandler):
    """Answers like JupyterHub: 403 without the token, 404 for a seat that does not run."""

    server: Hub

    def do_GET(self) -> None:
        """Answer with the state of a seat."""
        with self.server.lock:
            state = self.server.state(self.path.split("/")[4]) if self._is_allowed() else None
        self._answer(403 if not self._is_allowed() else 404 if state is None else 200, state)

    def do_POST(self) -> None:
        """Start a seat."""
        with self.server.lock:
            self.server.start(self.path.split("/")[4])
        self._answer(202, {})

    def _is_allowed(self) -> bool:
        return self.headers["Authorization"] == f"token {TOKEN}"

    def _answer(self, status: int, body: dict[str, Any] | None) -> None:
        content = json.dumps(body or {"status": status}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A running hub, asked without a pause."""
    monkeypatch.setattr(hub_api, "POLL_SECONDS", 0.0)
    with Hub() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_all_seats_start_a_few_at_a_time(hub: Hub) -> None:
    """Each is started once, one that runs not at all; never more are pending than allowed; who failed is named."""
    names = [f"seat{number:02}" for number in range(1, 8)]
    assert start_all(HubApi(f"http://127.0.0.1:{hub.server_port}", TOKEN), names, 2) == ["seat02"]
    assert sorted(hub.posts) == [name for name in names if name != "seat03"]
    assert hub.running == {*names} - {"seat02"}
    assert hub.most_pending <= 2


def test_the_token_is_not_shown() -> None:
    """It starts and stops all seats."""
    assert TOKEN not in repr(HubApi("http://127.0.0.1:1", TOKEN))
