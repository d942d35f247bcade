"""A session, and a parameter store of a test's own: the real image, hardened, with a random key."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import own_stack
from workshop_kit.engine import containers
from workshop_kit.engine.aws import Access
from workshop_kit.engine.containers import Spec
from workshop_kit.engine.parameter_store import ADMINISTRATOR, Store
from workshop_kit.engine.session import Session

KEY_FILE = "/run/secrets/key"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Session]:
    """A session of its own: nothing of it may be left, whatever the test does."""
    with own_stack(tmp_path / "own") as stack:
        yield stack.session


@pytest.fixture(scope="module")
def store(session: Session, images: dict[str, str]) -> Iterator[Store]:
    """An empty store, as its administrator."""
    key = secrets.token_urlsafe(24)
    spec = Spec(
        image=images["parameter_store"],
        environment={"PARAMETER_STORE_KEY_FILE": KEY_FILE},
        files={KEY_FILE: key},
        volumes=("/run/secrets",),
        ports=(8080,),
    )
    with containers.run(session, spec) as running:
        running.wait_for(
            lambda: running.inspect()["State"]["Health"]["Status"] == "healthy", within_seconds=60, goal="get healthy"
        )
        yield Store(Access(running.url(), key_id=ADMINISTRATOR, secret_key=key))
