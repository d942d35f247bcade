"""What the desk does with one workspace's stack: load, faults, requests; and what it measures meanwhile."""

from __future__ import annotations

import base64
import contextlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from docker.errors import APIError, DockerException
from requests.exceptions import RequestException

from workshop_kit.engine.containers import Running
from workshop_kit.engine.reach import engine_reason
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.faults import injection
from workshop_kit.faults.injection import InjectedFault
from workshop_kit.faults.load import RANGES, load
from workshop_kit.observe import http
from workshop_kit.observe.engine_api import EngineUnavailable
from workshop_kit.observe.logs.engine_log import EngineLog
from workshop_kit.observe.logs.lines import assemble
from workshop_kit.observe.watcher import Tables, Watcher, WatchTarget
from workshop_kit.patience import patient, wait_for
from workshop_kit.reporting import Report, silent
from workshop_room.desk.audience_view import audience_timeline
from workshop_room.desk.log_lines import LogLine

SERVICE = "service"
ORDER: Mapping[str, Any] = {"item": "tea", "quantity": 1}
PICTURE_INCHES = (8.0, 4.5)
PICTURE_DPI = 240
"""1920 × 1080 pixels. The fewer inches, the larger are its letters."""
ANSWER_SECONDS = 10.0
WELL_WITHIN_SECONDS = 40.0
WELL_SECONDS = 5.0
LINES_READ = 10_000


@contextlib.contextmanager
def engine_errors_as_sentences() -> Iterator[None]:
    """Raise a WorkshopError for each error of the Docker SDK: what the engine refuses, or that it does not answer."""
    try:
        yield
    except APIError as error:
        raise WorkshopError(
            f"The Docker engine refused: {engine_reason(error)}.", "Click again in a moment."
        ) from error
    except (DockerException, RequestException, ConnectionError, TimeoutError) as error:
        raise EngineUnavailable from error


class Controller:
    """Controls one workspace's stack from `open` to `close`, which leaves the stack as it was.

    The methods may be called from any thread and raise WorkshopError in one sentence.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._watcher: Watcher | None = None  # before `open`
        self._blocks: list[AbstractContextManager[InjectedFault]] = []  # of the faults in force
        self._load: Running | None = None
        self._is_closing = threading.Event()
        self._action_lock = threading.Lock()
        self._drawing_lock = threading.Lock()

    def open(self, report: Report = silent) -> Self:
        """Bring the stack up and start to watch. The command's reaper reverts the faults if this process is killed."""
        injection.revert_all(self.stack.session, self.stack.session.made_or_dead, report)
        self.stack.up(report=report)
        session = self.stack.session
        target = WatchTarget(SERVICE, self.stack.project, SERVICE)
        self._watcher = Watcher(session.engine, session.identity.workspace_id, target).start()
        return self

    def close(self) -> None:
        """End the load, revert every fault, stop watching. Raises WorkshopError for faults that stay."""
        self._is_closing.set()
        with self._action_lock:
            self._end_load()
        try:
            self.undo_all()
        finally:
            if self._watcher is not None:
                self._watcher.stop()

    def inject(self, fault: str, target: str, parameters: Mapping[str, Any]) -> None:
        """Inject a fault until it is undone. Raises WrongUsage if it is in force already."""
        with self._exclusive_action():
            if any(active.fault == fault and active.target == target for active in self.active_faults()):
                raise WrongUsage(f"{fault} of {target} is active already.", "Undo all first.")
            block = injection.fault(fault, self.stack, target, **parameters)
            block.__enter__()
            self._blocks.append(block)

    def undo_all(self) -> None:
        """Revert all faults, newest first, also those of dead processes. Raises WorkshopError for those left."""
        with self._action_lock, engine_errors_as_sentences():
            problems = injection.revert_all(self.stack.session, self.stack.session.made_or_dead)
            self._blocks.clear()  # the end of a block whose fault is reverted changes nothing
        if problems:
            raise WorkshopError(" ".join(problems), "Run ./workshop down and start again.")

    def active_faults(self) -> list[InjectedFault]:
        """Return the faults of this workspace that are in force, oldest first, from all processes."""
        return [fault for fault in injection.history(self.stack.session) if fault.ended is None]

    def load(self, rate_per_second: int) -> None:
        """Order tea at a rate from now on, for two hours at most; a load that runs already is replaced."""
        with self._exclusive_action():
            seconds = RANGES["seconds"][-1]
            new_load = load(
                self.stack, request="POST /orders", json=ORDER, rate_per_second=rate_per_second, seconds=seconds
            )
            self._end_load()
            self._load = new_load

    def order(self, request_id: str) -> int | None:
        """Place one order with a request id; return the status, None without an answer."""
        url = f"{self.stack.url()}/orders"
        headers = {"X-Request-ID": request_id}
        limit_seconds = patient(ANSWER_SECONDS)
        return http.request("POST", url, json_body=ORDER, headers=headers, timeout_seconds=limit_seconds).status

    def wait_until_well(self) -> None:
        """Wait until the service was healthy and no request failed for some seconds. Raises WorkshopError."""

        def is_over() -> bool:
            return self._is_closing.is_set() or self._is_well()

        is_in_time = wait_for(is_over, WELL_WITHIN_SECONDS)
        if self._is_closing.is_set() or not is_in_time:
            raise WorkshopError("The service did not become healthy.", "Undo all, and look at ./workshop status.")

    def tables(self) -> Tables:
        """Return what was measured of the service since `open`."""
        return self._watcher.tables() if self._watcher else Tables()

    def stopped_services(self) -> list[str]:
        """Return the services of the stack whose container does not run."""
        containers = self.stack.containers()
        return sorted(name for name, container in containers.items() if container.status != "running")

    def lines(self) -> list[LogLine]:
        """Return the newest lines of the service's log, oldest first; none while it has no container."""
        with contextlib.suppress(WorkshopError, DockerException, OSError):
            log = EngineLog(self.stack.container(SERVICE))
            return [LogLine.of(line) for line in assemble(log.messages(tail=LINES_READ))]
        return []

    def picture(self) -> dict[str, str]:
        """Return what customers and probes see now: ``png`` (base64), and the same in words, ``alt``."""
        faults = injection.history(self.stack.session)
        timeline = audience_timeline(self.tables(), faults, SERVICE, datetime.now(UTC))
        with self._drawing_lock:
            png = timeline.png(PICTURE_INCHES, PICTURE_DPI)
        return {"png": base64.b64encode(png).decode(), "alt": timeline.text()}

    @contextlib.contextmanager
    def _exclusive_action(self) -> Iterator[None]:
        """Keep other actions waiting during one action. Raises WorkshopError once the desk is being closed."""
        with self._action_lock:
            if self._is_closing.is_set():
                raise WorkshopError("The desk is being closed.", "Open it again.")
            yield

    def _end_load(self) -> None:
        """Remove the container that sends, if there is one."""
        if self._load is not None:
            with contextlib.suppress(APIError, OSError):  # it was removed, or the engine is away
                self._load.remove()
        self._load = None

    def _is_well(self) -> bool:
        """Return whether each /health passed and no request failed in the last WELL_SECONDS."""
        since = datetime.now(UTC) - timedelta(seconds=WELL_SECONDS)
        tables = self.tables()
        health = tables.health[tables.health["time"] > since]
        requests = tables.requests[tables.requests["time"] > since]

        states = health[health["what"] == "/health"]["state"]
        error_rates = requests["errors_per_second"]
        if states.empty or error_rates.empty:
            return False
        return bool((states == "pass").all() and (error_rates == 0).all())
