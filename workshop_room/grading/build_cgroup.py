"""A cgroup with limits of memory and processes, in which the engine runs the RUN lines of builds.

A small container makes the cgroup on the engine's machine, and a build proves that the limits hold. Where they do not
(as with a rootless engine), builds run without the cgroup, and only the guard of `build_guard` ends them.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from docker.errors import APIError

from workshop_kit.engine import containers, images, recipes, shell
from workshop_kit.engine.containers import Spec
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.reaper import temporary_session
from workshop_kit.engine.recipes import REPOSITORY
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError
from workshop_kit.host import GIB
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials.service_image import remove_image
from workshop_room.grading.build_guard import OPTIONS

NAME = "workshop-grade"
MEMORY_BYTES = GIB
MOST_TASKS = 256
ON_ENGINE = "/sys/fs/cgroup"
MOUNTED = "/host/cgroup"
PROGRAM = Path(__file__).with_name("cgroup_inside.py")
PROOF = """
import subprocess, sys
started = []
try:
    for _ in range(int(sys.argv[1])):
        started.append(subprocess.Popen(["sleep", "60"]))
except OSError:
    pass
for process in started:
    process.kill()
sys.exit(len(started) == int(sys.argv[1]))
"""
"""Ends with 0 if it could not start so many processes."""
WITHOUT_LIMITS = (
    "This engine does not let builds be limited as a whole: each process of a RUN line is, and a build that starts "
    "many, or fills disk or memory, is ended once that is seen. Grade on a machine that you could lose."
)


@contextlib.contextmanager
def build_options(engine: Engine, say: Callable[[str], None]) -> Iterator[tuple[str, ...]]:
    """Yield the options for builds of submissions, and remove the cgroup at the end of the block.

    Where the engine does not apply the cgroup's limits, the options do not name it, and ``say`` gets a warning.
    """
    with temporary_session(engine) as session:
        limited_options = (*OPTIONS, f"--cgroup-parent=/{NAME}")
        try:
            has_cgroup = _run_program(session, "limit", NAME, str(MEMORY_BYTES), str(MOST_TASKS))
            has_limits = has_cgroup and _is_limited(session, limited_options)
            if not has_limits:
                say(WITHOUT_LIMITS)
            yield limited_options if has_limits else OPTIONS
        finally:
            _run_program(session, "remove", NAME)


def _run_program(session: Session, action: str, *arguments: str) -> bool:
    """Run the program beside this module on the engine's cgroups; return whether it ended well."""
    spec = Spec(
        recipes.tags(CHECKOUT)["base"],
        command=("python3", "-I", "-S", "-c", PROGRAM.read_text(), action, MOUNTED, *arguments),
        network="none",
        user="0:0",
        host={"Binds": [f"{ON_ENGINE}:{MOUNTED}:rw"], "CapAdd": ["DAC_OVERRIDE"], "CgroupnsMode": "host"},
    )
    try:
        with containers.run(session, spec) as running:
            return running.wait_ended() == 0
    except (WorkshopError, APIError):
        return False


def _is_limited(session: Session, options: tuple[str, ...]) -> bool:
    """Return whether builds with these options are limited.

    It builds an image whose RUN line tries to start more processes than the cgroup may have, and fails if it can.
    """
    tag = f"{REPOSITORY}/check:{secrets.token_hex(8)}"
    base_tag = recipes.tags(CHECKOUT)["base"]
    run_line = ["python3", "-I", "-S", "-c", PROOF, str(MOST_TASKS + 20), secrets.token_hex(4)]  # never from the cache
    dockerfile = f"FROM {base_tag}\nRUN {json.dumps(run_line)}\n"

    with tempfile.TemporaryDirectory(prefix="workshop-grade-") as folder:
        Path(folder, "Dockerfile").write_text(dockerfile)
        command = [*images.build_command(session.engine, tag, session.labels("kernel")), *options, folder]
        try:
            shell.run(command, failure="The builder takes no limits.", next_step="")
        except WorkshopError:
            return False
        finally:
            remove_image(session, tag)
    return True
