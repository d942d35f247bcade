"""Requests to a desk's pages, and a desk without a stack that has a live room."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx

from workshop_kit.classroom.protocol import JoinCode
from workshop_kit.instructor.audience import Audience
from workshop_kit.instructor.classroom import RoomApi
from workshop_kit.instructor.controller import Controller
from workshop_kit.instructor.presenter_api import PresenterApi
from workshop_kit.instructor.room_server import open_room
from workshop_kit.instructor.server import InstructorServer
from workshop_kit.lessons.track_times import TrackTimes


@dataclass(frozen=True)
class Pages:
    """The desk's two pages."""

    server: InstructorServer
    desk: PresenterApi
    web: httpx.Client

    @property
    def controller(self) -> Controller:
        """The controller behind the pages."""
        return self.desk.controller

    def state(self) -> Any:
        """Return what the presenter's page sees."""
        return self.get("/presenter/state", self.server.presenter_token).json()

    def get(self, path: str, token: str | None = None) -> httpx.Response:
        """Ask for a path, as the audience unless another token is given ("": none)."""
        token = self.server.audience_token if token is None else token
        return self.web.get(path, params={"token": token} if token else {})

    def do(self, action: str, /, **body: Any) -> httpx.Response:
        """Press a button of the presenter's page."""
        headers = {"Authorization": f"token {self.server.presenter_token}"}
        return self.web.post(f"/presenter/do/{action}", json=body, headers=headers)

    def said(self, action: str, /, **body: Any) -> Any:
        """Press a button that works, and return what it says."""
        answer = self.do(action, **body)
        assert answer.status_code == 200, answer.text
        return answer.json()["said"]


@contextmanager
def open_pages(desk: PresenterApi) -> Iterator[Pages]:
    """Serve the pages of a desk."""
    server = InstructorServer()
    server.start(desk)
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False, timeout=60) as web:
        yield Pages(server, desk, web)
    server.stop()


@dataclass(frozen=True)
class RoomPages(Pages):
    """The pages of a desk without a stack, and requests to its room."""

    code: JoinCode
    api: RoomApi

    @property
    def audience(self) -> Audience:
        """What the room is shown."""
        return self.api.audience

    def ask_room(self, path: str, content: str | None = None) -> httpx.Response:
        """Ask the room, as a participant does; with content, post it."""
        url, headers = f"{self.code.url}{path}", {"Authorization": f"token {self.code.token}"}
        return self.web.request("GET" if content is None else "POST", url, content=content, headers=headers)


@contextmanager
def open_room_pages(root: Path, folder: Path, track: str = "full", start: str = "") -> Iterator[RoomPages]:
    """Open a desk with a room, whose code is kept in a folder; its track begins at a time of day."""
    audience, server = Audience(), open_room(folder / "code", "127.0.0.1")
    controller: Any = SimpleNamespace(audience=audience, stack=SimpleNamespace(root=root), picture=str)
    times = TrackTimes.of(root, track, start)
    api = RoomApi(server.code, audience, root, times)
    server.start(api.classroom)
    with open_pages(PresenterApi(controller, api, times)) as pages:
        yield RoomPages(pages.server, pages.desk, pages.web, server.code, api)
    server.stop()
