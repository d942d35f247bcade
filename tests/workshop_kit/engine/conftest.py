"""A session, and a parameter store, of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workshop_kit.engine.stores import running_store
from workshop_kit.engine import cleanup
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.engine.store import Store
from workshop_kit.workspace import provision
from workshop_kit.workspace.folder import Workspace


@pytest.fixture
def own(engine: Engine, tmp_path: Path) -> Iterator[Session]:
    """A session of its own: nothing of it may be left, whatever the test does."""
    session = provision.session_of(Workspace.open(tmp_path / "own"), engine)
    yield session
    cleanup.remove(session, {"kernel", "workspace", "machine"})


@pytest.fixture(scope="module")
def store(session: Session, images: dict[str, str]) -> Iterator[Store]:
    """An empty store, as its administrator."""
    with running_store(session, images["parameter_store"]) as store:
        yield store
