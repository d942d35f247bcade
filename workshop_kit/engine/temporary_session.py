"""A session where there is no workspace: what is made is in a ledger of its own, with a reaper that knows it."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from workshop_kit.engine import cleanup, reaper
from workshop_kit.engine.labels import Identity
from workshop_kit.engine.ledger import Ledger
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session


@contextlib.contextmanager
def temporary_session(engine: Engine) -> Iterator[Session]:
    """A session with a temporary ledger. At its end, however it comes, what it made is removed."""
    folder = Path(tempfile.mkdtemp(prefix="workshop-audit-"))
    session = Session(engine, Identity(secrets.token_hex(4), "audit"), Ledger(folder / "ledger.jsonl"))
    watching = reaper.watch(session)
    try:
        yield session
    finally:
        outcome = cleanup.remove(session, {"kernel"})
        if not outcome.left:
            if watching:
                watching.kill()
                watching.wait()
            shutil.rmtree(folder, ignore_errors=True)
