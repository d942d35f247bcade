"""Health probes of the live service, and nine faults of its dependencies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace

import httpx

from tests.conftest import like
from workshop_kit.engine import containers
from workshop_kit.engine.stack import Stack
from workshop_kit.faults.injection import fault
from workshop_kit.observe import http
from workshop_kit.observe.http import Answer
from workshop_kit.patience import wait_for

PATIENCE_SECONDS = 40.0
INTERVAL_SECONDS = 0.02
PATHS = ("/health", "/readyz", "/livez")


def probe(url: str, path: str) -> Answer:
    """Send one probe on a connection of its own."""
    return http.get(url + path, timeout_seconds=PATIENCE_SECONDS)


def probe_paths(url: str, count: int) -> dict[str, list[Answer]]:
    """Send ``count`` probes to each of PATHS one after the other, the paths at the same time."""

    def series(path: str) -> list[Answer]:
        answers = []
        for _ in range(count):
            answers.append(probe(url, path))
            time.sleep(INTERVAL_SECONDS)
        return answers

    with ThreadPoolExecutor(len(PATHS)) as pool:
        return dict(zip(PATHS, pool.map(series, PATHS), strict=True))


def slowest_seconds(answers: list[Answer]) -> float:
    """The longest time."""
    return max(answer.seconds for answer in answers)


def p99_seconds(answers: list[Answer]) -> float:
    """The 99th percentile."""
    return sorted(answer.seconds for answer in answers)[max(0, int(len(answers) * 0.99) - 1)]


def wait_answer(holds: Callable[[], bool]) -> float:
    """Poll until an answer is the expected one; return the seconds. A request that fails counts as not yet."""
    started = time.monotonic()

    def answered() -> bool:
        with suppress(OSError, httpx.HTTPError):
            return holds()
        return False

    assert wait_for(answered, PATIENCE_SECONDS)
    return time.monotonic() - started


def wait_ready(url: str) -> float:
    """Wait until readiness is 200; return the seconds."""
    return wait_answer(lambda: probe(url, "/readyz").status == 200)


@contextmanager
def twin(stack: Stack, **settings: str) -> Iterator[str]:
    """Run a copy of the stack's service with other settings; yield its URL."""
    spec = like(stack.container("service"))
    kept = {name: value for name, value in spec.environment.items() if name.removesuffix("_FILE") not in settings}
    with containers.run(stack.session, replace(spec, environment=kept | settings)) as running:
        running.wait_ready("/livez", within_seconds=PATIENCE_SECONDS)
        yield running.url()


Break = Callable[[Stack], AbstractContextManager[str]]


def _fault(name: str, *services: str, **parameters: float) -> Break:
    @contextmanager
    def in_force(stack: Stack) -> Iterator[str]:
        with ExitStack() as block:
            for service in services:
                block.enter_context(fault(name, stack, service, **parameters))
            yield stack.url()

    return in_force


FAULTS: Mapping[str, Break] = {
    "paused": _fault("pause", "master-db"),
    "refusing": _fault("down", "master-db"),
    "slow": _fault("latency", "master-db", latency_ms=700),
    "wrong password": lambda stack: twin(stack, MASTER_DB_PASSWORD="not the password"),
    "no such name": lambda stack: twin(stack, MASTER_DB_HOST="no-such-database.invalid"),
    "reset": _fault("reset", "redis"),
    "half open": _fault("half_open", "master-db"),
    "half open, backlog full": _fault("half_open", "redis", backlog_full=True),
    "two at once": _fault("pause", "master-db", "redis"),
}
"""Nine faults of dependencies, each a block inside which it is in force."""
