"""Lesson 00 with cells out of order, and a stopped engine: a right result, or one sentence."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError
from jupyter_client.manager import KernelManager

from tests.private_engine import PrivateEngine, private_engine
from workshop_kit.engine.labels import SCOPE, SESSION
from workshop_kit.engine.reach import Engine
from workshop_kit.lessons.lesson import HEADLESS
from workshop_kit.paths import CHECKOUT
from workshop_kit.patience import wait_for
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.lab_settings import KERNEL, install_kernel

pytestmark = [pytest.mark.engine, pytest.mark.long, pytest.mark.timeout(600)]
LESSON = "00_start"
ANSI = re.compile(r"\x1b\[[0-9;]*m")
CELL_SECONDS = 300
SENTENCES = {"WorkshopError", "NotReady", "WrongUsage"}
SWEPT_SECONDS = 60  # it aims for three; a busy machine takes longer
SLEEPER = 'containers.run(w.stack.session, Spec(w.image("base"), command=("sleep", "600"), network="none"))'
PRELUDE = """
from workshop_kit.engine import containers
from workshop_kit.engine.container_spec import Spec
from workshop_kit.lessons.lesson import lesson
w = lesson("x")
"""


@dataclass(frozen=True)
class Ran:
    """The result of one cell: the name and lines of its error."""

    cell: str
    error: str = ""
    lines: str = ""

    @property
    def is_good_or_a_sentence(self) -> bool:
        """Whether it ended well, or with a WorkshopError shown as a sentence."""
        first, *_ = self.lines.split("\n")
        return not self.error or (self.error in SENTENCES and "Traceback" not in self.lines and first.endswith("."))


class LessonKernel:
    """A kernel of a workspace in an engine's namespace."""

    def __init__(self, own: PrivateEngine, workspace: Workspace, lesson: str) -> None:
        cells = json.loads((workspace.notebooks / f"{lesson}.ipynb").read_text())["cells"]
        self._cells = {cell["id"]: "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"}
        kernels = install_kernel(workspace)
        spec = json.loads((kernels / KERNEL / "kernel.json").read_text())
        self._sockets = tempfile.mkdtemp(prefix="kernel")
        # Sockets in a folder: its TCP ports would be out of reach, in another network namespace.
        self._manager = KernelManager(transport="ipc", ip=f"{self._sockets}/k")
        self._manager.kernel_spec.argv = own.inside(*spec["argv"])  # type: ignore[union-attr]
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("DOCKER_", "WORKSHOP_"))}
        notebook = {"JPY_SESSION_NAME": str(workspace.notebooks / f"{lesson}.ipynb"), HEADLESS: "1"}
        environment = {**inherited, **spec["env"], "DOCKER_HOST": own.address, **notebook}
        self._manager.start_kernel(cwd=str(workspace.notebooks), env=environment)
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)

    @property
    def ids(self) -> list[str]:
        """The lesson's code cells, in their order."""
        return list(self._cells)

    @property
    def pid(self) -> int:
        """The kernel's process."""
        return int(self._manager.provisioner.process.pid)  # type: ignore[union-attr]

    def run(self, cell: str) -> Ran:
        """Run one of the lesson's cells."""
        return self.run_source(cell, self._cells[cell])

    def run_source(self, cell: str, source: str) -> Ran:
        """Run any code and wait until it has ended."""
        messages: list[dict[str, Any]] = []
        try:
            self._client.execute_interactive(
                source, allow_stdin=False, output_hook=messages.append, timeout=CELL_SECONDS
            )
        except TimeoutError:
            raise AssertionError(f"{cell} hangs: {messages}") from None
        for content in (message["content"] for message in messages if message["msg_type"] == "error"):
            return Ran(cell, content["ename"], ANSI.sub("", "\n".join(content["traceback"])))
        return Ran(cell)

    def close(self) -> None:
        """End the kernel, as closing its tab does."""
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        shutil.rmtree(self._sockets, ignore_errors=True)


@pytest.fixture(scope="module")
def own_engine(engine: Engine, images: dict[str, str]) -> Iterator[PrivateEngine]:
    """An engine that may be restarted and cut off, with all the images; nothing leads out of its network."""
    with private_engine() as own:
        own.load(engine, images.values())
        yield own


