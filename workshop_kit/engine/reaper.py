"""The reaper: a process beside a kernel that outlives it and removes what it made, however the kernel ended.

A killed kernel runs no clean-up of its own. The reaper is its child, in a session of its own and deaf to Ctrl-C, and
waits for its parent to change: a pipe whose other end closes wakes it at once, but a child that the kernel forked
holds that end open, so it looks by itself, too. While it waits it knows nothing of the engine, which may restart.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import pkgutil
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from workshop_kit.engine import cleanup, reach
from workshop_kit.engine.labels import Identity
from workshop_kit.engine.ledger import Entry, Ledger
from workshop_kit.engine.session import Session, is_announcement
from workshop_kit.paths import CHECKOUT

LOOK_SECONDS = 0.5
BETWEEN_SWEEPS_SECONDS = 0.7
EMPTY_SWEEPS = 3
"""What the engine was creating when the kernel died lands later: one look is not enough."""
UNMET_SECONDS = 10.0
"""How long sweeping goes on while a thing is announced that has not come."""
GIVE_UP_SECONDS = 600.0
"""An engine that stays away, or refuses, this long: the sweep at the next start is left to do it."""
ASKING_SECONDS = 1.0
LOG_BYTES = 64 * 1024
PASSED_ON = ("HOME", "PATH", "TMPDIR", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR")

Sweep = Callable[[Session], object]


def watch(session: Session, before: Sequence[str] = ()) -> subprocess.Popen[bytes] | None:
    """Start the reaper of this process, or return None if it has one.

    ``before`` names functions (``package.module:function``) that the reaper calls with a session before each sweep,
    for what must be put right while the dead kernel's things still stand. Who drops the result loses nothing.
    """
    if has_reaper(session):
        return None
    words = ["--ledger", str(session.ledger.path), "--session", session.who.session, "--owner", session.who.owner]
    words += ["--maker", session.maker, "--parent", str(os.getpid())]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", __name__, *words, *before],
        stdin=subprocess.PIPE,  # this process's end closes when it dies
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
        env=_environment(),
    )


def main(words: Sequence[str] | None = None) -> None:
    """Wait for the maker to die, then sweep until nothing of it is left."""
    for deaf in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(deaf, signal.SIG_IGN)
    asked = _parser().parse_args(words)
    ledger = Ledger(asked.ledger)
    with _only_one(_lock_path(ledger, asked.maker)) as alone:
        if alone:
            _wait_for_death(asked.parent)
            _sweep_until_clean(ledger, Identity(asked.session, asked.owner), asked.maker, asked.before)


def _wait_for_death(parent: int) -> None:
    """Return once this process has another parent. A pipe that closes before is a handle dropped, and no death."""
    watched = [sys.stdin]
    while os.getppid() == parent:
        readable, _, _ = select.select(watched, [], [], LOOK_SECONDS)
        if readable and not os.read(sys.stdin.fileno(), 1):
            watched = []
            time.sleep(0.05)  # the pipe closes a moment before the parent changes


def _sweep_until_clean(ledger: Ledger, who: Identity, maker: str, before: Sequence[str]) -> None:
    started, empty = time.monotonic(), 0
    while empty < EMPTY_SWEEPS or (_unmet(ledger, maker) and time.monotonic() - started < UNMET_SECONDS):
        if time.monotonic() - started > GIVE_UP_SECONDS:
            _log(ledger, maker, "gave up; the next start sweeps")
            return
        try:
            outcome = _sweep(Session(reach.connect(timeout_seconds=10), who, ledger), maker, before)
            empty = 0 if outcome.removed or outcome.left else empty + 1
            for entry in outcome.removed:
                _log(ledger, maker, f"removed {entry.kind} {entry.name}")
            for entry, reason in outcome.left:
                _log(ledger, maker, f"left {entry.kind} {entry.name}: {reason}")
        except Exception as error:  # an engine that restarts fails in every way there is
            empty = 0
            _log(ledger, maker, f"sweep failed: {error}")
        time.sleep(BETWEEN_SWEEPS_SECONDS)
    ledger.strike(*_unmet(ledger, maker))


def _sweep(session: Session, maker: str, before: Sequence[str]) -> cleanup.Outcome:
    for name in before:
        try:
            put_right: Sweep = pkgutil.resolve_name(name)
            put_right(session)
        except Exception as error:  # what cannot be put right must not keep the sweep from its work
            _log(session.ledger, maker, f"{name} failed: {error}")
    try:
        return cleanup.remove(session, {"kernel"}, made_by=maker)
    finally:
        session.engine.client.close()


def _unmet(ledger: Ledger, maker: str) -> list[Entry]:
    """What this maker announced for itself and nobody has found."""
    mine = [entry for entry in ledger.entries() if entry.scope == "kernel" and entry.name == maker]
    return [entry for entry in mine if is_announcement(entry)]


def has_reaper(session: Session) -> bool:
    """Whether a reaper stands by for the maker of this session."""
    try:
        with _lock_path(session.ledger, session.maker).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextlib.contextmanager
def _only_one(path: Path) -> Iterator[bool]:
    """Whether this is the only one with the lock; the operating system lets go of the lock of a dead one.

    Who asks for a reaper has the lock for a moment, too: it is tried for a while.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + ASKING_SECONDS
    while True:
        with path.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                if _is_still(file, path):
                    try:
                        yield True
                    finally:
                        path.unlink(missing_ok=True)
                    return
        if time.monotonic() > deadline:
            yield False
            return
        time.sleep(0.05)


def _is_still(file: IO[str], path: Path) -> bool:
    """Whether it is the file of that name, and not one that another has removed in between."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _lock_path(ledger: Ledger, maker: str) -> Path:
    return ledger.path.parent / "reapers" / f"{maker}.lock"


def _log(ledger: Ledger, maker: str, line: str) -> None:
    """Write one line for who wonders; a full log is started over, and one that cannot be written is done without."""
    with contextlib.suppress(OSError):
        path = ledger.path.with_name("reaper.log")
        mode = "w" if path.exists() and path.stat().st_size > LOG_BYTES else "a"
        with path.open(mode, encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {maker} {line[:500]}\n")


def _environment() -> dict[str, str]:
    """What the reaper needs to find the kit and the engine, and none of the kernel's own."""
    kept = {key: value for key, value in os.environ.items() if key in PASSED_ON or key.startswith("DOCKER_")}
    return {**kept, "PYTHONPATH": str(CHECKOUT)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--session", required=True)
    parser.add_argument("--owner", required=True)
    parser.add_argument("--maker", required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("before", nargs="*")
    return parser


if __name__ == "__main__":
    main()
