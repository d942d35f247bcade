"""Lesson 00 with cells out of order, a stopped engine, and a full disk: a right result, or one sentence."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from docker.errors import APIError

from tests.lessons.cells import LessonKernel, Ran, python_inside
from tests.private_engine import PrivateEngine, filled, private_engine, small_disk
from tests.workshop_kit.lessons.waiting import wait_until
from workshop_kit.engine.labels import SCOPE, SESSION
from workshop_kit.engine.reach import Engine
from workshop_kit.workspace.folder import Workspace

pytestmark = [pytest.mark.engine, pytest.mark.long, pytest.mark.timeout(600)]
LESSON = "00_start"
SWEPT_SECONDS = 60  # it aims for three; a busy machine takes longer
FULL = re.compile(r"(is full|No space left on device)\. Free some space")
SLEEPER = 'containers.run(w.stack.session, Spec(w.image("base"), command=("sleep", "600"), network="none"))'
PRELUDE = """
from workshop_kit.engine import containers
from workshop_kit.engine.spec import Spec
from workshop_kit.lessons.lesson import lesson
w = lesson("x")
"""
UP = """
import sys
from pathlib import Path
from workshop_kit.errors import WorkshopError
from workshop_kit.engine import reach
from workshop_kit.workspace import provision
from workshop_kit.workspace.folder import Workspace
try:
    workspace = Workspace.open(Path(sys.argv[1]))
    provision.stack_of(workspace, provision.session_of(workspace, reach.connect())).up()
except WorkshopError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def own_engine(engine: Engine, images: dict[str, str]) -> Iterator[PrivateEngine]:
    """An engine that may be restarted, cut off and filled, with all the images; nothing leads out of its network."""
    with private_engine() as own:
        own.load(engine, images.values())
        yield own


@pytest.fixture
def own_workspace(own_engine: PrivateEngine, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace on the private engine; what was made for it is gone afterwards, and what a test left is, too."""
    yield Workspace.open(tmp_path / "my workspace")
    client = own_engine.client()
    for container in client.containers.list(all=True, ignore_removed=True):
        with contextlib.suppress(APIError):  # the kernel's reaper is at it, too
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
    with LessonKernel(own_engine, own_workspace, LESSON) as kernel:
        setup, *others = kernel.ids
        before = kernel.run(others[0])
        assert "There is no `w` yet: it is made by the set-up cell, the first one." in before.lines
        assert errors([kernel.run(setup)]) == []
        assert complaints(kernel.run(cell) for cell in reversed(others)) == []
        for cell in kernel.ids:
            assert errors([kernel.run(cell)]) == []
            assert complaints([kernel.run(cell)]) == []


def test_an_engine_that_goes_and_comes_back(own_engine: PrivateEngine, own_workspace: Workspace) -> None:
    """While it is away every cell says so; back, the next cells are right or say what to do; the set-up cell heals."""
    with LessonKernel(own_engine, own_workspace, LESSON) as kernel:
        done = kernel.ids[: kernel.ids.index("works") + 1]
        following = kernel.ids[len(done) : len(done) + 3]
        assert errors(map(kernel.run, done)) == []
        own_engine.stop()
        try:
            without = [kernel.run(cell) for cell in ("setup", "client", "break", "ask-logs", "ask-monitoring")]
        finally:
            own_engine.start()
        assert complaints(without) == []
        assert all("The Docker engine at" in ran.lines or "No Docker engine" in ran.lines for ran in without)
        assert complaints(map(kernel.run, following)) == []
        assert errors(map(kernel.run, [*done, *following])) == []


def test_the_reaper_survives_a_restarted_engine(own_engine: PrivateEngine, own_workspace: Workspace) -> None:
    """What a kernel made is gone in time, although the kernel was killed while the engine was away."""
    kernel = LessonKernel(own_engine, own_workspace, LESSON)
    try:
        assert errors([kernel.run_source("make", PRELUDE + SLEEPER)]) == []
        assert len(kernels_own(own_engine, own_workspace)) == 1
        own_engine.stop()
        os.kill(kernel.pid, signal.SIGKILL)
        own_engine.start()
        wait_until(lambda: kernels_own(own_engine, own_workspace) == [], timeout_seconds=SWEPT_SECONDS)
    finally:
        kernel.end()


def test_a_full_disk_under_the_engine(own_engine: PrivateEngine, own_workspace: Workspace) -> None:
    """Neither the stack nor a container comes up, and both say why; with space again both do."""
    with LessonKernel(own_engine, own_workspace, LESSON) as kernel:
        assert errors([kernel.run_source("prelude", PRELUDE)]) == []
        with filled(own_engine.folder / "data"):
            full = [kernel.run("setup"), kernel.run_source("mine", SLEEPER)]
            assert complaints(full) == []
            assert all("no space left on device" in ran.lines for ran in full)
        assert errors([kernel.run("setup"), kernel.run_source("mine", SLEEPER)]) == []


def test_a_full_disk_under_the_workspace(own_engine: PrivateEngine, own_workspace: Workspace, tmp_path: Path) -> None:
    """The set-up cell, and ``up`` at the terminal, say that the disk is full; with space again they work."""
    with small_disk(tmp_path / "disk", 16 * 1024**2) as disk:
        workspace = Workspace.open(disk / "workspace")
        with LessonKernel(own_engine, workspace, LESSON) as kernel:
            with filled(disk):
                full = kernel.run("setup")
                command, environment = python_inside(own_engine, UP, workspace.folder)
                said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
                assert complaints([full]) == []
                assert FULL.search(full.lines)
                assert FULL.search(said.stdout)
            assert errors([kernel.run("setup")]) == []
