"""The reaper: a child process that outlives its parent and removes what the parent made, even after ``kill -9``.

It runs in a session of its own, ignores Ctrl-C, and waits until its parent has died. Until then it does not use the
engine.
"""

from __future__ import annotations

import contextlib
import os
import pkgutil
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from workshop_kit.engine import cleanup, reach
from workshop_kit.engine.labels import Identity, Scope
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import MakerTest, Session, everyone
from workshop_kit.paths import CHECKOUT

LOOK_SECONDS = 0.5
BETWEEN_SWEEPS_SECONDS = 0.7
EMPTY_SWEEPS = 5
"""The sweeps in a row that must find nothing: what the engine was creating may appear after the first."""
GIVE_UP_SECONDS = 600.0
"""The time after which it gives up, if the engine is stopped, say; the next start of a lesson cleans up then."""

_reapers: dict[tuple[str, str], subprocess.Popen[bytes]] = {}


def watch(session: Session, before: str = "", *, whole_workspace: Path | None = None) -> None:
    """Start the reaper of this process, unless it has one.

    ``before`` names a function (``package.module:function``) that the reaper calls with a session and the makers whose
    things it removes, before each sweep. ``whole_workspace`` is the path of the workspace's lock: the reaper removes
    the stack, too, but does so only while no other process holds the lock.
    """
    key = (session.identity.workspace_id, session.maker)
    if key in _reapers and _reapers[key].poll() is None:
        return

    identity = session.identity
    arguments = [str(session.folder), identity.workspace_id, session.maker, str(os.getpid())]
    arguments += [str(whole_workspace or ""), before]

    _reapers[key] = subprocess.Popen(
        [sys.executable, "-P", "-m", __name__, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )


def stop(session: Session) -> None:
    """End the reaper of this process, if there is one; the caller has removed everything that it would remove."""
    process = _reapers.pop((session.identity.workspace_id, session.maker), None)
    if process is not None:
        process.kill()
        process.wait()


def finish(session: Session) -> None:
    """Remove what this process made for itself at the normal end of a command; end its reaper if all is removed."""
    try:
        outcome = cleanup.remove(session, {"kernel"}, is_chosen=session.made)
    except Exception:  # the engine has been stopped, say: the reaper will try again
        return
    if not outcome.left:
        stop(session)


@contextlib.contextmanager
def temporary_session(engine: Engine) -> Iterator[Session]:
    """Yield a session without a workspace, with its own reaper; what it made is removed at the end."""
    session = Session(engine, Identity(secrets.token_hex(4)), Path(os.devnull))
    watch(session)
    try:
        yield session
    finally:
        finish(session)


def main(arguments: Sequence[str]) -> None:
    """Wait until the parent dies, then sweep until nothing is left that it made; `watch` passes the arguments."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    folder, workspace_id, maker, parent_id, workspace_lock, hook = arguments

    while os.getppid() == int(parent_id):
        time.sleep(LOOK_SECONDS)

    sweeper = Sweeper(Path(folder), Identity(workspace_id), maker, hook)
    if not workspace_lock:
        sweeper.sweep_until_empty({"kernel"})
        return

    # A tour that has begun in this workspace meanwhile holds the lock, and removes everything when it ends.
    with contextlib.suppress(Timeout), FileLock(workspace_lock, timeout=0):
        sweeper.sweep_until_empty({"kernel", "workspace"}, everyone)


@dataclass(frozen=True)
class Sweeper:
    """Removes what a dead process has made; ``hook`` names a function to call before each sweep, "" for none."""

    folder: Path
    identity: Identity
    maker: str
    hook: str

    def sweep_until_empty(self, scopes: set[Scope], is_chosen: MakerTest | None = None) -> None:
        """Sweep until several sweeps in a row find nothing; without ``is_chosen`` only what the dead process made."""
        deadline = time.monotonic() + GIVE_UP_SECONDS
        empty_sweeps = 0
        while empty_sweeps < EMPTY_SWEEPS and time.monotonic() < deadline:
            try:
                is_empty = self._sweep(scopes, is_chosen)
                empty_sweeps = empty_sweeps + 1 if is_empty else 0
            except Exception:  # an engine that restarts fails in many ways
                empty_sweeps = 0
            time.sleep(BETWEEN_SWEEPS_SECONDS)

    def _sweep(self, scopes: set[Scope], is_chosen: MakerTest | None) -> bool:
        """Call the hook, then remove what the chosen makers have in the engine; return whether there was nothing."""
        session = Session(reach.connect(timeout_seconds=10), self.identity, self.folder, self.maker)
        is_chosen = is_chosen or session.made
        with contextlib.closing(session.engine.client):
            is_undone = self._call_hook(session, is_chosen)
            outcome = cleanup.remove(session, scopes, is_chosen=is_chosen)
        return is_undone and not outcome.removed and not outcome.left

    def _call_hook(self, session: Session, is_chosen: MakerTest) -> bool:
        """Call the hook; return whether it reports no problem."""
        if not self.hook:
            return True
        try:
            return not pkgutil.resolve_name(self.hook)(session, is_chosen)
        except Exception:  # the sweep must run although the hook failed
            return False


if __name__ == "__main__":
    main(sys.argv[1:])
