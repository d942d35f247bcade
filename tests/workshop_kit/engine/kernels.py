"""Programs that make things as a notebook's kernel does, to be killed; and what they leave in the engine."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from workshop_kit.engine.labels import MAKER, SCOPE, SESSION
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.workspace import provision
from workshop_kit.workspace.folder import Workspace

GONE_WITHIN_SECONDS = 60.0  # mostly a few, but both the engine and the reaper may be kept waiting
SETUP = """
import os, random, sys, time
from pathlib import Path
from workshop_kit.engine import containers, reach, reaper, resources
from workshop_kit.engine.spec import Spec
from workshop_kit.workspace import provision
from workshop_kit.workspace.folder import Workspace
workspace, base, seed = Workspace.open(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
session = provision.session_of(workspace, reach.connect())
reaper.watch(session)
word = f"reaper-test-{session.maker.replace('@', '-')}"
context = workspace.folder / word
context.mkdir()
steps = ["FROM " + base, f"RUN echo {word} > /word && sleep 1", "RUN head -c 9000000 /dev/urandom > /big"]
(context / "Dockerfile").write_text("\\n".join(steps))
sleeper = Spec(base, command=("sleep", "600"), network="none")
"""
FORKS = (
    SETUP
    + """
containers.run(session, sleeper)
if os.fork() == 0:
    time.sleep(60)
    os._exit(0)
print(session.maker, flush=True)
time.sleep(600)
"""
)


@dataclass(frozen=True)
class Kernel:
    """A running program with things of its own."""

    process: subprocess.Popen[str]
    maker: str

    def kill(self) -> None:
        """End it as the system does when memory is short; as under Jupyter, its parent collects it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def kernel(root: Path, folder: Path, base: str, program: str = FORKS, seed: int = 0) -> Iterator[Kernel]:
    """Start a program on the workspace in ``folder``; it is killed at the latest at the end of the block."""
    command = [sys.executable, "-c", program, str(folder), base, str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        try:
            yield Kernel(process, process.stdout.readline().strip())
        finally:
            process.kill()


def things(engine: Engine, session: str, maker: str | None = None) -> list[str]:
    """Everything of the kernel's scope that a session (and one maker of it) has in the engine, images too."""
    client = engine.client
    wanted = {"label": [f"{SESSION}={session}", f"{SCOPE}=kernel", *([f"{MAKER}={maker}"] if maker else [])]}
    found = [f"container {one.name}" for one in client.containers.list(all=True, filters=wanted, ignore_removed=True)]
    found += [f"network {one.name}" for one in client.networks.list(filters=wanted)]
    found += [f"volume {one.name}" for one in client.volumes.list(filters=wanted)]
    # Not images.list(): that looks at each once more, and one may be gone by then.
    return found + [f"image {one['Id']} {one['RepoTags']}" for one in client.api.images(filters=wanted)]


def left_after(engine: Engine, session: str, maker: str, seconds: float = GONE_WITHIN_SECONDS) -> list[str]:
    """What is left of a dead maker when the time is up, or nothing as soon as there is nothing and no reaper.

    Looking until the reaper is gone, too, sees what lands late.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not things(engine, session, maker) and not reapers(maker):
            return []
        time.sleep(0.3)
    return things(engine, session, maker)


def reapers(maker: str, session: str = "") -> list[int]:
    """The pids of the reapers of a maker, of one session of it if that is given."""
    running = psutil.process_iter(["cmdline"])
    words = ("workshop_kit.engine.reaper", maker, *([session] if session else []))
    return [one.pid for one in running if all(word in (one.info["cmdline"] or ()) for word in words)]


def builders(maker: str) -> list[list[str]]:
    """The command lines of the image builders that a maker started and that still run."""
    label = f"{MAKER}={maker}"
    return [one.info["cmdline"] for one in psutil.process_iter(["cmdline"]) if label in (one.info["cmdline"] or ())]


def session_in(folder: Path, engine: Engine) -> Session:
    """The session of the workspace in a folder."""
    return provision.session_of(Workspace.open(folder), engine)
