"""A machine without a network: load a bundle from a stick, and run the first lessons."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.commands import copy_of_the_checkout, run
from tests.private_engine import PrivateEngine, filled, private_engine
from workshop_kit.bundle.part import parts
from workshop_kit.engine.recipes import tags
from workshop_kit.errors import Exit
from workshop_kit.paths import CHECKOUT

pytestmark = [pytest.mark.engine, pytest.mark.long, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class OfflineMachine:
    """A machine with Python and an engine, in a network without a way out."""

    own: PrivateEngine
    checkout: Path
    bundle: Path

    def workshop(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run ``./workshop`` of the checkout on this machine."""
        return self.own.workshop(self.checkout, *words)


@pytest.fixture
def machine(images: dict[str, str], tmp_path: Path) -> Iterator[OfflineMachine]:
    """An empty engine and a checkout that nothing was installed for; the bundle is saved from this machine's engine."""
    bundle = tmp_path / "my stick"
    run(CHECKOUT / "workshop", "bundle", "save", bundle, WORKSHOP_WORKSPACE=str(tmp_path / "saver"))
    with private_engine() as own:
        yield OfflineMachine(own, copy_of_the_checkout(tmp_path / "my checkout"), bundle)


def test_a_bundle_is_all_that_a_machine_needs(machine: OfflineMachine) -> None:
    """In order: too full a disk is refused; `load` makes the machine ready; the tour passes; `down` removes the images.

    One test, since each step stands on the one before and saving alone takes a minute.
    """
    assert sum(part.size_bytes for part in parts(machine.bundle)) <= 900_000_000  # it fits on a small USB stick
    client = machine.own.client()
    with filled(machine.own.folder / "data"):
        process = machine.workshop("bundle", "load", machine.bundle)
    assert process.returncode == Exit.NOT_READY
    assert process.stderr.splitlines()[-1].startswith("The disk is nearly full: 0.0 GB free")
    assert client.images.list() == []

    process = machine.workshop("bundle", "load", machine.bundle)
    assert process.returncode == 0, process.stderr
    assert process.stderr.splitlines()[-1].startswith(
        f"Ready: {len(tags(machine.checkout))} images came from the bundle"
    )
    for tag in tags(machine.checkout).values():
        assert client.images.get(tag)
    assert "all images were here already" in machine.workshop("bundle", "load", machine.bundle).stderr

    process = machine.workshop("tour", "00_start", "01_container", "--json")
    assert process.returncode == 0, process.stderr
    assert [(result["lesson"], result["error"]) for result in json.loads(process.stdout)] == [
        ("00_start", None),
        ("01_container", None),
    ]

    process = machine.workshop("down", "--all", "--json")
    assert process.returncode == 0, process.stderr
    assert client.images.list() == []
    assert client.containers.list(all=True) == client.volumes.list() == []
