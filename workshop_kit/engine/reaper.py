"""The reaper: a process that outlives the process beside it and removes what that one made, even after ``kill -9``.

It is a child in a session of its own, ignores Ctrl-C, and waits until it has another parent. Until then it does not
use the engine.
"""

from __future__ import annotations

import argparse
import contextlib
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
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout

from workshop_kit.engine import cleanup, reach
from workshop_kit.engine.labels import Identity
from workshop_kit.engine.ledger import Ledger
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.paths import CHECKOUT

LOOK_SECONDS = 0.5
BETWEEN_SWEEPS_SECONDS = 0.7
EMPTY_SWEEPS = 5
"""The sweeps in a row that must find nothing: what the engine was creating appears a little later."""
GIVE_UP_SECONDS = 600.0
"""After this time of failing sweeps (an engine that is stopped, say) the next start has to sweep."""
LOG_BYTES = 64 * 1024

_reapers: dict[tuple[Path, str], subprocess.Popen[bytes]] = {}


def watch(session: Session, before: Sequence[str] = (), *, whole_workspace: Path | None = None) -> None:
    """Start the reaper of this process, unless it has one.

    ``before`` names functions (``package.module:function``) that the reaper calls with a session before each sweep.
    With ``whole_workspace``, the path of the workspace's lock, it removes the stack, too, and does so only while no
    other process holds the lock.
    """
    key = (session.ledger.path, session.maker)
    if key in _reapers and _reapers[key].poll() is None:
        return
    words = [
        "--ledger",
        str(session.ledger.path),
        "--session",
        session.identity.session,
        "--owner",
        session.identity.owner,
    ]
    words += ["--maker", session.maker, "--parent", str(os.getpid())]
    words += ["--whole-workspace", str(whole_workspace)] if whole_workspace else []
    _reapers[key] = subprocess.Popen(
        [sys.executable, "-P", "-m", __name__, *words, *before],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )


def stop(session: Session) -> None:
    """End the reaper of this process, if there is one: nothing is left for it to remove."""
    if process := _reapers.pop((session.ledger.path, session.maker), None):
        process.kill()
        process.wait()


def finish(session: Session) -> None:
    """Remove what this process made for itself, then end its reaper: for the normal end of a command."""
    try:
        outcome = cleanup.remove(session, {"kernel"}, made_by=session.maker)
    except Exception:  # the engine has been stopped, say: the reaper goes on trying
        return
    if not outcome.left:
        stop(session)


@contextlib.contextmanager
def temporary_session(engine: Engine) -> Iterator[Session]:
    """A session without a workspace, with a ledger and a reaper of its own; what it made is removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="workshop-audit-"))
    session = Session(engine, Identity(secrets.token_hex(4), "audit"), Ledger(folder / "ledger.jsonl"))
    watch(session)
    try:
        yield session
    finally:
        finish(session)
        if not session.ledger.entries():
            shutil.rmtree(folder, ignore_errors=True)


def interrupt_on_termination() -> None:
    """Let SIGTERM and SIGHUP end this process as Ctrl-C does, so that its clean-up runs; for the main thread alone.

    Later ones are ignored while it runs. A signal that is ignored already, as under nohup, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    numbers = [one for one in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) is not signal.SIG_IGN]

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, interrupt)


def main(words: Sequence[str] | None = None) -> None:
    """Wait until the parent dies, then sweep until nothing of it is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("--session", "--owner", "--maker"):
        parser.add_argument(option, required=True)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--whole-workspace", type=Path)
    parser.add_argument("before", nargs="*")
    asked = parser.parse_args(words)
    while os.getppid() == asked.parent:
        time.sleep(LOOK_SECONDS)
    sweeper = _Sweeper(Ledger(asked.ledger), Identity(asked.session, asked.owner), asked.maker, asked.before)
    if asked.whole_workspace is None:
        sweeper.run(lambda session: cleanup.remove(session, {"kernel"}, made_by=asked.maker))
        return
    # Held: another tour has begun in this workspace, and removes all of it at its end.
    with contextlib.suppress(Timeout), FileLock(asked.whole_workspace, timeout=0):
        sweeper.run(lambda session: cleanup.remove(session, {"kernel", "workspace"}))


class _Sweeper:
    """Sweeps for one dead process, and writes what it did to ``reaper.log`` beside the ledger."""

    def __init__(self, ledger: Ledger, identity: Identity, maker: str, before: Sequence[str]) -> None:
        self.ledger, self.identity, self.maker, self.before = ledger, identity, maker, before

    def run(self, remove: Callable[[Session], cleanup.Outcome]) -> None:
        """Sweep until nothing was found several times in a row."""
        deadline, empty = time.monotonic() + GIVE_UP_SECONDS, 0
        while empty < EMPTY_SWEEPS:
            if time.monotonic() > deadline:
                self._log("gave up; the next start sweeps")
                return
            try:
                outcome = self._sweep(remove)
                empty = 0 if outcome.removed or outcome.left else empty + 1
                for entry in outcome.removed:
                    self._log(f"removed {entry.kind} {entry.name}")
                for entry, reason in outcome.left:
                    self._log(f"left {entry.kind} {entry.name}: {reason}")
            except Exception as error:  # an engine that restarts fails in many ways
                empty = 0
                self._log(f"sweep failed: {error}")
            time.sleep(BETWEEN_SWEEPS_SECONDS)

    def _sweep(self, remove: Callable[[Session], cleanup.Outcome]) -> cleanup.Outcome:
        session = Session(reach.connect(timeout_seconds=10), self.identity, self.ledger)
        try:
            for name in self.before:
                try:
                    function: Callable[[Session], object] = pkgutil.resolve_name(name)
                    function(session)
                except Exception as error:  # the sweep itself must run all the same
                    self._log(f"{name} failed: {error}")
            return remove(session)
        finally:
            session.engine.client.close()

    def _log(self, line: str) -> None:
        """Write one line; a full log is started over, and one that cannot be written is no error."""
        with contextlib.suppress(OSError):
            path = self.ledger.path.with_name("reaper.log")
            mode = "w" if path.exists() and path.stat().st_size > LOG_BYTES else "a"
            with path.open(mode, encoding="utf-8") as file:
                file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {self.maker} {line[:500]}\n")


if __name__ == "__main__":
    main()
