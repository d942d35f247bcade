"""What every test may ask for: the real engine, a workspace of the tests' own, and its running stack.

Without an engine these fixtures fail. ``./workshop test`` brings one, or leaves out the tests that need it and says so.
"""

from __future__ import annotations

import os
import signal
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import hypothesis
import pytest

from tests.reporting import pytest_deselected, pytest_terminal_summary, pytest_testnodedown
from workshop_kit.engine import cleanup, reach
from workshop_kit.engine import images as engine_images
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.engine.stack import Stack
from workshop_kit.workspace import provision
from workshop_kit.workspace.folder import Workspace

# pytest finds hooks by their names
__all__ = ["pytest_deselected", "pytest_terminal_summary", "pytest_testnodedown"]
ROOT = Path(__file__).resolve().parents[1]

# How long an example takes says nothing on a machine that runs containers and browsers beside it.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")


def pytest_configure(config: pytest.Config) -> None:
    """Hear Ctrl-C even where the suite runs in a script's background, whose programs inherit to ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark what needs an engine, by its fixtures; keep each file with one worker, and begin with the long groups.

    A test that carries a group of its own (``xdist_group``) shares something costly with others, so it takes long.
    """
    own = {item.nodeid for item in items if item.get_closest_marker("xdist_group")}
    for item in items:
        if "engine" in getattr(item, "fixturenames", ()):
            item.add_marker("engine")
        if item.nodeid not in own:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    yield  # what is left out is left out, and shuffled is what is shuffled
    items.sort(key=lambda item: item.nodeid.partition("@")[0] not in own)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio, which is what the service runs on."""
    return "asyncio"


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The engine of this machine."""
    return reach.connect()


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace of the tests' own; its path has a space, as people's paths do."""
    return Workspace.open(tmp_path_factory.mktemp("tests") / "my workspace")


@pytest.fixture(scope="session")
def session(engine: Engine, workspace: Workspace) -> Iterator[Session]:
    """The handle for making things; whatever a test leaves is removed, and must be removable."""
    session = provision.session_of(workspace, engine)
    yield session
    outcome = cleanup.remove(session, {"kernel", "workspace"})
    assert not outcome.left


@pytest.fixture(scope="session")
def images(engine: Engine) -> dict[str, str]:
    """The tags of the workshop's images, by name; they are all built."""
    assert engine_images.missing(engine, ROOT) == []
    return engine_images.tags(ROOT)


@pytest.fixture(scope="session")
def stack(session: Session, workspace: Workspace, images: dict[str, str]) -> Stack:
    """The stack of the tests' workspace, up and healthy at least once."""
    stack = provision.stack_of(workspace, session)
    stack.up()
    return stack


@dataclass(frozen=True)
class LiveStack:
    """The running stack in the hands of a test."""

    stack: Stack
    services: frozenset[str] = frozenset()

    @property
    def url(self) -> str:
        """Where the service answers; it changes when the service is restarted."""
        return self.stack.url("service")

    def pause(self, service: str) -> None:
        """Freeze a service: it accepts connections and never answers."""
        self.stack.container(service).pause()

    def unpause(self, service: str) -> None:
        """Let it go on."""
        self.stack.container(service).unpause()

    def stop(self, service: str) -> None:
        """Stop a service."""
        self.stack.stop(service)

    def start(self, service: str) -> None:
        """Start it again and wait until it is healthy."""
        self.stack.up(service)

    def restart_service(self) -> None:
        """Restart the service under test and wait until it is healthy."""
        self.stack.container("service").restart()
        self.stack.up()

    def service_logs(self) -> list[str]:
        """The lines that the service wrote, oldest first."""
        text: bytes = self.stack.container("service").logs()
        return text.decode().split("\n")[:-1]

    def is_well(self) -> bool:
        """Whether every container is there, runs and is healthy, and the service finds all that it depends on."""
        found = self.stack.containers()
        if self.services - found.keys() or any((c.status, c.health) != ("running", "healthy") for c in found.values()):
            return False
        try:
            answers = [httpx.get(self.url + path, trust_env=False, timeout=5) for path in ("/readyz", "/health")]
        except httpx.HTTPError:
            return False
        return [answer.status_code for answer in answers] == [200, 200] and answers[1].json()["status"] == "pass"

    def mend(self) -> None:
        """Whatever a test did: everything runs, everything is healthy."""
        if self.is_well():
            return  # bringing it up takes seconds, also where there is nothing to do
        for container in self.stack.containers().values():
            if container.status == "paused":
                container.unpause()
        # `up --wait` gives up at once on a container whose last check, made while it was frozen, has failed.
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and any(c.health == "unhealthy" for c in self.stack.containers().values()):
            time.sleep(0.2)
        self.stack.up()


@pytest.fixture(scope="session")
def services(stack: Stack) -> frozenset[str]:
    """The services that the stack begins with."""
    stack.up()
    return frozenset(stack.containers())


@pytest.fixture
def live_stack(stack: Stack, services: frozenset[str]) -> Iterator[LiveStack]:
    """The running stack, mended before and after each test."""
    live = LiveStack(stack, services)
    live.mend()
    yield live
    live.mend()


@pytest.fixture
def open_path(tmp_path: Path) -> Path:
    """A folder of the test's own that other users of this machine may enter, too."""
    above = [folder for folder in tmp_path.parents if Path(tempfile.gettempdir()) in folder.parents]
    for folder in (tmp_path, *above):  # pytest closes them; a worker's lie one deeper than those of a single process
        folder.chmod(folder.stat().st_mode | stat.S_IROTH | stat.S_IXOTH)
    return tmp_path


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    """A client that does not ask a proxy for this machine's own services."""
    with httpx.Client(trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def clean_environment() -> dict[str, str]:
    """The environment without what steers the workshop or Docker."""
    steering = ("WORKSHOP_", "DOCKER_", "CONDA_", "COMPOSE_")
    return {key: value for key, value in os.environ.items() if not key.startswith(steering)}
