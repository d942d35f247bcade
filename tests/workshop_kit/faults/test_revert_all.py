"""Faults of processes that died: `revert_all` finds them in the journal and reverts them."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.workshop_kit.engine.kernels import kernel
from tests.workshop_kit.faults.conftest import Shop
from workshop_kit.faults.injection import revert_all
from workshop_kit.faults.journal import Journal
from workshop_kit.workspace import provision
from workshop_kit.workspace.folder import Workspace

pytestmark = pytest.mark.engine

PROGRAM = """
import sys, time
from contextlib import ExitStack
from pathlib import Path
from workshop_kit.faults.injection import fault
from workshop_kit.engine import reach
from workshop_kit.workspace import provision
from workshop_kit.workspace.folder import Workspace

workspace = Workspace.open(Path(sys.argv[1]))
stack = provision.stack_of(workspace, provision.session_of(workspace, reach.connect()))
with ExitStack() as block:
    print("ready", flush=True)
    for word in sys.argv[2:]:
        block.enter_context(fault(*word.split(":")[:1], stack, word.split(":")[1]))
    print("in force", flush=True)
    time.sleep(300)
"""


@contextmanager
def process(root: Path, workspace: Workspace, *faults: str, until: str = "in force") -> Iterator[subprocess.Popen[str]]:
    """Another notebook of the same workspace, which puts faults (``NAME:SERVICE``) in force and stays in its block."""
    with kernel(root, workspace.folder, PROGRAM, *faults) as other:
        assert other.process.stdout is not None
        assert until == "ready" or other.process.stdout.readline().strip() == until, "it ended too soon"
        yield other.process


def test_a_killed_process_leaves_faults_that_the_next_one_reverts(shop: Shop, root: Path, workspace: Workspace) -> None:
    """kill -9 during four faults: they stay in force, are reverted once, and a second call does nothing."""
    session = shop.stack.session
    before = shop.state()
    with process(root, workspace, "latency:redis", "pause:redis", "kill:master-db", "latency:service") as other:
        other.kill()
        other.wait()
    assert shop.state() != before
    assert shop.stack.container("redis").status == "paused"
    outcome = revert_all(session)
    assert [one.fault for one in outcome.reverted] == ["latency", "kill", "pause", "latency"]
    assert outcome.left == []
    assert shop.state() == before
    assert revert_all(session).reverted == []
    provision.sweep(session)
    assert shop.recovers()


@pytest.mark.long
def test_a_process_killed_while_it_applies_a_fault(shop: Shop, root: Path, workspace: Workspace) -> None:
    """The target gets back what it had, and no proxy is left."""
    session = shop.stack.session
    before, listed = shop.state(), session.ledger.entries()  # other tests may have images of their own on the list
    with process(root, workspace, "latency:redis", until="ready") as other:
        time.sleep(0.6)
        other.kill()
        other.wait()
    assert revert_all(session).left == []
    assert shop.state() == before
    provision.sweep(session)
    assert shop.recovers()
    there = [entry for entry in session.ledger.entries() if entry.scope == "kernel"]
    assert [entry for entry in there if entry not in listed] == []


def test_the_faults_of_a_living_process_are_its_own(shop: Shop, root: Path, workspace: Workspace) -> None:
    """A lesson's start leaves them alone, and `down` does not; Ctrl-C in the block reverts what is left."""
    session = shop.stack.session
    before = shop.state()
    with process(root, workspace, "disconnect:redis", "latency:master-db") as other:
        assert revert_all(session).reverted == []
        assert shop.state() != before
        other.send_signal(signal.SIGINT)
        other.wait(timeout=60)
    assert Journal(session).entries() == []
    assert shop.state() == before
    with process(root, workspace, "disconnect:redis"):
        assert [one.fault for one in revert_all(session, spare_the_living=False).reverted] == ["disconnect"]
        assert shop.state() == before
