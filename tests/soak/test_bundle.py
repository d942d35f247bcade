"""Every lesson from a bundle, without a network; and loads that are cut off anywhere."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lessons.bundled import Room, copy_of_the_checkout, saved
from tests.private_engine import private_engine
from tests.workshop_kit.bundle.small import unknown_images
from workshop_kit.engine import cleanup
from workshop_kit.engine.images import is_there
from workshop_kit.engine.labels import Identity
from workshop_kit.engine.ledger import Ledger
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session

pytestmark = [pytest.mark.engine, pytest.mark.timeout(3600)]
KILLS = 30
IN_FLIGHT_SECONDS = 10
"""What the engine was given, it goes on with when the loader is dead."""
LOAD = """
import sys
from pathlib import Path
from workshop_kit.bundle import images, parts
from workshop_kit.engine import reach
from workshop_kit.engine.labels import Identity
from workshop_kit.engine.ledger import Ledger
from workshop_kit.engine.session import Session

session = Session(reach.connect(), Identity("cafe0124", "someone@elsewhere"), Ledger(Path(sys.argv[2])))
print("begins", flush=True)
images.load(session, parts.parts(Path(sys.argv[1]))[0])
"""


@pytest.fixture
def room(images: dict[str, str], tmp_path: Path) -> Iterator[Room]:
    """An empty engine, a bare checkout, a bundle."""
    bundle = saved(tmp_path)
    with private_engine() as own:
        yield Room(own, copy_of_the_checkout(tmp_path / "my checkout"), bundle)


def test_every_lesson_runs_from_a_bundle(room: Room) -> None:
    """Load, then the whole tour, in a network that leads nowhere."""
    said = room.type("bundle", "load", room.bundle)
    assert said.returncode == 0, said.stderr
    said = room.type("tour", "--json")
    assert said.returncode == 0, said.stderr
    assert {result["error"] for result in json.loads(said.stdout)} == {None}


def test_a_load_that_is_killed_leaves_nothing_that_cannot_be_removed(
    engine: Engine, root: Path, tmp_path: Path
) -> None:
    """Killed at any moment, its images are gone with `down --all`, or never came."""
    rng = random.Random(20251125)
    session = Session(engine, Identity("cafe0124", "someone@elsewhere"), Ledger(tmp_path / "ledger.jsonl"))
    tags: list[str] = []
    removed = 0
    for number in range(KILLS):
        part = unknown_images(tmp_path / f"stick {number}")
        tags += part.content["tags"]
        command: list[str | Path] = [sys.executable, "-c", LOAD, part.folder.parent, session.ledger.path]
        with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE) as loading:
            assert loading.stdout is not None
            assert loading.stdout.readline() == b"begins\n"
            time.sleep(rng.uniform(0, 1))
            loading.send_signal(signal.SIGKILL)
        removed += len(cleanup.remove(session, {"machine"}).removed)
    time.sleep(IN_FLIGHT_SECONDS)
    removed += len(cleanup.remove(session, {"machine"}).removed)
    assert [tag for tag in tags if is_there(engine, tag)] == []
    assert 0 < removed < len(tags)
