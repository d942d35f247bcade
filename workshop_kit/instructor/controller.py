"""All that the desk can do with one workspace's stack: load, faults, checkpoints, and what is seen meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
import pandas as pd

from workshop_kit.engine import reaper
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.exercise_service import Desk
from workshop_kit.faults import injection
from workshop_kit.instructor import clock, clock_svg
from workshop_kit.instructor.active_faults import Force
from workshop_kit.instructor.audience import Room
from workshop_kit.instructor.background_job import Work
from workshop_kit.instructor.load_generator import ORDER, Driving
from workshop_kit.instructor.log_tail import LogLines
from workshop_kit.instructor.ttl_cache import AtMostEvery
from workshop_kit.observe.watch import Subject, Tables, Watcher
from workshop_kit.progress import Report, silent
from workshop_kit.screen import visible
from workshop_kit.workspace import provision
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.lab_settings import trust
from workshop_kit.workspace.lookup import find_lesson

SERVICE = "service"
PICTURE_SECONDS = 120.0
DRAWN_SECONDS, LOOKED_SECONDS = 2.0, 1.0
"""How old a picture, and the state of the containers, may be."""
ANSWER_SECONDS = 10.0
JUMP_SECONDS = 120.0
"""How long closing waits for a checkpoint that is being gone to: half of one is no good stage."""
WELL_WITHIN_SECONDS, WELL_SECONDS = 40.0, 5.0


@dataclass(frozen=True)
class Service:
    """One container of the stack, in the engine's words: ``health`` is "" where nobody asks it how it is."""

    name: str
    status: str
    health: str


@dataclass
class Stage:
    """One workspace's stack in the presenter's hands; a context manager, which leaves the stack as it found it.

    Its methods may be called from any thread, and raise WorkshopError in one sentence where something cannot be.
    """

    stack: Stack
    workspace: Workspace
    room: Room = field(default_factory=Room)
    work: Work = field(default_factory=Work)

    def __post_init__(self) -> None:
        self.force, self.driving = Force(self.stack), Driving(self.stack)
        subject = Subject(SERVICE, self.stack.project, SERVICE)
        self._watcher = Watcher(self.stack.session.engine, self.stack.session.identity.session, [subject])
        self._lines = LogLines(lambda: self.stack.container(SERVICE))
        self._closing = threading.Event()
        self._picture = AtMostEvery(DRAWN_SECONDS, self._draw)
        self._services = AtMostEvery(LOOKED_SECONDS, self._look)

    def open(self, report: Report = silent) -> Self:
        """Bring the stack up and begin to watch. A reaper undoes what is in force, should this process be killed."""
        injection.undo_all(self.stack.session, report=report)
        self.stack.up(report=report)
        reaper.watch(self.stack.session, provision.UNDO_FAULTS)
        self._watcher.start()
        self._lines.start()
        return self

    def close(self) -> list[str]:
        """End the load, undo every fault the desk made, stop watching; return what could not be undone."""
        self._closing.set()
        self.work.wait(JUMP_SECONDS)
        self.driving.close()
        left = self.force.close()
        self._lines.stop()
        self._watcher.stop()
        return left

    def strike(self, fault: str, target: str, parameters: Mapping[str, Any], seconds: float | None = None) -> str:
        """Put a fault in force, for ``seconds`` or until it is undone; return its id."""
        self._require_peace()
        return self.force.strike(fault, target, parameters, seconds)

    def load(self, request: str, rate_per_second: int) -> None:
        """Send requests at a rate from now on, in place of what was sent before."""
        self._require_peace()
        self.driving.start(request, rate_per_second)

    def undo_all(self) -> None:
        """Undo every fault. Raises WorkshopError with what could not be undone."""
        if left := self.force.undo_all():
            raise WorkshopError(" ".join(left), "Run ./workshop down and start again.")

    def order(self, request_id: str) -> int | None:
        """Place one order under an id of ours; return the status, None without an answer."""
        try:
            with httpx.Client(trust_env=False, timeout=ANSWER_SECONDS) as client:
                headers = {"X-Request-ID": request_id}
                return client.post(f"{self.stack.url()}/orders", json=dict(ORDER), headers=headers).status_code
        except httpx.HTTPError:
            return None

    def wait_until_well(self) -> None:
        """Wait until the service says so and no request fails, and a moment longer, for the picture to show it.

        Raises WorkshopError where that does not come.
        """
        deadline = time.monotonic() + WELL_WITHIN_SECONDS
        since: float | None = None
        while since is None or time.monotonic() - since < WELL_SECONDS:
            since = (since or time.monotonic()) if self._is_well() else None
            if time.monotonic() > deadline or self._closing.wait(LOOKED_SECONDS / 4):
                raise WorkshopError("The service does not get well.", "Look at its state, and undo what is left.")

    def go_to(self, lesson: str) -> None:
        """Begin to bring workspace and containers to the start of a lesson; ``work`` says how far it is."""
        desk = Desk.of(self.workspace, lambda: self.stack, self.stack.root)
        name = find_lesson(lesson, self.stack.root / "notebooks")

        def job(report: Report) -> str:
            self.driving.stop()
            self.undo_all()
            arrived = checkpoint.goto(desk, name, self.stack, report)
            trust(self.workspace)
            return " ".join(arrived.sentences())

        self.work.begin(f"To the start of {name}", job)

    @property
    def tables(self) -> Tables:
        """What was gathered about the service in the last minutes."""
        return self._watcher.tables()

    @property
    def lines(self) -> pd.DataFrame:
        """The newest lines of its log; see `lines.LogLines.frame`."""
        return self._lines.frame()

    def lines_of(self, request_id: str) -> Sequence[str]:
        """The lines of one request, as they were written."""
        found = self.lines
        return [visible(text, 600) for text in found[found["request_id"] == request_id]["text"]][-50:]

    def services(self) -> tuple[Service, ...]:
        """How every container of the stack is, at most a second ago."""
        return self._services.get()

    def picture(self) -> str:
        """The room's clock as SVG, at most two seconds old."""
        return self._picture.get()

    def drawing(self, *, seconds: float = PICTURE_SECONDS, alone: bool = False) -> str:
        """The same, drawn now."""
        edge = time.time()
        return clock_svg.svg(
            clock.clock(
                self._watcher.tables(SERVICE, seconds=seconds + 10),
                self._lines.frame(seconds=seconds + 10),
                injection.history(self.stack.session),
                SERVICE,
                edge,
                seconds,
            ),
            alone=alone,
        )

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _draw(self) -> str:
        return self.drawing()

    def _look(self) -> tuple[Service, ...]:
        found = sorted(self.stack.containers().items())
        return tuple(Service(name, str(one.status), _health(one)) for name, one in found)

    def _is_well(self) -> bool:
        """By the newest answer of /health, and the newest second of requests; no request is no failure."""
        tables = self._watcher.tables(SERVICE, seconds=5)
        health = tables.health[tables.health["what"] == "/health"]["state"]
        failed = tables.requests["errors_per_second"]
        return bool(len(health) and health.iloc[-1] == "pass" and len(failed) and not failed.iloc[-1])

    def _require_peace(self) -> None:
        if self.work.runs:
            raise WorkshopError("The stage is being changed just now.", "Wait until it is ready.")


def _health(container: Any) -> str:
    said = container.attrs["State"].get("Health") or {}
    return str(said.get("Status", ""))
