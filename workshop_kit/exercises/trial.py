"""Look from outside at a container that runs what a participant wrote.

It is hardened and bounded: it cannot fill memory, processes, the log or the disk. Nothing of this machine is mounted
into it: the stack's passwords are copied into a volume that goes with it. Whatever it does, looking at it ends at the
deadline.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from docker.errors import APIError

from workshop_kit.engine import containers
from workshop_kit.exercises import trial_settings
from workshop_kit.observe import http
from workshop_kit.observe.http import Answer, Connection

DEADLINE_SECONDS = 15.0
START_SECONDS, BUSY_SECONDS = 6.0, 12.0
ANSWER_SECONDS = 2.0
LOOK_SECONDS = 0.02


def busy_seconds() -> float:
    """How much longer a start may take at this moment: 12 s if the machine has more than twice the work it can do."""
    return BUSY_SECONDS if os.getloadavg()[0] > 2 * (os.cpu_count() or 1) else 0.0


def start_seconds() -> float:
    """How long a start may take at this moment."""
    return START_SECONDS + busy_seconds()


class Trial:
    """A running trial. Nothing here raises for what the participant's code does; after the deadline nothing waits."""

    def __init__(
        self,
        running: containers.Running,
        ends_at: float,
        secrets: tuple[str, ...] = (),
        port: int = trial_settings.PORT,
        superseded: threading.Event | None = None,
        files: Collection[str] = (),
    ) -> None:
        self.running = running
        self.files = files
        """The participant's, as paths below /app."""
        self._ends_at = ends_at
        self._secrets = secrets
        self._superseded = superseded or threading.Event()
        self._port = _port(running.inspect(), port)

    def at(self, port: int) -> Trial:
        """The same container, asked at another of the ports that it was run with."""
        return Trial(self.running, self._ends_at, self._secrets, port, self._superseded, self.files)

    @property
    def left_seconds(self) -> float:
        """What is left until the deadline; nothing once a newer check has begun."""
        return 0.0 if self._superseded.is_set() else max(0.0, self._ends_at - time.monotonic())

    def get(
        self, path: str, *, headers: Mapping[str, str] | None = None, within_seconds: float = ANSWER_SECONDS
    ) -> Answer:
        """``GET path`` from outside."""
        return http.get(self._url(path), headers=headers, timeout_seconds=self._at_most(within_seconds))

    def put(self, path: str, body: Any, *, within_seconds: float = ANSWER_SECONDS) -> Answer:
        """``PUT path`` with JSON from outside."""
        seconds = self._at_most(within_seconds)
        return http.request("PUT", self._url(path), json_body=body, timeout_seconds=seconds)

    def post(self, path: str, body: Any, *, within_seconds: float = ANSWER_SECONDS) -> Answer:
        """``POST path`` with JSON from outside."""
        seconds = self._at_most(within_seconds)
        return http.request("POST", self._url(path), json_body=body, timeout_seconds=seconds)

    @contextlib.contextmanager
    def underway(self, path: str, body: Any) -> Iterator[Underway]:
        """A POST of which the service has the headers and half the body: somebody's request in flight."""
        with Connection(self._url(path), timeout_seconds=self._at_most(ANSWER_SECONDS)) as connection:
            yield Underway(self, connection, json.dumps(body).encode())

    def wait_answer(self, path: str, *, status: int = 200, within_seconds: float | None = None) -> bool:
        """Poll a path until it answers with the status; False once the time is up or the container has ended."""
        seconds = start_seconds() if within_seconds is None else within_seconds
        ends_at, pause_seconds = time.monotonic() + self._at_most(seconds), LOOK_SECONDS
        while (answer := self.get(path)).status != status:
            gone = answer.status is None and self.ended is not None
            if gone or time.monotonic() > ends_at:
                return False
            time.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 1.2, 0.25)  # asking keeps a slow machine from answering
        return True

    def wait_ended(self, within_seconds: float) -> int | None:
        """Poll until the container has ended; its exit code, or None if it still runs then."""
        ends_at = time.monotonic() + self._at_most(within_seconds)
        while (code := self.ended) is None and time.monotonic() < ends_at:
            time.sleep(LOOK_SECONDS)
        return code

    @property
    def ended(self) -> int | None:
        """The exit code, or None while it runs."""
        state = self.inspect()["State"]
        return int(state["ExitCode"]) if state["Status"] in {"exited", "dead"} else None

    def inspect(self) -> dict[str, Any]:
        """What ``docker inspect`` says now."""
        return self.running.inspect()

    def signal(self, name: str) -> None:
        """Send a signal (``SIGTERM``) to process 1; one that has ended already is no trouble."""
        with contextlib.suppress(APIError):
            self.running.container.kill(name)

    def stop(self, *, within_seconds: float) -> int:
        """SIGTERM, and SIGKILL after the time; the exit code."""
        self.signal("SIGTERM")
        code = self.wait_ended(within_seconds)
        if code is None:
            self.signal("SIGKILL")
            code = self.wait_ended(ANSWER_SECONDS)
        return 137 if code is None else code

    def lines(self, limit_bytes: int = 4096, limit_lines: int = containers.LOG_TAIL_LINES) -> str:
        """The end of its log: no secrets, no control characters, and no more than this, however much it wrote."""
        text = self.running.log_tail(limit_lines)
        for secret in self._secrets:
            text = text.replace(secret, "(secret)")
        text = re.sub(r"[^\S\n\t ]|[\x00-\x08\x0e-\x1f\x7f-\x9f]", "\N{REPLACEMENT CHARACTER}", text)
        return text.encode()[-limit_bytes:].decode(errors="ignore")

    def _url(self, path: str) -> str:
        """Port 0, which refuses every connection, where the container has none."""
        return f"http://127.0.0.1:{self._port or 0}{path}"

    def _at_most(self, seconds: float) -> float:
        return max(0.05, min(seconds, self.left_seconds))


class Underway:
    """A request that the service is in the middle of receiving."""

    def __init__(self, trial: Trial, connection: Connection, body: bytes) -> None:
        self._trial, self._connection = trial, connection
        self._rest = body[len(body) // 2 :]
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Expect": "100-continue"}
        connection.send_head("POST", headers)
        self.taken = connection.wait_continue(min(ANSWER_SECONDS, trial.left_seconds))
        connection.send(body[: len(body) // 2])

    def finish(self, *, within_seconds: float = ANSWER_SECONDS) -> Answer:
        """Send the rest, and read the answer."""
        self._connection.send(self._rest)
        return self._connection.answer(min(within_seconds, self._trial.left_seconds))


def _port(attributes: Mapping[str, Any], port: int) -> int | None:
    """The port on 127.0.0.1, or None if it ended before it could be reached at all."""
    bindings = (attributes["NetworkSettings"]["Ports"] or {}).get(f"{port}/tcp")
    return int(bindings[0]["HostPort"]) if bindings else None
