"""The reaper: a child process that outlives its parent and removes what the parent made, even after ``kill -9``.

It runs in a session of its own, ignores Ctrl-C, and waits until its parent has died. Until then it does not use the
engine.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pkgutil
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout

from workshop_kit.engine import cleanup, reach
from workshop_kit.engine.labels import Identity, Scope
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Ledger, Session
from workshop_kit.paths import CHECKOUT

LOOK_SECONDS = 0.5
BETWEEN_SWEEPS_SECONDS = 0.7
EMPTY_SWEEPS = 5
"""The sweeps in a row that must find nothing: what the engine was creating may appear after the first."""
GIVE_UP_SECONDS = 600.0
"""The time after which it gives up, if the engine is stopped, say; the next start of a lesson cleans up then."""

_reapers: dict[tuple[Path, str], subprocess.Popen[bytes]] = {}


def watch(
    session: Session, before: str = "", *, whole_workspace: Path | None = None, is_temporary: bool = False
) -> None:
    """Start the reaper of this process, unless it has one.

    ``before`` names a function (``package.module:function``) that the reaper calls with a session before each sweep.
    ``whole_workspace`` is the path of the workspace's lock: the reaper removes the stack, too, but does so only while
    no other process holds the lock. With ``is_temporary`` it removes the ledger's folder at its end.
    """
    key = (session.ledger.path, session.maker)
    if key in _reapers and _reapers[key].poll() is None:
        return

    identity = session.identity
    workspace_lock = str(whole_workspace or "")
    temporary = "temporary" if is_temporary else ""
    arguments = [str(session.ledger.path), identity.workspace_id, identity.owner, session.maker, str(os.getpid())]
    arguments += [workspace_lock, temporary, before]

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
    key = (session.ledger.path, session.maker)
    process = _reapers.pop(key, None)
    if process is not None:
        process.kill()
        process.wait()


def finish(session: Session) -> None:
    """Remove what this process made for itself at the normal end of a command; end its reaper if all is removed."""
    try:
        outcome = cleanup.remove(session, {"kernel"}, made_by=session.maker)
    except Exception:  # the engine has been stopped, say: the reaper will try again
        return
    if not outcome.left:
        stop(session)


@contextlib.contextmanager
def temporary_session(engine: Engine) -> Iterator[Session]:
    """Yield a session without a workspace, with its own ledger and reaper; what it made is removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="workshop-audit-"))
    session = Session(engine, Identity(secrets.token_hex(4), "audit"), Ledger(folder / "ledger.jsonl"))
    watch(session, is_temporary=True)
    try:
        yield session
    finally:
        finish(session)
        _remove_folder(session.ledger)


def _remove_folder(ledger: Ledger) -> None:
    """Remove the folder of a temporary session's ledger, unless the ledger has an entry of something left."""
    if not ledger.entries():
        shutil.rmtree(ledger.path.parent, ignore_errors=True)


def interrupt_on_termination() -> None:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt as Ctrl-C does, so that the clean-up of this process runs.

    Both are ignored after the first one, while the clean-up runs. A signal that is ignored already, as under nohup,
    stays ignored. Outside of the main thread, which alone can handle signals, nothing happens.
    """
    if threading.current_thread() is not threading.main_thread():
        return

    termination_signals = (signal.SIGTERM, signal.SIGHUP)
    numbers = [number for number in termination_signals if signal.getsignal(number) is not signal.SIG_IGN]

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, interrupt)


def main(arguments: Sequence[str]) -> None:
    """Wait until the parent dies, then sweep until nothing is left that it made; `watch` passes the arguments."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    ledger_path, workspace_id, owner, maker, parent_id, workspace_lock, temporary, hook = arguments

    while os.getppid() == int(parent_id):
        time.sleep(LOOK_SECONDS)

    ledger = Ledger(Path(ledger_path))
    identity = Identity(workspace_id, owner)
    if not workspace_lock:
        _sweep_until_empty(ledger, identity, hook, maker)
        if temporary:
            _remove_folder(ledger)
        return

    # A tour that has begun in this workspace meanwhile holds the lock, and removes everything when it ends.
    with contextlib.suppress(Timeout), FileLock(workspace_lock, timeout=0):
        _sweep_until_empty(ledger, identity, hook)


def _sweep_until_empty(ledger: Ledger, identity: Identity, hook: str, maker: str | None = None) -> None:
    """Sweep until several sweeps in a row find nothing; log errors to ``reaper.log`` beside the ledger.

    With ``maker`` the sweeps remove what that process made, without it all that the workspace has. ``hook`` names the
    function that is called before each sweep; "" for none.
    """
    file = logging.FileHandler(ledger.path.with_name("reaper.log"), delay=True)
    logging.basicConfig(handlers=[file], format="%(asctime)s %(message).500s")

    deadline = time.monotonic() + GIVE_UP_SECONDS
    empty_sweeps = 0
    while empty_sweeps < EMPTY_SWEEPS and time.monotonic() < deadline:
        try:
            session = Session(reach.connect(timeout_seconds=10), identity, ledger)
            outcome = _sweep(session, hook, maker)
            is_empty = not outcome.removed and not outcome.left
            empty_sweeps = empty_sweeps + 1 if is_empty else 0
        except Exception as error:  # an engine that restarts fails in many ways
            empty_sweeps = 0
            logging.warning("sweep failed: %s", error)
        time.sleep(BETWEEN_SWEEPS_SECONDS)


def _sweep(session: Session, hook: str, maker: str | None) -> cleanup.CleanupResult:
    """Call the hook, then remove what the maker, or else the whole workspace, has in the engine; close the client."""
    scopes: set[Scope] = {"kernel"} if maker else {"kernel", "workspace"}
    with contextlib.closing(session.engine.client):
        try:
            if hook:
                pkgutil.resolve_name(hook)(session)
        except Exception as error:  # the sweep must run although the hook failed
            logging.warning("%s failed: %s", hook, error)
        return cleanup.remove(session, scopes, made_by=maker)


if __name__ == "__main__":
    main(sys.argv[1:])
