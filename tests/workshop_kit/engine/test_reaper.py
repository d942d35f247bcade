"""When a kernel dies, its reaper removes what it made for itself, and nothing else."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workshop_kit.engine import kernels
from workshop_kit.engine import cleanup, containers, reaper, resources
from workshop_kit.engine.labels import MAKER
from workshop_kit.engine.ledger import Entry
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.workspace import lab_settings
from workshop_kit.workspace.folder import Workspace

pytestmark = pytest.mark.engine
SLEEP = ("sleep", "600")
DEAD = "4194304@0"  # a maker with a number that no process has


@pytest.fixture
def own(engine: Engine, tmp_path: Path) -> Iterator[Session]:
    """A session of its own: nothing of it may be left, whatever the test does."""
    session = kernels.session_in(tmp_path / "own", engine)
    yield session
    cleanup.remove(session, {"kernel", "workspace", "machine"})


@pytest.fixture
def standing(own: Session, images: dict[str, str]) -> Iterator[list[str]]:
    """A container, a network and a volume of the workspace's scope: they outlive every kernel."""
    container = containers.run(own, Spec(images["base"], command=SLEEP, network="none"), scope="workspace")
    network = resources.network(own, f"{own.identity.session}-standing", scope="workspace")
    volume = resources.volume(own, f"{own.identity.session}-standing", scope="workspace")
    yield [container.id, network, volume]
    client = own.engine.client
    assert client.containers.get(container.id).status == "running"
    assert client.networks.get(network)
    assert client.volumes.get(volume)


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
    build = (
        "print(session.maker, flush=True)\n"
        "resources.image(session, context, f'{word}:1', on_line=lambda line: print(line, flush=True))\n"
    )
    program = kernels.SETUP.replace("sleep 1", "sleep 100") + build
    with kernels.kernel(root, tmp_path / "own", images["base"], program) as victim:
        assert victim.process.stdout is not None
        assert any("RUN echo" in line for line in victim.process.stdout)
        time.sleep(1)  # from here on the builder is silent, so no broken pipe ends it
        assert kernels.builders(victim.maker)
        victim.kill()
        assert kernels.left_after(own.engine, own.identity.session, victim.maker) == []
        assert kernels.builders(victim.maker) == []


def test_signals_do_not_stop_the_reaper(own: Session, images: dict[str, str], root: Path, tmp_path: Path) -> None:
    """The reaper ignores SIGINT, SIGTERM and SIGHUP, and a child that the kernel forked does not keep it waiting."""
    with kernels.kernel(root, tmp_path / "own", images["base"], kernels.FORKS) as victim:
        [pid] = kernels.reapers(victim.maker)
        assert os.getsid(pid) == pid
        deadline = time.monotonic() + 20
        while ignored_signals(pid) & 0x4003 != 0x4003:  # 1, 2 and 15
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(pid, signum)
        victim.process.kill()
        assert kernels.left_after(own.engine, own.identity.session, victim.maker) == []


def test_a_living_process_has_one_reaper_and_keeps_its_things(own: Session, images: dict[str, str]) -> None:
    """Asking twice starts one; `stop` ends it, and it removes nothing."""
    running = containers.run(own, Spec(images["base"], command=SLEEP, network="none"))
    reaper.watch(own)
    reaper.watch(own)
    [pid] = kernels.reapers(own.maker, own.identity.session)
    time.sleep(1.2)  # longer than the reaper's next look
    assert running.inspect()["State"]["Running"]
    assert kernels.reapers(own.maker, own.identity.session) == [pid]
    reaper.stop(own)
    assert kernels.reapers(own.maker, own.identity.session) == []


@pytest.mark.usefixtures("standing")
def test_finish_removes_what_the_process_made_and_ends_its_reaper(own: Session, images: dict[str, str]) -> None:
    """A command that ends by itself leaves no process; what has the workspace's scope stays."""
    reaper.watch(own)
    containers.run(own, Spec(images["base"], command=SLEEP, network="none"))
    reaper.finish(own)
    assert kernels.things(own.engine, own.identity.session) == []
    assert kernels.reapers(own.maker, own.identity.session) == []


def test_what_appears_after_a_sweep_is_found_by_its_maker(own: Session, images: dict[str, str]) -> None:
    """The engine was creating it when its maker died; what another process made stays."""
    assert cleanup.remove(own, {"kernel"}, made_by=DEAD).removed == []
    create = own.engine.client.containers.create
    late, other = (
        create(images["base"], list(SLEEP), labels={**own.identity.labels("kernel"), MAKER: maker})
        for maker in (DEAD, own.maker)
    )
    assert [entry.id for entry in cleanup.remove(own, {"kernel"}, made_by=DEAD).removed] == [late.id]
    assert cleanup.remove(own, {"kernel"}, spare_the_living=True).removed == []
    assert [entry.id for entry in own.ledger.entries()] == [other.id]


@pytest.mark.long
def test_functions_named_at_the_start_run_before_the_sweep(
    own: Session, images: dict[str, str], root: Path, tmp_path: Path
) -> None:
    """Each is called with a session; one that fails or does not exist stops no sweep."""
    before = ("no_such_module:function", "workshop_kit.workspace.provision:sweep")
    program = kernels.FORKS.replace("reaper.watch(session)", f"reaper.watch(session, {before!r})")
    other = own.engine.client.containers  # made by another dead kernel: only the function named takes it
    labels = {**own.identity.labels("kernel"), MAKER: DEAD}
    theirs = other.create(images["base"], list(SLEEP), labels=labels)
    own.ledger.add(Entry("container", theirs.id, theirs.name, "kernel"))
    with kernels.kernel(root, tmp_path / "own", images["base"], program) as victim:
        victim.process.kill()
        assert kernels.left_after(own.engine, own.identity.session, victim.maker) == []
    assert kernels.things(own.engine, own.identity.session) == []
    assert "no_such_module:function failed" in own.ledger.path.with_name("reaper.log").read_text()


@pytest.mark.long
def test_a_killed_jupyter_kernel_leaves_nothing(own: Session, images: dict[str, str], tmp_path: Path) -> None:
    """A kernel under Jupyter with a lesson's handle is killed with kill -9."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import KernelManager

    workspace = Workspace.open(tmp_path / "own")
    specs = KernelSpecManager(kernel_dirs=[str(lab_settings.install_kernel(workspace))])
    manager = KernelManager(kernel_name=lab_settings.KERNEL, kernel_spec_manager=specs)
    manager.start_kernel(cwd=str(workspace.notebooks))
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=60)
        code = (
            "from workshop_kit.lessons.lesson import lesson\nfrom workshop_kit.engine import containers\n"
            "from workshop_kit.engine.spec import Spec\nit = lesson('00_start')\n"
            f"made = containers.run(it.stack.session, Spec({images['base']!r}, command={SLEEP!r}, network='none'))\n"
            "maker = it.stack.session.maker"
        )
        answer = client.execute_interactive(code, timeout=60, user_expressions={"maker": "maker"}, allow_stdin=False)
        assert answer["content"]["status"] == "ok", answer["content"]
        maker = answer["content"]["user_expressions"]["maker"]["data"]["text/plain"].strip("'")
        assert len(kernels.things(own.engine, own.identity.session, maker)) == 1
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert kernels.left_after(own.engine, own.identity.session, maker) == []
