"""A command that is ended from outside leaves nothing in the engine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.waiting import wait_until
from tests.workshop_kit.engine.kernels import things
from workshop_kit.engine.reach import Engine
from workshop_kit.workspace.folder import Workspace

pytestmark = [pytest.mark.engine, pytest.mark.long, pytest.mark.usefixtures("images")]
SIGNALS = [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL]
BEGIN_SECONDS, GONE_SECONDS = 120, 60


@contextmanager
def command(root: Path, folder: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command at work, as ``./workshop`` runs it, on the workspace in ``folder``."""
    environment = {**os.environ, "WORKSHOP_WORKSPACE": str(folder)}
    # A suite in a script's background inherits that SIGINT and SIGHUP are ignored.
    line = ["env", "--default-signal=HUP,INT,TERM", sys.executable, "-P", "-m", "workshop_kit.cli", *words]
    with subprocess.Popen(line, cwd=root, env={**environment, "PYTHONPATH": str(root)}) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_begun(process: subprocess.Popen[bytes], holds: Callable[[], object]) -> None:
    """Wait until something holds; fail if the process ends before."""

    def begun() -> object:
        found = holds()
        assert found or process.poll() is None, "it has ended too soon"
        return found

    wait_until(begun, timeout_seconds=BEGIN_SECONDS)


def workspace_id(folder: Path) -> str:
    """The id of the workspace in a folder, or nothing while there is none."""
    path = folder / ".workshop" / "id"
    return path.read_text().strip() if path.is_file() else "none yet"


@pytest.mark.parametrize("signum", SIGNALS)
def test_a_check_leaves_nothing(engine: Engine, root: Path, tmp_path: Path, signum: signal.Signals) -> None:
    """SIGTERM and SIGHUP end it like Ctrl-C; after SIGKILL its reaper removes the container."""
    session = Workspace.open(tmp_path / "mine").id
    with command(root, tmp_path / "mine", "check", "container.graceful") as check:
        wait_begun(check, lambda: things(engine, session))
        check.send_signal(signum)
        assert check.wait(GONE_SECONDS) == (-signum if signum == signal.SIGKILL else 130)
    wait_until(lambda: not things(engine, session), timeout_seconds=GONE_SECONDS)


@pytest.mark.xdist_group("tour folder")
@pytest.mark.parametrize("signum", SIGNALS)
def test_a_tour_leaves_nothing(engine: Engine, root: Path, tmp_path: Path, signum: signal.Signals) -> None:
    """The stack of the tour's own workspace is gone, too, and the next tour may begin."""
    folder = root / "build" / "tour" / "workspace"
    with command(root, tmp_path / "mine", "tour", "00", "--no-install") as tour:
        wait_begun(tour, lambda: len(things(engine, workspace_id(folder))) >= 7)
        time.sleep(2)
        tour.send_signal(signum)
        tour.wait(GONE_SECONDS)
    wait_until(lambda: not things(engine, workspace_id(folder)), timeout_seconds=GONE_SECONDS)


@pytest.mark.xdist_group("tour folder")
def test_down_removes_what_a_killed_tour_has_left(engine: Engine, root: Path, tmp_path: Path) -> None:
    """Where the reaper was killed as well (a power cut), ``down`` sweeps the workspaces below build/tour."""
    folder = root / "build" / "tour" / "workspace"
    with command(root, tmp_path / "mine", "tour", "00", "--no-install") as tour:
        wait_begun(tour, lambda: len(things(engine, workspace_id(folder))) >= 7)
        for child in psutil.Process(tour.pid).children(recursive=True):
            child.kill()
        tour.kill()
        tour.wait()
    assert things(engine, workspace_id(folder))
    with command(root, tmp_path / "mine", "down") as down:
        assert down.wait(GONE_SECONDS) == 0
    assert things(engine, workspace_id(folder)) == []


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_jump_is_ended_like_ctrl_c(engine: Engine, root: Path, tmp_path: Path, signum: signal.Signals) -> None:
    """``goto`` ends with the exit code of Ctrl-C; the stack is the workspace's, so it stays for ``down``."""
    session = Workspace.open(tmp_path / "mine").id
    with command(root, tmp_path / "mine", "goto", "01") as goto:
        wait_begun(goto, lambda: things(engine, session))
        goto.send_signal(signum)
        assert goto.wait(GONE_SECONDS) == 130
    with command(root, tmp_path / "mine", "down") as down:
        assert down.wait(GONE_SECONDS) == 0
    assert things(engine, session) == []
