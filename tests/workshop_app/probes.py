"""Health probes of the live service, and nine faults of its dependencies."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from workshop_kit.engine import containers
from workshop_kit.engine.spec import like
from workshop_kit.engine.stack import Stack
from workshop_kit.faults.injection import fault

PATIENCE_SECONDS = 40.0
INTERVAL_SECONDS = 0.02
PATHS = ("/health", "/readyz", "/livez")


@dataclass(frozen=True)
class Probe:
    """One answer: its status, and the seconds it took."""

    status: int
    seconds: float


def probe(url: str, path: str) -> Probe:
    """Send one probe on a connection of its own."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE_SECONDS)
    started = time.monotonic()
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return Probe(response.status, time.monotonic() - started)
    finally:
        connection.close()


def probe_paths(
    url: str, count: int, paths: tuple[str, ...] = ("/health", "/readyz", "/livez")
) -> dict[str, list[Probe]]:
    """Send ``count`` probes to each of PATHS one after the other, the paths at the same time."""

    def series(path: str) -> list[Probe]:
        found = []
        for _ in range(count):
            found.append(probe(url, path))
            time.sleep(INTERVAL_SECONDS)
        return found

    with ThreadPoolExecutor(len(PATHS)) as pool:
        return dict(zip(PATHS, pool.map(series, PATHS), strict=True))


def slowest_seconds(found: list[Probe]) -> float:
    """The longest time."""
    return max(one.seconds for one in found)


def p99_seconds(found: list[Probe]) -> float:
    """The 99th percentile."""
    return sorted(one.seconds for one in found)[max(0, int(len(found) * 0.99) - 1)]


def wait_until(holds: Callable[[], bool], what: str, within_seconds: float = PATIENCE_SECONDS) -> float:
    """Poll; return the seconds it took, or fail."""
    started = time.monotonic()
    while time.monotonic() - started < within_seconds:
        try:
            if holds():
                return time.monotonic() - started
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.05)
    raise AssertionError(f"not within {within_seconds} s: {what}")


def wait_ready(url: str, within_seconds: float = PATIENCE_SECONDS) -> float:
    """Wait until readiness is 200; return the seconds."""
    return wait_until(lambda: probe(url, "/readyz").status == 200, "ready", within_seconds)


@contextmanager
def twin(stack: Stack, **settings: str) -> Iterator[str]:
    """Run a copy of the stack's service with other settings; yield its URL."""
    original = stack.container("service")
    environment = dict(pair.split("=", 1) for pair in original.attrs["Config"]["Env"])
    for name in settings:
        environment.pop(f"{name}_FILE", None)
    with containers.run(stack.session, like(original, environment=environment | settings)) as running:
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
