"""A desk over the tests' running stack, and requests to both its pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.waiting import wait_until
from workshop_kit.engine.stack import Stack
from workshop_kit.faults.injection import Journal
from workshop_kit.instructor.controller import Controller
from workshop_kit.instructor.presenter_api import PresenterApi
from workshop_kit.instructor.server import InstructorServer
from workshop_kit.workspace.folder import Workspace


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

    def get(self, path: str, token: str | None = None) -> httpx.Response:
        """Ask for a path, as the audience unless another token is given ("": none)."""
        token = self.server.audience_token if token is None else token
        return self.web.get(path, params={"token": token} if token else {})

    def state(self) -> Any:
        """What the presenter's page sees."""
        return self.get("/presenter/state", self.server.presenter_token).json()

    def do(self, action: str, /, **body: Any) -> httpx.Response:
        """Press a button."""
        headers = {"Authorization": f"token {self.server.presenter_token}"}
        return self.web.post(f"/presenter/do/{action}", json=body, headers=headers)

    def said(self, action: str, /, **body: Any) -> Any:
        """Press a button that works, and return what it says."""
        answer = self.do(action, **body)
        assert answer.status_code == 200, answer.text
        return answer.json()["said"]


@pytest.fixture(scope="module")
def pages(stack: Stack, workspace: Workspace) -> Iterator[Pages]:
    """An open desk, which leaves no fault."""
    server = InstructorServer()
    with Controller(stack, workspace) as controller:
        desk = PresenterApi(controller)
        server.start(desk)
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False, timeout=60) as web:
            yield Pages(server, desk, web)
        server.stop()
    assert Journal(stack.session).entries() == []


@pytest.fixture(autouse=True)
def nothing_in_force(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test at the desk: undo its faults and wait until everything is healthy."""
    yield
    if "pages" in request.fixturenames:
        pages: Pages = request.getfixturevalue("pages")
        pages.controller.load_generator.stop()
        pages.controller.revert_all()
        stack = pages.controller.stack
        wait_until(lambda: all(one.health == "healthy" for one in stack.containers().values()))
