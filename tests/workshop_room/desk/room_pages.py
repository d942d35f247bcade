"""Requests to a desk's pages, and a desk on recorded state, without a stack."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pandas as pd

from workshop_kit.observe.watcher import Tables
from workshop_room.desk.audience import Audience, RequestLines
from workshop_room.desk.controller import LINE_COLUMNS, Controller
from workshop_room.desk.demo import PICTURES
from workshop_room.desk.presenter_api import PresenterApi
from workshop_room.desk.server import InstructorServer
from workshop_room.timetable.track_times import TrackTimes


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


SERVICES = ("master-db", "redis", "replica-db", "service")


class RecordedController:
    """A controller without a stack: its faults and its load are as a test sets them, its tables as it records them."""

    def __init__(self, root: Path) -> None:
        self.audience = Audience()
        self.stack = SimpleNamespace(root=root)
        self.job = None
        self.tables = Tables()
        self.request_lines = RequestLines("demo-tea-for-one")
        self.faults: list[dict[str, Any]] = []
        self.sent: dict[str, Any] | None = None
        self.watcher = SimpleNamespace(tables=lambda: self.tables)
        self.load_generator = SimpleNamespace(state=lambda: self.sent)
        self.active_faults = SimpleNamespace(active_rows=lambda: self.faults, problems=[], revert_all=self.faults.clear)

    def inject(self, fault: str, target: str, parameters: dict[str, Any], seconds: float | None) -> None:
        """Add a fault."""
        active_fault = {"id": str(len(self.faults)), "fault": fault, "target": target, "parameters": parameters}
        self.faults.append(active_fault | {"seconds_left": seconds})

    def load(self, request: str, rate_per_second: int) -> None:
        """Set the load."""
        self.sent = {"request": request, "rate_per_second": rate_per_second}

    def wait_until_well(self) -> None:
        """Everything is well."""

    def services(self) -> list[dict[str, str]]:
        """The containers, all healthy."""
        return [{"name": name, "status": "running", "health": "healthy"} for name in SERVICES]

    def lines(self) -> pd.DataFrame:
        """No line."""
        return pd.DataFrame(columns=LINE_COLUMNS)

    def lines_of(self, _: str) -> RequestLines:
        """The recorded lines."""
        return self.request_lines

    def picture(self) -> dict[str, str]:
        """The picture of the demo's first step."""
        png = (PICTURES / "01-well.png").read_bytes()
        return {"png": base64.b64encode(png).decode(), "alt": "recorded"}


@contextmanager
def open_recorded_pages(root: Path, track: str = "full", start: str = "") -> Iterator[Pages]:
    """Open a desk on recorded state; its track begins at a time of day."""
    controller: Any = RecordedController(root)
    with open_pages(PresenterApi(controller, TrackTimes.of(root, track, start))) as pages:
        yield pages
