"""Fixtures of all tests: the real engine, a workspace of the tests' own, and its running stack.

Without an engine these fixtures fail. ``./workshop test`` installs one, or leaves out the tests that need it.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from tests.commands import Cli, copy_of_the_checkout

# What talks to the engine is imported by the fixture that needs it: a test without one begins at once.
if TYPE_CHECKING:
    import httpx
    from _pytest.terminal import TerminalReporter

    from workshop_kit.engine.container_spec import Spec
    from workshop_kit.engine.reach import Engine
    from workshop_kit.engine.session import Session
    from workshop_kit.engine.stack import Stack
    from workshop_kit.workspace.folder import Workspace

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure(config: pytest.Config) -> None:
    """Handle Ctrl-C also in the background of a script, where SIGINT is ignored by default."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


SLOWEST_FILES = 10
PREPARING = "WORKSHOP_TEST_PREPARES"  # `workshop_dev.suite`, which is slow to import, sets it


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Say which files took longest, all workers added up."""
    seconds: dict[str, float] = {}
    for report in chain.from_iterable(terminalreporter.stats.values()):
        if isinstance(report, pytest.TestReport):
            file = report.nodeid.partition("::")[0]
            seconds[file] = seconds.get(file, 0.0) + report.duration
    for file in sorted(seconds, key=seconds.__getitem__, reverse=True)[:SLOWEST_FILES]:
        terminalreporter.write_line(f"{seconds[file]:7.1f} s  {file}")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark tests with an engine by their fixture, and the browser's by their folder; keep each file on one worker.

    Tests with a group of their own (``xdist_group``) share something costly: they begin first.
    """
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker("browser")
            item.add_marker(pytest.mark.xdist_group("browser"))
    own = {item.nodeid for item in items if item.get_closest_marker("xdist_group")}
    for item in items:
        if "engine" in getattr(item, "fixturenames", ()):
            item.add_marker("engine")
        if item.nodeid not in own:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    yield  # what is left out is left out, and shuffled is what is shuffled
    items.sort(key=lambda item: item.nodeid.partition("@")[0] not in own)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Prepare engine, images and browser if a chosen test needs them, where ``./workshop test`` leaves it to pytest."""
    may_install = os.environ.pop(PREPARING, "")
    marks = {mark.name for item in session.items for mark in item.iter_markers()}
    if not may_install or session.config.option.collectonly or not marks & {"engine", "browser"}:
        return
    from workshop_dev import suite
    from workshop_kit.engine import docker_group
    from workshop_kit.errors import NotReady

    try:
        suite.prepare(marks, may_install=may_install == "yes")
    except NotReady as error:
        os.environ[PREPARING] = may_install
        docker_group.repeat_as_group_member(error, sys.orig_argv)
        pytest.exit(str(error), returncode=suite.NOT_PREPARED)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio, as the service does."""
    return "asyncio"


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The engine of this machine."""
    from workshop_kit.engine import reach

    return reach.connect()


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace of the tests' own; its path has a space, as people's paths do."""
    from workshop_kit.workspace.folder import Workspace

    return Workspace.open(tmp_path_factory.mktemp("tests") / "my workspace")


@pytest.fixture(scope="session")
def session(engine: Engine, workspace: Workspace) -> Iterator[Session]:
    """The tests' session; everything that a test leaves in it is removed at the end."""
    from workshop_kit import provision
    from workshop_kit.engine import cleanup

    session = provision.session_of(workspace, engine)
    yield session
    outcome = cleanup.remove(session, {"kernel", "workspace"})
    assert not outcome.left


@pytest.fixture(scope="session")
def images(engine: Engine) -> dict[str, str]:
    """The tags of the workshop's images, by name; they are all built."""
    from workshop_kit.engine import images as engine_images
    from workshop_kit.engine import recipes

    assert engine_images.missing(engine, ROOT) == []
    return recipes.tags(ROOT)


@pytest.fixture(scope="module")
def seat_image_tag(engine: Engine, session: Session, images: dict[str, str]) -> Iterator[str]:
    """The image of a seat, built on this machine's engine; it is removed if the machine had none before."""
    from workshop_kit.engine import images as engine_images
    from workshop_room import seat_server

    had_one = engine_images.has_image(engine, seat_server.tag())
    yield seat_server.build(session)
    if not had_one:
        engine.client.images.remove(seat_server.tag())


@pytest.fixture(scope="session")
def stack(session: Session, workspace: Workspace, images: dict[str, str]) -> Stack:
    """The stack of the tests' workspace, up and healthy at least once."""
    from workshop_kit import provision

    stack = provision.stack_of(workspace, session)
    stack.up()
    return stack


@contextlib.contextmanager
def own_stack(folder: Path) -> Iterator[Stack]:
    """The stack of a workspace of a test's own, not up; nothing that was made for it may be left."""
    from workshop_kit import provision
    from workshop_kit.engine import cleanup, reach
    from workshop_kit.workspace.folder import Workspace

    workspace = Workspace.open(folder)
    session = provision.session_of(workspace, reach.connect())
    try:
        yield provision.stack_of(workspace, session)
    finally:
        assert cleanup.remove(session, {"kernel", "workspace"}).left == []


