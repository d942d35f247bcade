"""The catalog and the markers: values in range, a fault of the document, and faults of processes that died."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.workshop_kit.engine.kernels import kernel
from tests.workshop_kit.faults.conftest import Shop
from workshop_kit import provision
from workshop_kit.engine.session import everyone
from workshop_kit.errors import WrongUsage
from workshop_kit.faults import active_fault, catalog, handlers, injection
from workshop_kit.faults.catalog import FAULTS, Fault, find_fault
from workshop_kit.faults.handlers import HANDLERS
from workshop_kit.faults.injection import fault, revert_all
from workshop_kit.workspace.folder import Workspace


def test_the_defaults_of_every_fault_are_in_range() -> None:
    """Each fault can be injected without a parameter, but limits."""
    mechanisms = {fault.mechanism for fault in FAULTS.values()}
    assert set(HANDLERS) == mechanisms, "faults/handlers.py has two functions for each mechanism of the catalog"
    for catalog_entry in FAULTS.values():
        if not catalog_entry.one_of:
            names = {parameter.name for parameter in catalog_entry.parameters}
            assert set(catalog_entry.complete_parameters({})) == names


def test_a_misspelled_name_gets_the_list_and_the_nearest_name() -> None:
    """For faults and for parameters."""
    with pytest.raises(WrongUsage, match=r"no fault 'pauze'; there are pause, .*Did you mean 'pause'\?"):
        find_fault("pauze")
    with pytest.raises(WrongUsage, match=r"takes no 'latency'; it takes latency_ms, jitter_ms.*'latency_ms'"):
        find_fault("latency").complete_parameters({"latency": 3})
    with pytest.raises(WrongUsage, match="takes no 'force'; it takes nothing"):
        find_fault("pause").complete_parameters({"force": True})


@pytest.mark.parametrize(
    ("fault", "name", "value", "says"),
    [
        ("latency", "latency_ms", float("nan"), "is a number from 0 to 60000 ms, and nan is not"),
        ("slicer", "slice_bytes", 2.5, r"is a whole number from 1 to 16384 bytes, and 2\.5 is not"),
        ("half_open", "backlog_full", 1, "is True or False, and 1 is not"),
    ],
)
def test_a_wrong_value_is_refused_with_its_range_and_unit(fault: str, name: str, value: Any, says: str) -> None:
    """One sentence for a value out of range and for another type."""
    with pytest.raises(WrongUsage, match=f"{name} of the fault '{fault}' {says}"):
        find_fault(fault).complete_parameters({name: value})


@pytest.mark.engine
def test_the_fault_of_the_document_works(shop: Shop, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong value is refused; a good one restarts the target, and after the block all is as before."""
    name = "restart"
    text = (root / "docs/adding-a-fault.md").read_text()
    entry, function, pair = re.findall(r"^```(?:toml|python)\n(.*?)^```", text, re.M | re.S)
    names = dict(vars(handlers))
    exec(function, names)
    (documented,) = TypeAdapter(list[Fault]).validate_python(tomllib.loads(entry)["fault"])
    monkeypatch.setitem(catalog.FAULTS, name, documented)
    monkeypatch.setitem(handlers.HANDLERS, name, eval(pair, names)[name])
    redis = shop.stack.container("redis")
    before = shop.state()
    started = redis.attrs["State"]["StartedAt"]
    with (
        pytest.raises(WrongUsage, match="a whole number from 0 to 60 s"),
        fault(name, shop.stack, "redis", grace_seconds=99),
    ):
        pass
    with fault(name, shop.stack, "redis"):
        assert shop.stack.container("redis").attrs["State"]["StartedAt"] > started
    assert shop.recovers()
    assert shop.state() == before


@pytest.mark.parametrize("error", [None, ValueError(), KeyboardInterrupt()])
def test_a_fault_has_its_end_however_the_block_ends(
    monkeypatch: pytest.MonkeyPatch, error: BaseException | None, tmp_path: Path
) -> None:
    """None inside of the block, a time after it, also after an exception or Ctrl-C."""
    for name in ("_inject", "_revert"):
        monkeypatch.setattr(injection, name, lambda *_: None)
    monkeypatch.setattr(injection, "_mark", lambda *_: SimpleNamespace(id="1"))
    stack: Any = SimpleNamespace(session=SimpleNamespace(folder=tmp_path))
    raises = contextlib.nullcontext() if error is None else pytest.raises(type(error))
    with raises, fault("pause", stack, "redis") as injected:
        assert injected.ended is None
        if error is not None:
            raise error
    assert injected.ended is not None
    assert injected.ended >= injected.started


# From here on: the real stack.

PROGRAM = """
import sys, time
from contextlib import ExitStack
from pathlib import Path
from workshop_kit.faults.injection import fault
from workshop_kit.engine import reach
from workshop_kit import provision
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
    with kernel(root, workspace.folder, PROGRAM, *faults) as notebook:
        assert notebook.process.stdout is not None
        assert until == "ready" or notebook.process.stdout.readline().strip() == until, "it ended too soon"
        yield notebook.process


def test_a_killed_process_leaves_faults_that_the_next_one_reverts(shop: Shop, root: Path, workspace: Workspace) -> None:
    """kill -9 during four faults: they stay in force, are reverted once, and a second call does nothing."""
    session = shop.stack.session
    before = shop.state()
    with process(root, workspace, "latency:redis", "pause:redis", "kill:master-db", "latency:service") as maker:
        maker.kill()
        maker.wait()
    assert shop.state() != before
    assert shop.stack.container("redis").status == "paused"
    assert [entry.fault for entry in active_fault.find(session)] == ["latency", "pause", "kill", "latency"]
    assert revert_all(session, session.made_or_dead) == []
    assert active_fault.find(session) == []
    assert shop.state() == before
    provision.sweep(session)
    assert shop.recovers()


@pytest.mark.long
def test_a_process_killed_while_it_applies_a_fault(shop: Shop, root: Path, workspace: Workspace) -> None:
    """The target gets back what it had, and no proxy is left."""
    session = shop.stack.session
    before = shop.state()
    with process(root, workspace, "latency:redis", until="ready") as maker:
        time.sleep(0.6)
        maker.kill()
        maker.wait()
    assert revert_all(session, session.made_or_dead) == []
    assert shop.state() == before
    provision.sweep(session)
    assert shop.recovers()
    assert active_fault.find(session) == []


def test_the_faults_of_a_living_process_are_its_own(shop: Shop, root: Path, workspace: Workspace) -> None:
    """A lesson's start leaves them alone, and `down` does not; Ctrl-C in the block reverts what is left."""
    session = shop.stack.session
    before = shop.state()
    with process(root, workspace, "disconnect:redis", "latency:master-db") as maker:
        assert revert_all(session, session.made_or_dead) == []
        assert len(active_fault.find(session)) == 2
        assert shop.state() != before
        maker.send_signal(signal.SIGINT)
        maker.wait(timeout=60)
    assert active_fault.find(session) == []
    assert shop.state() == before
    with process(root, workspace, "disconnect:redis"):
        assert revert_all(session, everyone) == []
        assert shop.state() == before
