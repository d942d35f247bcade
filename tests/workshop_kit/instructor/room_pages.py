"""A desk without a stack, with a live room, and requests to both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx

from workshop_kit.instructor.audience import Audience
from workshop_kit.instructor.classroom import RoomApi
from workshop_kit.instructor.presenter_api import PresenterApi
from workshop_kit.instructor.room_server import RoomServer, open_room
from workshop_kit.instructor.server import InstructorServer


@dataclass
class RoomPages:
    """A desk without a stack, its room, and requests to both."""

    desk: InstructorServer
    server: RoomServer
    api: RoomApi
    audience: Audience
    web: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=20))

    def get(self, path: str, token: str) -> httpx.Response:
        """Ask the desk for a path."""
        return self.web.get(f"http://127.0.0.1:{self.desk.port}{path}", params={"token": token})

    def do(self, action: str, **body: Any) -> httpx.Response:
        """Press a button of the presenter's page."""
        headers = {"Authorization": f"token {self.desk.presenter_token}"}
        return self.web.post(f"http://127.0.0.1:{self.desk.port}/presenter/do/{action}", json=body, headers=headers)

    def ask_room(self, path: str, content: str | None = None) -> httpx.Response:
        """Ask the room, as a participant does; with content, post it."""
        url, headers = f"{self.server.code.url}{path}", {"Authorization": f"token {self.server.code.token}"}
        return self.web.request("GET" if content is None else "POST", url, content=content, headers=headers)


def controller(root: Path, audience: Audience) -> Any:
    """What a room needs of a controller, which has no stack."""
    return SimpleNamespace(audience=audience, stack=SimpleNamespace(root=root), picture=str)


@contextmanager
def open_room_pages(root: Path, folder: Path) -> Iterator[RoomPages]:
    """Open a desk with a room, whose code is kept in a folder."""
    audience, server, desk = Audience(), open_room(folder / "code", "127.0.0.1"), InstructorServer()
    api = RoomApi(server.code, audience, root)
    desk.start(PresenterApi(controller(root, audience), api))
    server.start(api.classroom)
    yield RoomPages(desk, server, api, audience)
    desk.stop()
    server.stop()
