"""Fixtures of the service's tests: a valid environment, and the service in this process or as one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pytest
import structlog
from starlette.applications import Starlette
from structlog.typing import EventDict

import app
import config
import metrics
from tests.conftest import free_port
from workshop_kit.observe import http
from workshop_kit.observe.http import Answer
from workshop_kit.patience import wait_for

ROOT = Path(__file__).parents[2]
SERVICE = ROOT / "workshop_app"
PATIENCE_SECONDS = 60
DB_PASSWORD = "db-canary-5e1f09"
REPLICA_PASSWORD = "replica-canary-90d2e4"
REDIS_PASSWORD = "redis-canary-77ab3c"
SETTINGS = {
    "MASTER_DB_HOST": "master-db",
    "MASTER_DB_PORT": "3306",
    "MASTER_DB_NAME": "orders",
    "MASTER_DB_USER": "app",
    "MASTER_DB_PASSWORD": DB_PASSWORD,
    "MASTER_DB_SQL_MODE": "TRADITIONAL",
    "REPLICA_DB_HOST": "replica-db",
    "REPLICA_DB_PORT": "3306",
    "REPLICA_DB_NAME": "orders",
    "REPLICA_DB_USER": "app",
    "REPLICA_DB_PASSWORD": REPLICA_PASSWORD,
    "REPLICA_DB_SQL_MODE": "TRADITIONAL",
    "REDIS_HOST": "redis",
    "REDIS_PORT": "6379",
    "REDIS_PASSWORD": REDIS_PASSWORD,
}
"""The required settings."""


def good_environ() -> dict[str, str]:
    """An environment that the service accepts; no server listens at its addresses."""
    addresses = {f"{name}_HOST": "127.0.0.1" for name in ("MASTER_DB", "REPLICA_DB", "REDIS")}
    ports = {f"{name}_PORT": str(free_port()) for name in ("MASTER_DB", "REPLICA_DB", "REDIS", "HTTP")}
    return {**SETTINGS, **addresses, **ports, "HTTP_DRAIN_SECONDS": "0.5"}


def load(environ: Mapping[str, str]) -> config.Settings:
    """Return the settings in an environment. Raises ValidationError."""
    with patch.dict(os.environ, environ, clear=True):
        return config.Settings()


def application(**settings: str) -> Starlette:
    """An application over dependencies that do not answer; its metrics begin anew."""
    for metric in (metrics.REQUESTS, metrics.DURATION, metrics.UP):
        metric.clear()
    return app.create(load(good_environ() | settings))


async def ask(
    application: Starlette, path: str, method: str = "GET", body: bytes = b"", headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """Send one request to an application, without a server between: hundreds take a second."""
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        return await client.request(method, path, content=body, headers=headers)


@pytest.fixture(autouse=True)
def log_lines() -> Iterator[list[EventDict]]:
    """The events that the service's code logs in this process."""
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        yield lines


class Service:
    """The service as a process of its own, seen from outside: exit code, output, HTTP."""

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self.port = environ["HTTP_PORT"]
        self.url = f"http://127.0.0.1:{self.port}"
        self._stdout = folder / "stdout"
        self._stderr = folder / "stderr"
        with self._stdout.open("wb") as stdout, self._stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-B", "main.py"],
                env={"PATH": os.environ["PATH"], **environ},
                cwd=SERVICE,
                stdout=stdout,
                stderr=stderr,
            )

    def ask(
        self, path: str, method: str = "GET", content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own."""
        url = self.url + path
        patience = PATIENCE_SECONDS
        return http.request(method, url, content=content, headers=headers, timeout_seconds=patience)

    def wait_for(self, path: str, words: str) -> Answer:
        """Poll a path until its answer has these words; fail if the process ends."""

        def is_over(answer: Answer) -> bool:
            return words in answer.body or self.process.poll() is not None

        answer = wait_for(partial(self.ask, path), PATIENCE_SECONDS, until=is_over)
        assert words in answer.body, f"{path} never answered {words!r}; the log: {self.output} {self.errors}"
        return answer

    def stop(self) -> int:
        """Send SIGTERM and wait; return the exit code."""
        self.process.terminate()
        return self.wait()

    def wait(self) -> int:
        """Wait for the end; return the exit code."""
        return self.process.wait(PATIENCE_SECONDS)

    @property
    def output(self) -> str:
        """What it has written to stdout."""
        return self._stdout.read_text()

    @property
    def errors(self) -> str:
        """What it has written to stderr."""
        return self._stderr.read_text()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Every line so far; fails on one that is not a JSON object."""
        lines = [json.loads(line) for line in self.output.split("\n")[:-1]]
        assert all(isinstance(line, dict) for line in lines)
        return lines


@contextmanager
def started(folder: Path, **settings: str) -> Iterator[Service]:
    """The service without its dependencies, until the end of the block."""
    service = Service(good_environ() | settings, folder)
    try:
        service.wait_for("/readyz", "no answer from")
        yield service
    finally:
        service.process.kill()
        service.wait()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service of the test's own."""
    with started(tmp_path) as service:
        yield service


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for the tests of a module that only send requests."""
    with started(tmp_path_factory.mktemp("service")) as service:
        yield service