def code_blocks(page: Path, language: str) -> list[str]:
    """The blocks of code in this language on a page of Markdown."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def write_notebook(workspace: Workspace, name: str, sources: Sequence[str]) -> Path:
    """Write a notebook of code cells into a workspace."""
    from nbformat import v4, writes

    from workshop_kit.workspace.lab_settings import KERNEL

    kernel = {"name": KERNEL, "display_name": "Container Design Workshop", "language": "python"}
    cells = [v4.new_code_cell(source, id=f"cell-{n}") for n, source in enumerate(sources)]  # type: ignore[no-untyped-call]
    notebook = v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})  # type: ignore[no-untyped-call]
    path = workspace.notebooks / f"{name}.ipynb"
    path.parent.mkdir(exist_ok=True)
    path.write_text(writes(notebook))  # type: ignore[no-untyped-call]
    return path


def like(container: Any, **changes: Any) -> Spec:
    """Return the spec of an existing container, with changes."""
    from workshop_kit.engine.container_spec import Spec
    from workshop_kit.engine.labels import SERVICE, service_in

    config = container.attrs["Config"]
    host = container.attrs["HostConfig"]
    networks = list(container.attrs["NetworkSettings"]["Networks"])
    mounts = container.attrs["Mounts"]
    labels = config["Labels"] or {}
    service = service_in(labels)
    spec = Spec(
        image=config["Image"],
        environment=dict(pair.split("=", 1) for pair in config["Env"] or []),
        network=networks[0] if networks else None,
        ports=tuple(int(port.split("/")[0]) for port in host["PortBindings"] or {}),
        tmpfs=host["Tmpfs"] or {},
        read_only=host["ReadonlyRootfs"],
        memory_bytes=host["Memory"] or None,
        cpus=host["NanoCpus"] / 1e9 or None,
        pids=host["PidsLimit"],
        cap_drop=tuple(host["CapDrop"] or ()),
        security_opt=tuple(host["SecurityOpt"] or ()),
        dns_options=tuple(host["DnsOptions"] or ()),
        labels={SERVICE: service} if service else {},
        healthcheck=config.get("Healthcheck"),
        more={
            "volumes": [f"{mount['Source']}:{mount['Destination']}:ro" for mount in mounts if mount["Type"] == "bind"]
        },
    )
    return replace(spec, **changes)


def restore(stack: Stack) -> None:
    """Make every container run and be healthy."""
    for container in stack.containers().values():
        if container.status == "paused":
            container.unpause()
    stack.up()


@pytest.fixture
def live_stack(stack: Stack) -> Iterator[Stack]:
    """The running stack, restored before and after each test."""
    restore(stack)
    yield stack
    restore(stack)


@pytest.fixture
def open_path(tmp_path: Path) -> Path:
    """A folder of the test's own that other users of this machine may enter, too."""
    above = [folder for folder in tmp_path.parents if Path(tempfile.gettempdir()) in folder.parents]
    for folder in (tmp_path, *above):  # pytest closes them; a worker's lie one deeper than those of a single process
        folder.chmod(folder.stat().st_mode | stat.S_IROTH | stat.S_IXOTH)
    return tmp_path


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    """A client without a proxy."""
    import httpx

    with httpx.Client(trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def clean_environment() -> dict[str, str]:
    """The environment without the variables of the workshop and of Docker."""
    steering = ("WORKSHOP_", "DOCKER_", "CONDA_", "COMPOSE_")
    return {key: value for key, value in os.environ.items() if not key.startswith(steering)}


def free_port() -> int:
    """Find a free port."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


@pytest.fixture
def empty_workspace(tmp_path: Path) -> Workspace:
    """A workspace without lessons."""
    from workshop_kit.workspace.folder import Workspace

    return Workspace.open(tmp_path / "my workspace", source=tmp_path / "nothing")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A checkout without a Python environment and without git, in a folder whose name has a space."""
    return copy_of_the_checkout(tmp_path / "a check out", "docs", "tests", "benchmarks")


@pytest.fixture
def environment(clean_environment: dict[str, str], root: Path) -> dict[str, str]:
    """The environment that the launcher makes."""
    return {**clean_environment, "PYTHONPATH": str(root), "COLUMNS": "80"}


@pytest.fixture
def cli(root: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """Run the command line as the launcher does, in this process: the imports are what takes its time.

    Its workspace is not the checkout's, which may be in use.
    """
    from workshop_kit.cli import main

    environment["WORKSHOP_WORKSPACE"] = str(tmp_path_factory.getbasetemp() / "workspace of commands")

    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        out = io.StringIO()
        err = io.StringIO()
        with (
            mock.patch.dict(os.environ, environment | variables, clear=True),
            mock.patch.object(sys, "argv", ["./workshop", *words]),
            contextlib.chdir(root),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            main()
        assert isinstance(ended.value.code, int)
        return subprocess.CompletedProcess(words, ended.value.code, out.getvalue(), err.getvalue())

    return run
