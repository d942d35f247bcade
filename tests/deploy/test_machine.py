"""Podman, and Docker without root, on a machine with systemd and cgroup v2, where both can limit: an emulated one.

`machine/host.sh` boots it. It is about ten times slower than this machine, so the kit's time limits are, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.conftest import built
from workshop_kit.engine.session import Session

pytestmark = [pytest.mark.engine, pytest.mark.machine, pytest.mark.timeout(3000)]
FOLDER = Path(__file__).with_name("machine")
CONSOLE = re.compile(r"^.*guest\.sh\[\d+\]: ", re.MULTILINE)
"""What the console puts before each line of the guest's service."""
COMMANDS = ("doctor", "tour,00", "goto,02", "check,container.limits")
LACKING = {"rootless": ["Container cgroups"], "podman": ["CPU periods", "Container cgroups"]}
"""Features that each engine lacks. The cgroups are its user's own or systemd's, where the agent does not look."""
MACHINE_SECONDS = 2400


@pytest.fixture(scope="module")
def machine_image(session: Session, engines_image: str) -> Iterator[str]:
    """QEMU, and the disk of its guest: a seat, the engines, systemd and Debian's kernel."""
    yield from built(session, FOLDER, f"ENGINES={engines_image}")


@pytest.fixture(scope="module")
def machines(session: Session, machine_image: str) -> Iterator[dict[str, Any]]:
    """Two machines at once, since each keeps hardly more than one processor busy: containers by the engine's name."""
    started: dict[str, Any] = {}
    try:
        for name in LACKING:
            started[name] = session.engine.client.containers.run(
                machine_image,
                [name, *COMMANDS],
                privileged=True,
                cgroupns="private",
                labels=session.labels("kernel"),
                detach=True,
            )
        yield started
    finally:
        for container in started.values():
            container.remove(force=True, v=True)


def console(machine: Any) -> list[str]:
    """Wait for the machine's end; return what each command printed, and then its exit code."""
    machine.wait(timeout=MACHINE_SECONDS)
    said = CONSOLE.sub("", machine.logs().decode(errors="replace").replace("\r", ""))
    return re.split(r"^== ", said, flags=re.MULTILINE)[1:]


def lacking(said: str) -> list[str]:
    """Return the features that doctor calls missing."""
    return re.findall(r"^✗ \w+ +(.+?)  ", said, re.MULTILINE)


@pytest.mark.parametrize("name", LACKING)
def test_the_engine_limits_and_runs_a_lesson(name: str, machines: dict[str, Any]) -> None:
    """Limits hold, health checks run, the stack starts; the first lesson and the exercise of the limits pass."""
    doctor, tour, goto, check = console(machines[name])
    assert lacking(doctor) == LACKING[name], doctor
    assert "exit code 0" in tour, tour
    assert "exit code 0" in goto, goto
    assert "✓ container.limits: passed" in check, check
