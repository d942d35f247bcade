"""A room without a network: a bundle from a stick, and the first lesson runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lessons.bundled import Room, copy_of_the_checkout, saved
from tests.private_engine import filled, private_engine
from workshop_kit.bundle.manifest import parts
from workshop_kit.commands.bundle import MOST_BYTES
from workshop_kit.engine.labels import SCOPE, SESSION
from workshop_kit.engine.recipes import tags
from workshop_kit.errors import Exit
from workshop_kit.workspace.folder import Workspace

pytestmark = [pytest.mark.engine, pytest.mark.long, pytest.mark.timeout(600)]
REACH = """
import errno, socket
try:  # sends nothing: the kernel only looks for a route, and finds one on any machine with a network
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("192.0.2.1", 9))
    print("a way out")
except OSError as error:
    print(errno.errorcode[error.errno])
"""


@pytest.fixture
def room(images: dict[str, str], tmp_path: Path) -> Iterator[Room]:
    """An empty engine and a checkout that nothing was installed for; the bundle is saved from this machine's engine."""
    bundle = saved(tmp_path)
    with private_engine() as own:
        yield Room(own, copy_of_the_checkout(tmp_path / "my checkout"), bundle)


def test_a_bundle_is_all_that_a_machine_needs(room: Room) -> None:
    """In order: too full a disk is refused; `load` makes the machine ready; the tour passes; `down` removes the images.

    One test, since each step stands on the one before and saving alone takes a minute.
    """
    tried = subprocess.run(room.own.inside(sys.executable, "-c", REACH), capture_output=True, text=True, check=True)
    assert tried.stdout.strip() == "ENETUNREACH"
    assert sum(part.size_bytes for part in parts(room.bundle)) <= MOST_BYTES
    client = room.own.client()
    with filled(room.own.folder / "data"):
        said = room.type("bundle", "load", room.bundle)
    assert said.returncode == Exit.NOT_READY
    assert said.stderr.splitlines()[-1].startswith("The disk is nearly full: 0.0 GB free")
    assert client.images.list() == []

    said = room.type("bundle", "load", room.bundle)
    assert said.returncode == 0, said.stderr
    assert said.stderr.splitlines()[-1].startswith(f"Ready: {len(tags(room.checkout))} images came from the bundle")
    session = Workspace.open(room.checkout / "workspace", room.checkout).id
    for tag in tags(room.checkout).values():
        labels = client.images.get(tag).labels
        assert (labels[SESSION], labels[SCOPE]) == (session, "machine")
    assert "all images were here already" in room.type("bundle", "load", room.bundle).stderr

    said = room.type("tour", "00_start", "01_container", "--json")
    assert said.returncode == 0, said.stderr
    assert [(result["lesson"], result["error"]) for result in json.loads(said.stdout)] == [
        ("00_start", None),
        ("01_container", None),
    ]

    said = room.type("down", "--all", "--json")
    assert said.returncode == 0, said.stderr
    assert client.images.list() == []
    assert client.containers.list(all=True) == client.volumes.list() == []
