"""When a kernel or a command ends, however it ends, what it made for itself is removed, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.workshop_kit.engine import kernels
from tests.workshop_kit.engine.kernels import things
from workshop_kit.engine import cleanup, containers, reaper
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.labels import MAKER, SCOPE
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session, is_dead
from workshop_kit.patience import wait_for
from workshop_kit.workspace import steps

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("images")]
SLEEP = ("sleep", "600")
KERNEL_SCOPE = f"{SCOPE}=kernel"
DEAD = "4194304@0"  # a maker with a number that no process has


@pytest.fixture
def standing(own: Session, images: dict[str, str]) -> Iterator[None]:
    """A container of the workspace's scope: it outlives every kernel."""
    container = containers.run(own, Spec(images["base"], command=SLEEP, network="none"), scope="workspace")
    yield
    assert container.inspect()["State"]["Running"]


def ignored_signals(pid: int) -> int:
    """The signals that a process ignores, a bit each."""
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status["SigIgn"], 16)


@pytest.mark.long
@pytest.mark.usefixtures("standing")
def test_a_kernel_killed_during_a_build_leaves_nothing(
    own: Session, images: dict[str, str], root: Path, tmp_path: Path
) -> None:
    """After kill -9 the builder ends and leaves no image; what has the workspace's scope stays."""
    with kernels.kernel(root, tmp_path / "own", kernels.BUILDS, images["base"]) as victim:
        assert victim.process.stdout is not None
        assert any("RUN echo" in line for line in victim.process.stdout)
        time.sleep(1)  # from here on the builder is silent, so no broken pipe ends it
        assert kernels.builders(victim.maker)
        victim.kill()
        kernels.wait_gone(own.engine, own.identity.workspace_id, victim.maker)
        assert kernels.builders(victim.maker) == []


def test_signals_do_not_stop_the_reaper(own: Session, images: dict[str, str], root: Path, tmp_path: Path) -> None:
    """The reaper ignores SIGINT, SIGTERM and SIGHUP, and a child that the kernel forked does not keep it waiting."""
    with kernels.kernel(root, tmp_path / "own", kernels.FORKS, images["base"]) as victim:
        pid = kernels.the_reaper(victim.maker)
        assert os.getsid(pid) == pid
        assert wait_for(lambda: ignored_signals(pid) & 0x4003 == 0x4003, 60)  # 1, 2 and 15
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(pid, signum)
        victim.process.kill()
        kernels.wait_gone(own.engine, own.identity.workspace_id, victim.maker)


@pytest.mark.usefixtures("standing")
def test_a_living_process_has_one_reaper_until_it_finishes(own: Session, images: dict[str, str]) -> None:
    """Asking twice starts one, which leaves a living process alone; `finish` removes what it made, and the reaper."""
    running = containers.run(own, Spec(images["base"], command=SLEEP, network="none"))
    reaper.watch(own)
    reaper.watch(own)
    pid = kernels.the_reaper(own.maker, own.identity.workspace_id)
    time.sleep(1.2)  # longer than the reaper's next look
    assert running.inspect()["State"]["Running"]
    assert kernels.reapers(own.maker, own.identity.workspace_id) == [pid]
    reaper.finish(own)
    assert kernels.things(own.engine, own.identity.workspace_id, KERNEL_SCOPE) == []
    assert kernels.reapers(own.maker, own.identity.workspace_id) == []


def test_what_appears_after_a_sweep_is_found_by_its_maker(own: Session, images: dict[str, str]) -> None:
    """The engine was creating it when its maker died; what another process made stays."""

    def is_of_dead(maker: str) -> bool:
        return maker == DEAD

    assert cleanup.remove(own, {"kernel"}, is_chosen=is_of_dead).removed == []
    create = own.engine.client.containers.create
    late, living = (
        create(images["base"], list(SLEEP), labels={**own.labels("kernel"), MAKER: maker})
        for maker in (DEAD, own.maker)
    )
    assert [resource.id for resource in cleanup.remove(own, {"kernel"}, is_chosen=is_of_dead).removed] == [late.id]
    assert cleanup.remove(own, {"kernel"}, is_chosen=is_dead).removed == []
    assert [resource.id for resource in cleanup.remove(own, {"kernel"}).removed] == [living.id]


