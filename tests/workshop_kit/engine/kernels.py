"""Programs that make things as a notebook's kernel does, to be killed at any moment; and a look at what is left."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from workshop_kit.engine.labels import SCOPE, SESSION
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import MAKER, Session, is_announcement
from workshop_kit.learn import ready
from workshop_kit.learn.workspace import Workspace

GONE_WITHIN_SECONDS = 60.0  # mostly a few, but both the engine and the reaper may be kept waiting
SETUP = """
import os, random, sys, time
from pathlib import Path
from workshop_kit.engine import containers, making, reach, reaper
from workshop_kit.engine.spec import Spec
from workshop_kit.learn import ready
from workshop_kit.learn.workspace import Workspace
workspace, base, seed = Workspace.open(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
session = ready.session_of(workspace, reach.connect())
handle = reaper.watch(session)
word = f"reaper-test-{session.maker.replace('@', '-')}"
context = workspace.folder / word
context.mkdir()
steps = ["FROM " + base, f"RUN echo {word} > /word && sleep 1", "RUN head -c 9000000 /dev/urandom > /big"]
(context / "Dockerfile").write_text("\\n".join(steps))
sleeper = Spec(base, command=("sleep", "600"), network="none")
"""
MAKES = (
    SETUP
    + """
print(session.maker, flush=True)
steps = [
    lambda number: containers.run(session, sleeper),
    lambda number: making.network(session, f"{word}-{number}"),
    lambda number: making.volume(session, f"{word}-{number}"),
    lambda number: making.image(session, context, f"{word}:{number}", "--no-cache"),
]
random.Random(seed).shuffle(steps)
for step in steps:
    for number in range(2 if step is not steps[-1] else 1):
        step(number + 10 * steps.index(step))
print("done", flush=True)
time.sleep(600)
"""
)
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
def kernel(root: Path, folder: Path, base: str, program: str = MAKES, seed: int = 0) -> Iterator[Kernel]:
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


def reapers(maker: str) -> list[int]:
    """The pids of the reapers of a maker."""
    running = psutil.process_iter(["cmdline"])
    words = ("workshop_kit.engine.reaper", maker)
    return [one.pid for one in running if all(word in (one.info["cmdline"] or ()) for word in words)]


def builders(maker: str) -> list[list[str]]:
    """The command lines of the image builders that a maker started and that still run."""
    label = f"{MAKER}={maker}"
    return [one.info["cmdline"] for one in psutil.process_iter(["cmdline"]) if label in (one.info["cmdline"] or ())]


def wait_until_no_reaper(maker: str, seconds: float = 60) -> None:
    """Wait for the reaper to end by itself."""
    deadline = time.monotonic() + seconds
    while reapers(maker):
        assert time.monotonic() < deadline, "the reaper does not end"
        time.sleep(0.2)


def kill_at_a_random_moment(engine: Engine, root: Path, folder: Path, base: str, seed: int) -> None:
    """One kernel makes things of every kind and is killed in the middle; nothing of it is left, nor a builder."""
    session = session_in(folder, engine)
    with kernel(root, folder, base, seed=seed) as victim:
        time.sleep(random.Random(seed).uniform(0, 4))  # the four kinds together take it about five seconds
        victim.kill()
        assert left_after(engine, session.who.session, victim.maker) == []
        assert builders(victim.maker) == []
    wait_until_no_reaper(victim.maker)
    assert [entry for entry in session.ledger.entries() if is_announcement(entry) or entry.scope == "kernel"] == []


def two_by_two(engine: Engine, root: Path, folder: Path, base: str, seed: int) -> None:
    """Two workspaces with two kernels each, at work at once: one of each is killed, the other keeps all it has."""
    folders = (folder / f"one-{seed}", folder / f"two-{seed}")
    sessions = [session_in(one, engine).who.session for one in folders]
    with (
        kernel(root, folders[0], base, seed=seed) as first,
        kernel(root, folders[0], base, seed=seed + 1) as second,
        kernel(root, folders[1], base, seed=seed + 2) as third,
        kernel(root, folders[1], base, seed=seed + 3) as fourth,
    ):
        time.sleep(random.Random(seed).uniform(0, 6))
        first.kill()
        third.kill()
        assert left_after(engine, sessions[0], first.maker) == []
        assert left_after(engine, sessions[1], third.maker) == []
        for survivor, session in ((second, sessions[0]), (fourth, sessions[1])):
            assert survivor.process.stdout is not None
            assert survivor.process.stdout.readline() == "done\n"  # whatever the others' ends did, its steps all passed
            assert len(things(engine, session, survivor.maker)) == 7
            survivor.kill()
            assert left_after(engine, session, survivor.maker) == []
    for one in (first, second, third, fourth):
        wait_until_no_reaper(one.maker)


def session_in(folder: Path, engine: Engine) -> Session:
    """The session of the workspace in a folder."""
    return ready.session_of(Workspace.open(folder), engine)
