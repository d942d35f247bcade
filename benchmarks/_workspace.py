"""A workspace, a session and a stack that a benchmark uses alone; everything is removed afterwards."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workshop_kit import provision
from workshop_kit.engine import cleanup, reach
from workshop_kit.engine.labels import Scope
from workshop_kit.engine.session import Session
from workshop_kit.engine.stack import Stack
from workshop_kit.workspace.folder import Workspace

ROOT = Path(__file__).resolve().parents[1]
SCOPES: tuple[Scope, ...] = ("kernel", "workspace")


@contextmanager
def own_session() -> Iterator[tuple[Workspace, Session]]:
    """Open a workspace in a temporary folder and yield it with a session; remove what it has at the end."""
    os.environ.setdefault("NO_PROXY", "127.0.0.1")
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(Path(folder) / "workspace")
        session = provision.session_of(workspace, reach.connect())
        try:
            yield workspace, session
        finally:
            cleanup.remove(session, SCOPES)


@contextmanager
def own_stack() -> Iterator[tuple[Workspace, Stack]]:
    """Start the stack of a workspace as in `own_session`; yield both."""
    with own_session() as (workspace, session):
        stack = provision.stack_of(workspace, session)
        stack.up()
        yield workspace, stack
