"""What the desk does with one workspace's stack: load, faults, checkpoints; and what it observes meanwhile."""

from __future__ import annotations

import base64
import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

import pandas as pd
from docker.errors import DockerException

from workshop_kit import provision
from workshop_kit.display.timeline import Timeline
from workshop_kit.engine import reaper
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.faults import injection
from workshop_kit.observe import http
from workshop_kit.observe.logs import EngineLog
from workshop_kit.observe.logs.lines import assemble, parse_fields
from workshop_kit.observe.watcher import Watcher, WatchTarget
from workshop_kit.patience import patient
from workshop_kit.reporting import Report, Step, silent
from workshop_kit.workspace.course import find_lesson
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.lab_settings import trust
from workshop_room.desk.audience import Audience, RequestLines, grade
from workshop_room.desk.audience_view import audience_timeline
from workshop_room.desk.desk_faults import ORDER, DeskFaults, LoadGenerator, engine_errors_as_sentences

SERVICE = "service"
PICTURE_INCHES = (9.6, 5.4)
PICTURE_DPI = 200
"""1920 × 1080 pixels; its letters are twice as high as those of a notebook's picture."""
PICTURE_AGE_SECONDS = 2.0
ANSWER_SECONDS = 10.0
JOB_SECONDS = 120.0
"""How long closing waits for a running checkpoint: half of one is no good state."""
WELL_WITHIN_SECONDS = 40.0
WELL_SECONDS = 5.0
WELL_POLL_SECONDS = 0.25
LINE_COLUMNS = ["time", "grade", "request_id", "text"]
LINES_READ = 10_000
LINES_SHOWN = 50
FIND_SECONDS = 0.5


@dataclass(frozen=True)
class JobState:
    """The progress of a job that goes to a checkpoint: ``text`` is its current step, or its result at the end.

    ``fraction`` is None if it is not known how much is done.
    """

    text: str
    fraction: float | None = None
    runs: bool = True


