"""Lessons in trouble: cells out of order, an engine that restarts, a full disk. The right result, or one sentence."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.lessons.cells import LessonKernel, Ran, python_inside
from tests.private_engine import PrivateEngine, filled, small_disk
from tests.workshop_kit.learn.waiting import wait_until
from workshop_kit.engine.labels import SCOPE, SESSION
from workshop_kit.learn.workspace import Workspace

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]
LESSONS = ("00_start", "01_container")
SWEPT_SECONDS = 60  # it aims for three; a busy machine takes longer
FULL = re.compile(r"(is full|No space left on device)\. Free some space")
SLEEPER = 'w.run("mine", Spec(w.image("base"), command=("sleep", "600"), network="none"))'
PRELUDE = "from workshop_kit.engine.spec import Spec\nfrom workshop_kit.learn.lesson import lesson\nw = lesson('x')\n"
UP = """
import sys
from pathlib import Path
from workshop_kit.errors import WorkshopError
from workshop_kit.engine import reach
from workshop_kit.learn import ready
from workshop_kit.learn.workspace import Workspace
try:
    workspace = Workspace.open(Path(sys.argv[1]))
    ready.stack_of(workspace, ready.session_of(workspace, reach.connect())).up()
except WorkshopError as error:
    print(error)
"""


def complaints(runs: Iterable[Ran]) -> list[str]:
    """What was neither good nor told in a sentence."""
    return [f"{ran.cell}: {ran.error}: {ran.told}" for ran in runs if not ran.is_good_or_a_sentence]


def errors(runs: Iterable[Ran]) -> list[str]:
    """Whatever was not good."""
    return [f"{ran.cell}: {ran.error}: {ran.told}" for ran in runs if ran.error]


def kernels_own(own: PrivateEngine, workspace: Workspace) -> list[str]:
    """What a kernel made for itself and is still there."""
    client = own.client()
    labels = {"label": [f"{SESSION}={workspace.id}", f"{SCOPE}=kernel"]}
    names = [str(container.name) for container in client.containers.list(all=True, filters=labels, ignore_removed=True)]
    client.close()
    return names


@pytest.mark.parametrize("lesson", LESSONS)
def test_cells_out_of_order_and_twice(own_engine: PrivateEngine, own_workspace: Workspace, lesson: str) -> None:
    """Bottom to top, every cell is right or says which one to run first; then, top to bottom, all of it is right."""
    with LessonKernel(own_engine, own_workspace, lesson) as kernel:
        setup, *others = kernel.ids
        before = kernel.run(others[0])
        assert "There is no `w` yet: it is made by the set-up cell, the first one." in before.told
        assert errors([kernel.run(setup)]) == []
        assert complaints(kernel.run(cell) for cell in reversed(others)) == []
        for cell in kernel.ids:
            assert errors([kernel.run(cell)]) == []
            assert complaints([kernel.run(cell)]) == []


@pytest.mark.parametrize(("lesson", "last"), [("00_start", "works"), ("01_container", "two-ways")])
def test_an_engine_restarted_in_mid_lesson(
    own_engine: PrivateEngine, own_workspace: Workspace, lesson: str, last: str
) -> None:
    """The cells after it are right or say what to do; the set-up cell and the cells from there are right again."""
    with LessonKernel(own_engine, own_workspace, lesson) as kernel:
        done = kernel.ids[: kernel.ids.index(last) + 1]
        following = kernel.ids[len(done) : len(done) + 3]
        assert errors(map(kernel.run, done)) == []
        own_engine.restart()
        assert complaints(map(kernel.run, following)) == []
        assert errors(map(kernel.run, [*done, *following])) == []


def test_an_engine_that_is_gone_and_comes_back(own_engine: PrivateEngine, own_workspace: Workspace) -> None:
    """While it is away every cell says so in the words of the doctor; when it is back, the set-up cell heals."""
    with LessonKernel(own_engine, own_workspace, "00_start") as kernel:
        done = kernel.ids[: kernel.ids.index("works") + 1]
        assert errors(map(kernel.run, done)) == []
        own_engine.stop()
        try:
            without = [kernel.run(cell) for cell in ("setup", "naive", "ask-config", "ask-monitoring", "tidy")]
        finally:
            own_engine.start()
        assert complaints(without) == []
        assert all("The Docker engine at" in ran.told or "No Docker engine" in ran.told for ran in without)
        assert errors(map(kernel.run, done)) == []


@pytest.mark.parametrize("while_away", [False, True], ids=["dies after a restart", "dies while the engine is away"])
def test_the_reaper_survives_a_restarted_engine(
    own_engine: PrivateEngine, own_workspace: Workspace, while_away: bool
) -> None:
    """What a killed kernel made is gone in time, although the engine was restarted between."""
    kernel = LessonKernel(own_engine, own_workspace, "00_start")
    try:
        assert errors([kernel.run_source("make", PRELUDE + SLEEPER)]) == []
        own_engine.stop()
        if while_away:
            os.kill(kernel.pid, signal.SIGKILL)
        own_engine.start()
        if not while_away:
            assert len(kernels_own(own_engine, own_workspace)) == 1
            os.kill(kernel.pid, signal.SIGKILL)
        wait_until(lambda: kernels_own(own_engine, own_workspace) == [], timeout_seconds=SWEPT_SECONDS)
    finally:
        kernel.end()


def test_a_full_disk_under_the_engine(own_engine: PrivateEngine, own_workspace: Workspace) -> None:
    """Neither the stack nor a container comes up, and both say why; with space again both do."""
    with LessonKernel(own_engine, own_workspace, "00_start") as kernel:
        assert errors([kernel.run_source("prelude", PRELUDE)]) == []
        with filled(own_engine.folder / "data"):
            full = [kernel.run("setup"), kernel.run_source("mine", SLEEPER)]
            assert complaints(full) == []
            assert all("no space left on device" in ran.told for ran in full)
        assert errors([kernel.run("setup"), kernel.run_source("mine", SLEEPER)]) == []


def test_a_full_disk_under_the_workspace(own_engine: PrivateEngine, own_workspace: Workspace, tmp_path: Path) -> None:
    """The set-up cell, and ``up`` at the terminal, say that the disk is full; with space again they work."""
    with small_disk(tmp_path / "disk", 16 * 1024**2) as disk:
        workspace = Workspace.open(disk / "workspace")
        with LessonKernel(own_engine, workspace, "00_start") as kernel:
            with filled(disk):
                full = kernel.run("setup")
                command, environment = python_inside(own_engine, UP, workspace.folder)
                said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
                assert complaints([full]) == []
                assert FULL.search(full.told)
                assert FULL.search(said.stdout)
            assert errors([kernel.run("setup")]) == []
