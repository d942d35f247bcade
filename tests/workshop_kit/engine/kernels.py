"""Programs that make things as a notebook's kernel does, to be killed; and what they leave in the engine."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from workshop_kit.engine.labels import IMAGE_MAKER, MAKER, SCOPE, SESSION
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.patience import wait_for

GONE_WITHIN_SECONDS = 60.0  # mostly a few, but both the engine and the reaper may be kept waiting
SETUP = """
import os, sys, time
from pathlib import Path
from workshop_kit.engine import containers, images, reach, reaper
from workshop_kit.engine.container_spec import Spec
from workshop_kit import provision
from workshop_kit.workspace.folder import Workspace
workspace, base = Workspace.open(Path(sys.argv[1])), sys.argv[2]
session = provision.session_of(workspace, reach.connect())
reaper.watch(session)
"""
BUILDS = (
    SETUP
    + """
context = workspace.folder / "build"
context.mkdir()
(context / "Dockerfile").write_text(f"FROM {base}\\nRUN echo {session.maker} && sleep 100\\n")
print(session.maker, flush=True)
tag = f"reaper-test-{session.identity.workspace_id}:1"
images.build_folder(session, context, tag, on_line=lambda line: print(line, flush=True))
"""
)
FORKS = (
    SETUP
    + """
containers.run(session, Spec(base, command=("sleep", "600"), network="none"))
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
def kernel(root: Path, folder: Path, program: str, *words: str) -> Iterator[Kernel]:
    """Start a program on the workspace in ``folder``; it is killed at the latest at the end of the block."""
    command = [sys.executable, "-c", program, str(folder), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        try:
            yield Kernel(process, process.stdout.readline().strip())
        finally:
            process.kill()


def things(engine: Engine, session: str, *labels: str) -> list[str]:
    """What carries a session's label, and further ones, in the engine."""
    client = engine.client
    wanted = {"label": [f"{SESSION}={session}", *labels]}
    names = [
        f"container {container.name}"
        for container in client.containers.list(all=True, filters=wanted, ignore_removed=True)
    ]
    names += [f"network {network.name}" for network in client.networks.list(filters=wanted)]
    names += [f"volume {volume.name}" for volume in client.volumes.list(filters=wanted)]
    # Not images.list(): that looks at each once more, and one may be gone by then.
    image_labels = [label.replace("workshop.", "workshop.image.") for label in wanted["label"]]
    return names + [f"image {image['Id']}" for image in client.api.images(filters={"label": image_labels})]


def own_containers(session: Session) -> set[str]:
    """The names of a session's containers that do not belong to its stack."""
    names = things(session.engine, session.identity.workspace_id, f"{SCOPE}=kernel")
    return {name for kind, name in map(str.split, names) if kind == "container"}


def wait_gone(engine: Engine, session: str, maker: str) -> None:
    """Wait until nothing of a dead maker is left. Looking until its reaper is gone, too, sees what lands late."""
    assert wait_for(
        lambda: not things(engine, session, f"{MAKER}={maker}") and not reapers(maker), GONE_WITHIN_SECONDS
    ), f"left: {things(engine, session, f'{MAKER}={maker}')}"


def the_reaper(*words: str) -> int:
    """The pid of the one reaper with these words. A process that has just begun has no command line for a moment."""
    [pid] = wait_for(lambda: reapers(*words), 60)
    return pid


def reapers(*words: str) -> list[int]:
    """The pids of the reapers with these words in their command lines: a maker, a session."""
    return with_words("workshop_kit.engine.reaper", *words)


def builders(maker: str) -> list[int]:
    """The pids of the image builders that a maker started and that still run."""
    return with_words(f"{IMAGE_MAKER}={maker}")


def with_words(*words: str) -> list[int]:
    """The pids of the processes that have these words in their command lines."""
    return [
        process.pid for process in psutil.process_iter(["cmdline"]) if {*words} <= {*(process.info["cmdline"] or ())}
    ]