@pytest.fixture
def own_workspace(own_engine: PrivateEngine, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace on the private engine; what was made for it is gone afterwards, and what a test left is, too."""
    yield Workspace.open(tmp_path / "my workspace")
    client = own_engine.client()
    for container in client.containers.list(all=True, ignore_removed=True):
        with suppress(APIError):  # the kernel's reaper is at it, too
            container.remove(v=True, force=True)
    client.networks.prune()
    client.volumes.prune({"all": True})
    client.close()


def complaints(runs: Iterable[Ran]) -> list[str]:
    """The runs that ended with anything but a result or one sentence."""
    return [f"{ran.cell}: {ran.error}: {ran.lines}" for ran in runs if not ran.is_good_or_a_sentence]


def errors(runs: Iterable[Ran]) -> list[str]:
    """The runs that ended with an error."""
    return [f"{ran.cell}: {ran.error}: {ran.lines}" for ran in runs if ran.error]


def kernels_own(own: PrivateEngine, workspace: Workspace) -> list[str]:
    """What a kernel made for itself and is still there."""
    client = own.client()
    labels = {"label": [f"{SESSION}={workspace.id}", f"{SCOPE}=kernel"]}
    names = [str(container.name) for container in client.containers.list(all=True, filters=labels, ignore_removed=True)]
    client.close()
    return names


def test_cells_out_of_order_and_twice(own_engine: PrivateEngine, own_workspace: Workspace) -> None:
    """Bottom to top, every cell is right or says which one to run first; then, top to bottom, all of it is right."""
    with closing(LessonKernel(own_engine, own_workspace, LESSON)) as kernel:
        setup, *other_cells = kernel.ids
        before = kernel.run(other_cells[0])
        assert "There is no `w` yet: it is made by the set-up cell, the first one." in before.lines
        assert errors([kernel.run(setup)]) == []
        assert complaints(kernel.run(cell) for cell in reversed(other_cells)) == []
        for cell in kernel.ids:
            assert errors([kernel.run(cell)]) == []
            assert complaints([kernel.run(cell)]) == []


def test_an_engine_that_goes_and_comes_back(own_engine: PrivateEngine, own_workspace: Workspace) -> None:
    """While it is away every cell says so; back, the next cells are right or say what to do; the set-up cell heals."""
    with closing(LessonKernel(own_engine, own_workspace, LESSON)) as kernel:
        earlier_cells = kernel.ids[: kernel.ids.index("works") + 1]
        following = kernel.ids[len(earlier_cells) : len(earlier_cells) + 3]
        assert errors(map(kernel.run, earlier_cells)) == []
        own_engine.stop()
        try:
            without = [kernel.run(cell) for cell in ("setup", "client", "break", "ask-logs", "ask-monitoring")]
        finally:
            own_engine.start()
        assert complaints(without) == []
        assert all("The Docker engine at" in ran.lines or "No Docker engine" in ran.lines for ran in without)
        assert complaints(map(kernel.run, following)) == []
        assert errors(map(kernel.run, [*earlier_cells, *following])) == []


def test_the_reaper_survives_a_restarted_engine(own_engine: PrivateEngine, own_workspace: Workspace) -> None:
    """What a kernel made is gone in time, although the kernel was killed while the engine was away."""
    with closing(LessonKernel(own_engine, own_workspace, LESSON)) as kernel:
        assert errors([kernel.run_source("make", PRELUDE + SLEEPER)]) == []
        assert len(kernels_own(own_engine, own_workspace)) == 1
        own_engine.stop()
        os.kill(kernel.pid, signal.SIGKILL)
        own_engine.start()
        assert wait_for(lambda: kernels_own(own_engine, own_workspace) == [], SWEPT_SECONDS)


def test_down_after_a_restart_of_the_engine(
    own_engine: PrivateEngine, own_workspace: Workspace, images: dict[str, str]
) -> None:
    """It removes what was made before, since labels say so; a container of somebody else stays."""
    foreign = own_engine.client().containers.create(images["base"], ["true"], name="foreign")
    with closing(LessonKernel(own_engine, own_workspace, LESSON)) as kernel:
        assert errors([kernel.run("setup")]) == []

    own_engine.stop()
    own_engine.start()
    process = own_engine.workshop(CHECKOUT, "down", WORKSHOP_WORKSPACE=str(own_workspace.folder))
    assert process.returncode == 0, process.stderr
    left = own_engine.client().containers.list(all=True, ignore_removed=True)
    assert [container.id for container in left] == [foreign.id]
