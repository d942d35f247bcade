"""A pause ends with the process that made it, also if that is killed; one of a running process stays."""

from __future__ import annotations

import json
import shlex
import subprocess
from functools import partial
from pathlib import Path

import pytest
from docker.errors import APIError

from tests.commands import Cli
from tests.workshop_kit.engine.kernels import kernel
from workshop_kit.engine import containers, markers
from workshop_kit.engine.client import WorkspaceClient
from workshop_kit.engine.client_containers import FREEZE_TRIES, freeze
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import Exit, WorkshopError
from workshop_kit.faults import active_fault
from workshop_kit.faults.injection import fault, revert_all
from workshop_kit.patience import wait_for
from workshop_kit.reporting import Step
from workshop_kit.trials.service_trial import ensure_up
from workshop_kit.workspace.folder import Workspace

pytestmark = pytest.mark.engine

PAUSES = """
import sys, time
from contextlib import ExitStack
from pathlib import Path
from workshop_kit.engine import reach, reaper
from workshop_kit.engine.client import WorkspaceClient
from workshop_kit.faults.injection import fault
from workshop_kit import provision
from workshop_kit.workspace.folder import Workspace

workspace = Workspace.open(Path(sys.argv[1]))
session = provision.session_of(workspace, reach.connect())
stack = provision.stack_of(workspace, session)
with ExitStack() as block:
    for word in sys.argv[2:]:
        how, _, name = word.partition(":")
        if how == "reaper":
            reaper.watch(session, provision.REVERT_FAULTS)
        elif how == "fault":
            block.enter_context(fault("pause", stack, name))
        else:
            WorkspaceClient(session).containers.get(name).pause()
    print(session.maker, flush=True)
    time.sleep(300)
"""
"""A notebook that pauses containers in a cell or by a fault; without a reaper, as if that was killed with it."""


def paused(stack: Stack) -> set[str]:
    """The services of a stack that are paused."""
    return {name for name, container in stack.containers().items() if container.status == "paused"}


def test_what_a_killed_notebook_has_paused_goes_on(
    live_stack: Stack, workspace: Workspace, root: Path, engine: Engine, images: dict[str, str]
) -> None:
    """After kill -9 ``up`` says which goes on, and the stack is healthy; containers of others stay paused."""
    foreign = engine.client.containers.run(images["base"], ["sleep", "600"], detach=True, network_mode="none")
    steps: list[Step] = []
    try:
        foreign.pause()
        with kernel(root, workspace.folder, PAUSES, "cell:master-db", "cell:replica-db", "fault:redis") as notebook:
            assert paused(live_stack) == {"master-db", "replica-db", "redis"}
            notebook.kill()
        assert paused(live_stack) == {"master-db", "replica-db", "redis"}

        live_stack.up(report=steps.append)
        foreign.reload()
        assert foreign.status == "paused"
    finally:
        foreign.remove(force=True)

    assert {container.health for container in live_stack.containers().values()} == {"healthy"}
    sentences = {f"{step.task} {step.detail}" for step in steps if step.done}
    assert {f"{name} was paused, and goes on" for name in ("master-db", "replica-db", "redis")} <= sentences
    assert markers.find(live_stack.session) == []
    assert revert_all(live_stack.session, live_stack.session.made_or_dead) == []
    assert active_fault.find(live_stack.session) == []


@pytest.mark.long
@pytest.mark.parametrize("how", ["cell", "fault"])
def test_what_a_running_notebook_has_paused_stays(
    live_stack: Stack, workspace: Workspace, root: Path, cli: Cli, how: str
) -> None:
    """``up`` and a check say at once who holds it; doctor and status name it, and what to do once that has ended."""
    place = {"WORKSHOP_WORKSPACE": str(workspace.folder)}
    with kernel(root, workspace.folder, PAUSES, f"{how}:redis") as notebook:
        with pytest.raises(WorkshopError, match=f"redis is paused by process {notebook.process.pid}, a notebook"):
            live_stack.up()
        with pytest.raises(WorkshopError, match=r"redis is paused, so nothing can be checked\. Revert that fault"):
            ensure_up(live_stack)
        live_stack.up("master-db")
        assert revert_all(live_stack.session, live_stack.session.made_or_dead) == []
        assert paused(live_stack) == {"redis"}
        assert pauses_in_doctor(cli, place) == ("n/a", f"redis is paused by process {notebook.process.pid}")
        assert "redis is paused by process" in cli("status", **place).stderr
        notebook.kill()

    assert pauses_in_doctor(cli, place) == ("fixable", "redis is paused: it answers nothing")
    [sentence] = json.loads(cli("status", "--json", **place).stdout)["paused"]
    assert "Run docker unpause" in sentence
    ensure_up(live_stack)
    assert paused(live_stack) == set()
    assert pauses_in_doctor(cli, place)[0] == "good"
    assert json.loads(cli("status", "--json", **place).stdout)["paused"] == []
    assert revert_all(live_stack.session, live_stack.session.made_or_dead) == []


