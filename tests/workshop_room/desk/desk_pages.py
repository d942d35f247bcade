"""Requests to a desk's pages, and a controller on recorded state, without a stack."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pandas as pd

from workshop_kit.display.timeline import Timeline
from workshop_kit.faults.injection import InjectedFault
from workshop_kit.observe.watcher import Tables
from workshop_room.desk.audience_view import audience_timeline
from workshop_room.desk.controller import PICTURE_DPI, PICTURE_INCHES, Controller
from workshop_room.desk.log_lines import LogLine
from workshop_room.desk.presenter_api import PresenterApi
from workshop_room.desk.server import InstructorServer

PROBES = ("/livez", "/readyz", "/health")


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

    def do(self, click: str, /, **body: Any) -> httpx.Response:
        """Press a button of the presenter's page."""
        headers = {"Authorization": f"token {self.server.presenter_token}"}
        return self.web.post(f"/presenter/do/{click}", json=body, headers=headers)


@contextmanager
def open_pages(controller: Controller) -> Iterator[Pages]:
    """Serve the pages of a desk."""
    desk = PresenterApi(controller)
    server = InstructorServer()
    server.start(desk)
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False, timeout=60) as web:
        yield Pages(server, desk, web)
    server.stop()


class RecordedController:
    """A controller without a stack: everything is as a test sets it."""

    def __init__(self) -> None:
        self.recorded = Tables()
        self.log: list[LogLine] = []
        self.stopped: list[str] = []
        self.faults: list[InjectedFault] = []
        self.stack = SimpleNamespace()

    def record(self, *, error_percent: float = 0.0, **probes: str) -> None:
        """Record one second: the requests, and the state of each probe, which passes unless it is given."""
        now = datetime.now(UTC)
        requests = {"time": now, "requests_per_second": 20.0, "error_percent": error_percent, "p95_ms": 10.0}
        health = [{"time": now, "what": what, "state": probes.get(what[1:], "pass")} for what in PROBES]
        self.recorded = Tables(requests=pd.DataFrame([requests]), health=pd.DataFrame(health))

    def tables(self) -> Tables:
        """The recorded tables."""
        return self.recorded

    def lines(self) -> list[LogLine]:
        """The recorded log."""
        return self.log

    def stopped_services(self) -> list[str]:
        """The services that were stopped."""
        return self.stopped

    def active_faults(self) -> list[InjectedFault]:
        """The faults that were injected."""
        return self.faults

    def inject(self, fault: str, target: str, parameters: Mapping[str, Any]) -> None:
        """Add a fault."""
        self.faults.append(InjectedFault(fault, target, dict(parameters), datetime.now(UTC)))

    def undo_all(self) -> None:
        """Remove all faults."""
        self.faults.clear()

    def load(self, _rate_per_second: int) -> None:
        """No load is sent."""

    def order(self, request_id: str) -> None:
        """Write the line of a failed order."""
        error = "TimeoutError('<b>QueuePool</b> limit')"
        fields = {"msg": "request", "level": "warning", "status": 503, "duration_ms": 812.4, "error": error}
        self.log.append(LogLine(datetime.now(UTC), {"request_id": request_id, **fields}))

    def wait_until_well(self) -> None:
        """Everything is well."""

    def picture(self) -> dict[str, str]:
        """Two minutes in which the database was away for half a minute."""
        timeline = recorded_timeline()
        png = timeline.png(PICTURE_INCHES, PICTURE_DPI)
        return {"png": base64.b64encode(png).decode(), "alt": timeline.text()}


def recorded_timeline() -> Timeline:
    """Return two minutes in which the database was away for half a minute."""
    end = datetime.now(UTC)
    requests = []
    health = []
    for age in range(120, 0, -1):
        is_away = 40 < age < 70
        time = end - timedelta(seconds=age)
        row = {"time": time, "container": "service", "requests_per_second": 20.0, "refused_per_second": 0.0}
        row |= {"errors_per_second": 20.0 * is_away, "p50_ms": 8.0, "p95_ms": 30.0 + 900 * is_away, "p99_ms": 990.0}
        requests.append(row)
        for what in PROBES:
            state = "fail" if is_away and what != "/livez" else "pass"
            health.append({"time": time, "container": "service", "what": what, "state": state})
    faults = [InjectedFault("kill", "master-db", {}, end - timedelta(seconds=70), end - timedelta(seconds=40))]
    tables = Tables(requests=pd.DataFrame(requests), health=pd.DataFrame(health))
    return audience_timeline(tables, faults, "service", end)
