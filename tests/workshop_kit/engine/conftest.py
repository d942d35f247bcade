"""A session of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import own_stack
from workshop_kit.engine.session import Session


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Session]:
    """A session of its own: nothing of it may be left, whatever the test does."""
    with own_stack(tmp_path / "own") as stack:
        yield stack.session