def pauses_in_doctor(cli: Cli, place: dict[str, str]) -> tuple[str, str]:
    """The state of doctor's line about pauses, and the beginning of what it says."""
    process = cli("doctor", "--json", **place)
    (line,) = (finding for finding in json.loads(process.stdout)["findings"] if finding["name"] == "Pauses")
    assert (process.returncode == Exit.GOOD) is (line["state"] != "fixable")
    assert bool(line["command"]) is (line["state"] != "good")
    return line["state"], line["detail"].partition(", ")[0]


def test_the_command_of_doctor_ends_a_pause_by_hand(live_stack: Stack, workspace: Workspace, cli: Cli) -> None:
    """Nobody has written such a pause down; a check asks first, and the command that doctor shows is right."""
    live_stack.container("redis").pause()
    with pytest.raises(WorkshopError, match=r"redis is paused, so nothing can be checked\. Run docker unpause"):
        ensure_up(live_stack)
    assert revert_all(live_stack.session, live_stack.session.made_or_dead) == []
    assert paused(live_stack) == {"redis"}
    report = json.loads(cli("doctor", "--json", WORKSHOP_WORKSPACE=str(workspace.folder)).stdout)
    (line,) = (finding for finding in report["findings"] if finding["name"] == "Pauses")
    subprocess.run(shlex.split(line["command"], comments=True), check=True, stdout=subprocess.DEVNULL)
    assert paused(live_stack) == set()


def test_what_this_notebook_has_paused_goes_on_when_it_is_wanted(live_stack: Stack) -> None:
    """A cell's pause ends by ``up`` of all or of that service; a fault of this notebook does not."""
    redis = WorkspaceClient(live_stack.session).containers.get("redis")
    redis.pause()
    live_stack.up("master-db")
    assert paused(live_stack) == {"redis"}
    with pytest.raises(APIError):
        redis.pause()
    assert len(markers.find(live_stack.session)) == 1, "the second one failed, the first one stands"
    live_stack.up("redis")
    assert (paused(live_stack), markers.find(live_stack.session)) == (set(), [])

    with fault("pause", live_stack, "redis"), pytest.raises(WorkshopError, match="redis is paused by process"):
        live_stack.up()
    assert (paused(live_stack), markers.find(live_stack.session)) == (set(), [])


@pytest.mark.long
def test_a_reaper_ends_the_pauses_of_its_notebook(
    own: Session, images: dict[str, str], root: Path, tmp_path: Path
) -> None:
    """It needs no ``up``: the container goes on a moment after the notebook was killed."""
    spec = Spec(images["base"], command=("sleep", "600"), network="none")
    running = containers.run(own, spec, scope="workspace")
    with kernel(root, tmp_path / "own", PAUSES, "reaper", f"cell:{running.id}") as notebook:
        assert running.inspect()["State"]["Paused"]
        notebook.kill()
        assert wait_for(lambda: not running.inspect()["State"]["Paused"], 60)
    assert wait_for(lambda: markers.find(own) == [], 60)


def test_a_killed_notebook_does_not_end_the_pause_of_another(
    own: Session, images: dict[str, str], root: Path, tmp_path: Path
) -> None:
    """Two notebooks pause a container each, one is killed: its reaper ends its own pause alone."""
    spec = Spec(images["base"], command=("sleep", "600"), network="none")
    first = containers.run(own, spec, scope="workspace")
    second = containers.run(own, spec, scope="workspace")

    def is_paused(running: containers.Running) -> bool:
        return bool(running.inspect()["State"]["Paused"])

    with kernel(root, tmp_path / "own", PAUSES, "reaper", f"cell:{first.id}") as staying:
        with kernel(root, tmp_path / "own", PAUSES, "reaper", f"cell:{second.id}") as killed:
            assert (is_paused(first), is_paused(second)) == (True, True)
            killed.kill()
            assert wait_for(lambda: [marker.maker for marker in markers.find(own)] == [staying.maker], 60)
        assert (is_paused(first), is_paused(second)) == (True, False)
        staying.kill()
        assert wait_for(lambda: not is_paused(first) and not markers.find(own), 60)


def test_a_busy_kernel_is_asked_again() -> None:
    """It may not freeze a container at once; any other refusal is told at once, and so is the last one."""
    attempts: list[str] = []

    def refuse(reason: str, times: int) -> None:
        attempts.append(reason)
        if attempts.count(reason) <= times:
            raise APIError(reason)

    freeze(partial(refuse, "OCI runtime pause failed: unable to freeze", 2))
    for reason, tries in (("No such container", 1), ("unable to freeze at all", FREEZE_TRIES)):
        with pytest.raises(APIError, match=reason):
            freeze(partial(refuse, reason, 99))
        assert attempts.count(reason) == tries
