"""A parameter store of a test's own: the real image, hardened, with a random key, and gone at the end."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator

from workshop_kit.engine import containers
from workshop_kit.engine.aws import Access
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.store import ADMINISTRATOR, Store

KEY_FILE = "/run/secrets/key"


@contextlib.contextmanager
def running_store(session: Session, image: str) -> Iterator[Store]:
    """Yield an empty store as its administrator."""
    key = secrets.token_urlsafe(24)
    spec = Spec(
        image=image,
        environment={"PARAMETER_STORE_KEY_FILE": KEY_FILE},
        files={KEY_FILE: key},
        volumes=("/run/secrets",),
        ports=(8080,),
    )
    with containers.run(session, spec) as running:
        running.wait_until(
            lambda: running.inspect()["State"]["Health"]["Status"] == "healthy", within_seconds=60, what="get healthy"
        )
        yield Store(Access(running.url(), key_id=ADMINISTRATOR, secret_key=key))