@dataclass
class Controller:
    """Controls one workspace's stack from `open` to `close`, which leaves the stack as it was.

    The methods may be called from any thread and raise WorkshopError in one sentence.
    """

    stack: Stack
    workspace: Workspace
    audience: Audience = field(default_factory=Audience)
    job: JobState | None = None

    def __post_init__(self) -> None:
        self.active_faults = DeskFaults(self.stack)
        self.load_generator = LoadGenerator(self.stack)
        target = WatchTarget(SERVICE, self.stack.project, SERVICE)
        session = self.stack.session
        self.watcher = Watcher(session.engine, session.identity.workspace_id, target)

        self._closing = threading.Event()
        self._action_lock = threading.Lock()
        self._job_thread = threading.Thread()

        self._picture: dict[str, str] = {}
        self._drawn_at = float("-inf")
        self._drawing_lock = threading.Lock()

    def open(self, report: Report = silent) -> Self:
        """Bring the stack up and start to watch. A reaper reverts the faults if this process is killed."""
        injection.revert_all(self.stack.session, report=report)
        self.stack.up(report=report)
        reaper.watch(self.stack.session, provision.REVERT_FAULTS)
        self.watcher.start()
        return self

    def close(self) -> None:
        """End the load, revert every fault, stop watching. Raises WorkshopError for faults that stay."""
        with self._action_lock:
            self._closing.set()
        if self._job_thread.is_alive():
            self._job_thread.join(JOB_SECONDS)
        self.load_generator.stop()
        try:
            self.active_faults.revert_all()
        finally:
            self.watcher.stop()

    def inject(self, fault: str, target: str, parameters: Mapping[str, Any], seconds: float | None = None) -> None:
        """Inject a fault for ``seconds``, or until it is reverted."""
        with self._exclusive_action():
            self.active_faults.inject(fault, target, parameters, seconds)

    def load(self, request: str, rate_per_second: int) -> None:
        """Send requests at a rate from now on; a load that runs already is replaced."""
        with self._exclusive_action():
            self.load_generator.start(request, rate_per_second)

    def order(self, request_id: str) -> int | None:
        """Place one order with a request id; return the status, None without an answer."""
        url = f"{self.stack.url()}/orders"
        headers = {"X-Request-ID": request_id}
        return http.request("POST", url, json_body=ORDER, headers=headers, timeout_seconds=ANSWER_SECONDS).status

    def wait_until_well(self) -> None:
        """Wait until the service is healthy and no request has failed for some seconds. Raises WorkshopError."""
        began = time.monotonic()
        well_since: float | None = None
        while well_since is None or time.monotonic() - well_since < WELL_SECONDS:
            if not self._is_well():
                well_since = None
            elif well_since is None:
                well_since = time.monotonic()

            is_late = time.monotonic() - began > patient(WELL_WITHIN_SECONDS)
            if is_late or self._closing.wait(WELL_POLL_SECONDS):
                raise WorkshopError(
                    "The service did not become healthy.", "Look at its state, and revert the other faults."
                )

    def go_to(self, lesson: str) -> None:
        """Start a job that brings workspace and containers to the start of a lesson; ``job`` has its progress."""
        name = find_lesson(lesson, self.stack.root / "notebooks")
        with self._exclusive_action():
            self.job = JobState(f"To the start of {name}")
            self._job_thread = threading.Thread(target=self._run_job, args=(name,), name="desk: job", daemon=True)
            self._job_thread.start()

    def _run_job(self, name: str) -> None:
        """Run the job of `go_to`: ``job`` has its progress, and at the end its outcome."""

        def report(step: Step) -> None:
            progress = f"To the start of {name}. {step.task}: {step.detail}"
            self.job = JobState(progress.removesuffix(": "), step.fraction)

        outcome = "It ended with an unexpected error; the terminal shows it."
        try:
            with engine_errors_as_sentences():
                self.load_generator.stop()
                self.active_faults.revert_all()
                service = ExerciseService.of(self.workspace, lambda: self.stack, self.stack.root)
                result = checkpoint.goto(service, name, report)
                outcome = " ".join(result.sentences())
                trust(self.workspace)
        except WorkshopError as error:
            outcome = str(error)
        finally:
            self.job = JobState(outcome, 1.0, runs=False)

    def lines(self) -> pd.DataFrame:
        """Return the newest lines of the service's log: ``time`` (UTC), ``grade``, ``request_id``, ``text``."""
        rows = []
        # Without the container the table stays empty: a later call reads its lines.
        with contextlib.suppress(WorkshopError, DockerException, OSError):
            log = EngineLog(self.stack.container(SERVICE))
            for line in assemble(log.messages(tail=LINES_READ)):
                fields = parse_fields(line.text)  # empty for a line that is no JSON object
                moment = datetime.fromisoformat(line.received or "")
                request_id = str(fields.get("request_id", ""))
                rows.append((moment, grade(fields), request_id, line.text))

        return pd.DataFrame(rows, columns=LINE_COLUMNS).astype({"time": "datetime64[us, UTC]"})

    def lines_of(self, request_id: str) -> RequestLines:
        """Return the newest lines of one request. It waits a moment first: the last ones may not be written yet."""
        self._closing.wait(FIND_SECONDS)
        lines = self.lines()
        request_lines = lines[lines["request_id"] == request_id][-LINES_SHOWN:]
        return RequestLines(request_id, tuple(zip(request_lines["grade"], request_lines["text"], strict=True)))

    def services(self) -> list[dict[str, str]]:
        """Return the containers of the stack in the engine's words; ``health`` is "" without a health check."""
        rows = []
        for name, container in sorted(self.stack.containers().items()):
            state = container.attrs["State"]
            health = state.get("Health") or {}
            rows.append({"name": name, "status": state["Status"], "health": health.get("Status", "")})
        return rows

    def picture(self) -> dict[str, str]:
        """Return the audience's picture, at most two seconds old: ``png`` (base64) and ``alt``."""
        with self._drawing_lock:
            now = time.monotonic()
            if now - self._drawn_at >= PICTURE_AGE_SECONDS:
                timeline = self.timeline()
                png = timeline.png(PICTURE_INCHES, PICTURE_DPI)
                self._picture = {"png": base64.b64encode(png).decode(), "alt": timeline.text()}
                self._drawn_at = now
            return self._picture

    def timeline(self) -> Timeline:
        """Return what the audience sees of the service."""
        tables = self.watcher.tables()
        faults = injection.history(self.stack.session)
        return audience_timeline(tables, faults, SERVICE, datetime.now(UTC))

    @contextlib.contextmanager
    def _exclusive_action(self) -> Iterator[None]:
        """Keep `close` and other actions waiting during one action.

        Raises WorkshopError while a job runs, and once the desk is being closed.
        """
        with self._action_lock:
            if self.job is not None and self.job.runs:
                raise WorkshopError("A checkpoint job is running.", "Wait until it is ready.")
            if self._closing.is_set():
                raise WorkshopError("The desk is being closed.", "Open it again.")
            yield

    def _is_well(self) -> bool:
        """Return whether the newest /health passes and no request failed in the newest second."""
        tables = self.watcher.tables()
        health_states = tables.health[tables.health["what"] == "/health"]["state"]
        error_rates = tables.requests["errors_per_second"]
        if health_states.empty or error_rates.empty:
            return False
        return bool(health_states.iloc[-1] == "pass" and not error_rates.iloc[-1])