# From here on: commands that are ended from outside.

SIGNALS = [signal.SIGTERM, signal.SIGKILL]
BEGIN_SECONDS = 120
GONE_SECONDS = 60


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
        value = holds()
        assert value or process.poll() is None, "it has ended too soon"
        return value

    assert wait_for(begun, BEGIN_SECONDS)


@contextmanager
def tour(engine: Engine, root: Path, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A tour whose stack is there."""
    with command(root, tmp_path / "mine", "tour", "00", "--no-install") as running:
        wait_begun(running, lambda: len(things_of_tour(engine, root)) >= 7)
        yield running


def things_of_tour(engine: Engine, root: Path) -> list[str]:
    """What the workspace of a tour has in the engine."""
    path = root / "build" / "tour" / "workspace" / ".workshop" / "id"
    return things(engine, path.read_text().strip()) if path.is_file() else []


@pytest.mark.long
@pytest.mark.parametrize("signum", SIGNALS)
@pytest.mark.parametrize(
    ("words", "afterwards"),
    [
        pytest.param(("check", "container.graceful"), (), id="check"),
        pytest.param(("goto", "01"), ("down",), id="goto"),  # the stack that it was starting stays until `down`
    ],
)
def test_a_command_leaves_nothing(
    own: Session, root: Path, tmp_path: Path, words: Sequence[str], afterwards: Sequence[str], signum: signal.Signals
) -> None:
    """SIGTERM ends it like Ctrl-C; after SIGKILL its reaper removes what it made, and nothing stays paused."""
    workspace = tmp_path / "own"
    for path, file in steps.files_after(steps.before(steps.load(root), "01b")).items():
        (workspace / path).parent.mkdir(parents=True, exist_ok=True)
        (workspace / path).write_text(file.text)
    session = own.identity.workspace_id
    with command(root, workspace, *words) as running:
        wait_begun(running, lambda: things(own.engine, session))
        running.send_signal(signum)
        assert running.wait(GONE_SECONDS) == (-signum if signum == signal.SIGKILL else 130)
    for word in afterwards:
        with command(root, workspace, word) as last:
            assert last.wait(GONE_SECONDS) == 0
    assert wait_for(lambda: not things(own.engine, session), GONE_SECONDS)


@pytest.mark.long
@pytest.mark.xdist_group("tour folder")
@pytest.mark.parametrize("signum", SIGNALS)
def test_a_tour_leaves_nothing(engine: Engine, root: Path, tmp_path: Path, signum: signal.Signals) -> None:
    """The stack of the tour's own workspace is gone, too, and the next tour may begin."""
    with tour(engine, root, tmp_path) as running:
        time.sleep(2)
        running.send_signal(signum)
        running.wait(GONE_SECONDS)
    assert wait_for(lambda: not things_of_tour(engine, root), GONE_SECONDS)


@pytest.mark.long
@pytest.mark.xdist_group("tour folder")
def test_down_removes_what_a_killed_tour_has_left(engine: Engine, root: Path, tmp_path: Path) -> None:
    """Where the reaper was killed as well (a power cut), ``down`` sweeps the workspaces below build/tour."""
    with tour(engine, root, tmp_path) as running:
        for child in psutil.Process(running.pid).children(recursive=True):
            child.kill()
        running.kill()
        running.wait()
    assert things_of_tour(engine, root)
    with command(root, tmp_path / "mine", "down") as down:
        assert down.wait(GONE_SECONDS) == 0
    assert things_of_tour(engine, root) == []
