"""Fixtures of the service's tests: a valid environment, and the service as a real process."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.typing import EventDict

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 20
DB_PASSWORD = "db-canary-5e1f09"
REPLICA_PASSWORD = "replica-canary-90d2e4"
REDIS_PASSWORD = "redis-canary-77ab3c"
SETTINGS = {
    "MASTER_DB_HOST": "master-db",
    "MASTER_DB_PORT": "3306",
    "MASTER_DB_NAME": "workshop",
    "MASTER_DB_USER": "app",
    "MASTER_DB_PASSWORD": DB_PASSWORD,
    "MASTER_DB_SQL_MODE": "TRADITIONAL",
    "REPLICA_DB_HOST": "replica-db",
    "REPLICA_DB_PORT": "3306",
    "REPLICA_DB_NAME": "workshop",
    "REPLICA_DB_USER": "app",
    "REPLICA_DB_PASSWORD": REPLICA_PASSWORD,
    "REPLICA_DB_SQL_MODE": "TRADITIONAL",
    "REDIS_HOST": "redis",
    "REDIS_PORT": "6379",
    "REDIS_PASSWORD": REDIS_PASSWORD,
}
"""The required settings."""


def free_port() -> int:
    """Find a free port."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def good_environ() -> dict[str, str]:
    """An environment that the service accepts; no server listens at its addresses."""
    addresses = {f"{name}_HOST": "127.0.0.1" for name in ("MASTER_DB", "REPLICA_DB", "REDIS", "HTTP")}
    ports = {name.replace("HOST", "PORT"): str(free_port()) for name in addresses}
    return {**SETTINGS, **addresses, **ports, "HTTP_DRAIN_SECONDS": "0.5"}


@pytest.fixture(autouse=True)
def log_lines() -> Iterator[list[EventDict]]:
    """The events that the service's code logs in this process."""
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        yield lines


@pytest.fixture
def environ() -> dict[str, str]:
    """An environment of the test's own, to change at will."""
    return good_environ()


@dataclass
class Answer:
    """An answer of the service."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass
class Service:
    """The service as a process of its own, seen from outside: exit code, output, HTTP."""

    process: subprocess.Popen[bytes]
    port: int
    output: list[bytes] = field(default_factory=list)
    errors: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._readers = [
            threading.Thread(target=lambda: self.output.extend(self.process.stdout or ())),
            threading.Thread(target=lambda: self.errors.extend(self.process.stderr or ())),
        ]
        for reader in self._readers:
            reader.start()

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def wait_for(self, path: str, good: Callable[[Answer], bool]) -> Answer:
        """Poll a path until the answer is good; fail if the process ends."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if good(answer := self.ask(path)):
                    return answer
            except OSError:
                pass
            time.sleep(0.02)
        raise AssertionError(f"{path} never answered as expected; the log: {self.output} {self.errors}")

    def stop(self) -> int:
        """Send SIGTERM and wait; return the exit code."""
        self.process.terminate()
        return self.wait()

    def wait(self) -> int:
        """Wait for the end and the last output; return the exit code."""
        code = self.process.wait(PATIENCE_SECONDS)
        for reader in self._readers:
            reader.join(PATIENCE_SECONDS)
        return code

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Every line so far; fails on one that is not a JSON object."""
        lines = [json.loads(line) for line in self.output]
        assert all(isinstance(line, dict) for line in lines)
        return lines


def run_service(environ: dict[str, str]) -> Service:
    """Start the service with this environment and no other."""
    process = subprocess.Popen(
        [sys.executable, "-m", "workshop_app"],
        env={"PATH": os.environ["PATH"], **environ},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    port = environ.get("HTTP_PORT", "")
    return Service(process, int(port) if port.isdigit() else 0)


@pytest.fixture
def start_service() -> Iterator[Callable[..., Service]]:
    """Return a function that starts a service, which ends with the test."""
    running: list[Service] = []

    def start(environ: dict[str, str]) -> Service:
        running.append(run_service(environ))
        return running[-1]

    yield start
    for service in running:
        service.process.kill()
        service.wait()


@pytest.fixture(scope="module")
def shared_service() -> Iterator[Service]:
    """One service without its dependencies, for the tests of a module that only send requests."""
    service = run_service(good_environ())
    service.wait_for("/readyz", lambda answer: b"no answer from" in answer.body)
    yield service
    service.process.kill()
    service.wait()


@pytest.fixture
def hanging_port() -> Iterator[int]:
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as sock:
        yield sock.getsockname()[1]
