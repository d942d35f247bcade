"""What the build of a submission may take of this machine: options of the builder, and a guard for all else.

BuildKit limits neither memory nor processes of a RUN line. The options limit each process, and `build_cgroup` limits
all of them together where the engine allows it. The guard looks at what they take while the build runs. It cannot look
into the virtual machine of Docker Desktop, which has limits of its own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from workshop_kit.engine.reach import Engine
from workshop_kit.host import GIB, MIB
from workshop_kit.patience import LOAD_FILE

FILE_BYTES = 256 * MIB
PROCESS_BYTES = GIB
PROCESS_SECONDS = 120
OPTIONS = (
    "--network=none",
    f"--ulimit=fsize={FILE_BYTES}:{FILE_BYTES}",
    f"--ulimit=data={PROCESS_BYTES}:{PROCESS_BYTES}",
    f"--ulimit=cpu={PROCESS_SECONDS}:{PROCESS_SECONDS}",
    "--ulimit=core=0:0",
)
"""A RUN line has no network: pip installs from the wheels in the image. Each of its processes has limits."""
MOST_TASKS = 1_000
"""So many more processes and threads on this machine than before end a build."""
MOST_DISK_BYTES = 2 * GIB
LEAST_MEMORY = 0.05
MOST_MEMORY = 0.1
"""A build ends once less than `LEAST_MEMORY` of the machine's memory is free, and it took more than `MOST_MEMORY`."""
SLOW_LOOK_SECONDS = 0.2


@dataclass
class BuildGuard:
    """Says when a build has to end. ``folder`` is where the engine keeps images; None where it cannot be seen."""

    folder: Path | None
    tasks: Callable[[], int | None]
    free_memory: Callable[[], float]
    before_tasks: int | None = field(init=False)
    before_disk: int = field(init=False)
    before_memory: float = field(init=False)
    looked_at: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.before_tasks = self.tasks()
        self.before_disk = self._free_disk()
        self.before_memory = self.free_memory()

    def __call__(self) -> str:
        """Return the reason to end the build now; "" for none."""
        if self._new_tasks() > MOST_TASKS:
            return f"it started more than {MOST_TASKS:,} processes"

        if time.monotonic() - self.looked_at < SLOW_LOOK_SECONDS:
            return ""
        self.looked_at = time.monotonic()
        filled_bytes = self.before_disk - self._free_disk()
        if filled_bytes > MOST_DISK_BYTES:
            return f"it wrote more than {MOST_DISK_BYTES // GIB} GiB"

        free_memory_now = self.free_memory()
        taken_memory = self.before_memory - free_memory_now
        if free_memory_now < LEAST_MEMORY and taken_memory > MOST_MEMORY:
            return "the memory of this machine was nearly used up"
        return ""

    def _new_tasks(self) -> int:
        """Return how many more processes and threads there are than before; 0 where that is not known."""
        tasks_now = self.tasks()
        if tasks_now is None or self.before_tasks is None:
            return 0
        return tasks_now - self.before_tasks

    def _free_disk(self) -> int:
        """Return the free bytes of the disk; 0 where it cannot be seen."""
        if self.folder is None:
            return 0
        with contextlib.suppress(OSError):
            return shutil.disk_usage(self.folder).free
        return 0


def guard_factory(engine: Engine) -> Callable[[], Callable[[], str]]:
    """Return a function that makes a guard for each build on an engine."""
    folder = disk_of(engine)

    def new_guard() -> BuildGuard:
        return BuildGuard(folder, tasks_of_machine, free_memory)

    return new_guard


def disk_of(engine: Engine) -> Path | None:
    """Return the folder in which an engine stores images and volumes; None where this machine cannot see it."""
    root = Path(engine.client.info().get("DockerRootDir") or os.devnull)
    return root if root.is_dir() else None


def tasks_of_machine() -> int | None:
    """Return how many processes and threads this machine has; None where it does not say (macOS)."""
    try:
        load_text = LOAD_FILE.read_text()
    except OSError:
        return None

    running_and_total = load_text.split()[3]  # "2/1083"
    _, _, total = running_and_total.partition("/")
    return int(total)


def free_memory() -> float:
    """Return the part of this machine's memory that is free for programs, from 0 to 1."""
    memory = psutil.virtual_memory()
    return float(memory.available / memory.total)
