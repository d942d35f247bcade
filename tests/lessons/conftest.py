"""What lessons in trouble are run on: a private engine with the workshop's images, and a workspace of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.errors import APIError

from tests.private_engine import PrivateEngine, private_engine
from workshop_kit.engine.reach import Engine
from workshop_kit.learn.workspace import Workspace


@pytest.fixture(scope="session")
def own_engine(engine: Engine, images: dict[str, str]) -> Iterator[PrivateEngine]:
    """An engine that may be restarted, cut off and filled, with all the images; nothing leads out of its network."""
    with private_engine() as own:
        own.load(engine, images.values())
        yield own


@pytest.fixture
def own_workspace(own_engine: PrivateEngine, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace on the private engine; what was made for it is gone afterwards, and what a test left is, too."""
    yield Workspace.open(tmp_path / "my workspace")
    client = own_engine.client()
    for container in client.containers.list(all=True, ignore_removed=True):
        with contextlib.suppress(APIError):  # the kernel's reaper is at it, too
            container.remove(v=True, force=True)
    client.networks.prune()
    client.volumes.prune({"all": True})
    client.close()
