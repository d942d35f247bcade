"""When a kernel dies, its reaper removes what it made for itself, and nothing else."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import wait_until
from tests.workshop_kit.engine import kernels
from workshop_kit.engine import cleanup, containers, reaper
from workshop_kit.engine.labels import MAKER, SCOPE
from workshop_kit.engine.session import Entry, Session
from workshop_kit.engine.spec import Spec

pytestmark = pytest.mark.engine
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
        assert kernels.left_after(own.engine, own.identity.session, victim.maker) == []
        assert kernels.builders(victim.maker) == []


def test_signals_do_not_stop_the_reaper(own: Session, images: dict[str, str], root: Path, tmp_path: Path) -> None:
    """The reaper ignores SIGINT, SIGTERM and SIGHUP, and a child that the kernel forked does not keep it waiting."""
    with kernels.kernel(root, tmp_path / "own", kernels.FORKS, images["base"]) as victim:
        pid = kernels.the_reaper(victim.maker)
        assert os.getsid(pid) == pid
        wait_until(lambda: ignored_signals(pid) & 0x4003 == 0x4003)  # 1, 2 and 15
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(pid, signum)
        victim.process.kill()
        assert kernels.left_after(own.engine, own.identity.session, victim.maker) == []


@pytest.mark.usefixtures("standing")
def test_a_living_process_has_one_reaper_until_it_finishes(own: Session, images: dict[str, str]) -> None:
    """Asking twice starts one, which leaves a living process alone; `finish` removes what it made, and the reaper."""
    running = containers.run(own, Spec(images["base"], command=SLEEP, network="none"))
    reaper.watch(own)
    reaper.watch(own)
    pid = kernels.the_reaper(own.maker, own.identity.session)
    time.sleep(1.2)  # longer than the reaper's next look
    assert running.inspect()["State"]["Running"]
    assert kernels.reapers(own.maker, own.identity.session) == [pid]
    reaper.finish(own)
    assert kernels.things(own.engine, own.identity.session, KERNEL_SCOPE) == []
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
    with kernels.kernel(root, tmp_path / "own", program, images["base"]) as victim:
        victim.process.kill()
        assert kernels.left_after(own.engine, own.identity.session, victim.maker) == []
    assert kernels.things(own.engine, own.identity.session, KERNEL_SCOPE) == []
    assert "no_such_module:function failed" in own.ledger.path.with_name("reaper.log").read_text()
