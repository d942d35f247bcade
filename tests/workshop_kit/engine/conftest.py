"""A session, and a parameter store, of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import own_stack
from tests.workshop_kit.engine.stores import running_store
from workshop_kit.engine.session import Session
from workshop_kit.engine.store import Store


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Session]:
    """A session of its own: nothing of it may be left, whatever the test does."""
    with own_stack(tmp_path / "own") as stack:
        yield stack.session


@pytest.fixture(scope="module")
def store(session: Session, images: dict[str, str]) -> Iterator[Store]:
    """An empty store, as its administrator."""
    with running_store(session, images["parameter_store"]) as store:
        yield store
