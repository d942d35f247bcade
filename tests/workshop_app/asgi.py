"""The application without a server between: one call a request, so that ten thousand take seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.types import Message

from tests.workshop_app.conftest import good_environ
from workshop_app import app, config


@dataclass
class Answer:
    """What came back; ``status`` is None if nothing did."""

    status: int | None
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return orjson.loads(self.body)

    @property
    def text(self) -> str:
        """The body, as text."""
        return self.body.decode()


def application(**settings: str) -> Starlette:
    """An application, with metrics loaded, over dependencies that nobody answers for."""
    made = app.create(config.load(good_environ() | settings))
    made.state.metrics.load()
    return made


async def ask(application: Starlette, path: str, method: str = "GET", body: bytes = b"") -> Answer:
    """One request."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [],
        "server": ("service", 80),
        "client": ("client", 1),
        "state": {},
    }
    await application(scope, receive, send)
    starts = [message for message in sent if message["type"] == "http.response.start"]
    headers = {name.decode(): value.decode() for name, value in starts[0]["headers"]} if starts else {}
    return Answer(starts[0]["status"] if starts else None, b"".join(one.get("body", b"") for one in sent), headers)
