"""Podman, and Docker without root, on a machine with systemd and cgroup v2, where both can limit: an emulated one.

`machine/host.sh` boots it. It is about ten times slower than this machine, so the kit's time limits are, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workshop_kit.engine.images import build_folder
from workshop_kit.engine.session import Session

pytestmark = [pytest.mark.engine, pytest.mark.machine, pytest.mark.timeout(3000)]
FOLDER = Path(__file__).with_name("machine")
CONSOLE = re.compile(r"^.*guest\.sh\[\d+\]: ", re.MULTILINE)
"""What the console puts before each line of the guest's service."""
COMMANDS = {"rootless": ("doctor", "tour,00"), "podman": ("doctor",)}
MACHINE_SECONDS = 2400


@pytest.fixture(scope="module")
def machine_image(session: Session, engines_image: str) -> Iterator[str]:
    """QEMU, and the disk of its guest: a seat, the engines, systemd and Debian's kernel."""
    tag = f"workshop-machine-of-the-tests:{session.identity.session}"
    build_folder(session, FOLDER, tag, f"--build-arg=ENGINES={engines_image}")
    yield tag
    session.engine.client.images.remove(tag, force=True)


@pytest.fixture(scope="module")
def machines(session: Session, machine_image: str) -> Iterator[dict[str, Any]]:
    """Two machines at once, since each keeps hardly more than one processor busy: containers by the engine's name."""
    started: dict[str, Any] = {}
    try:
        for engine, commands in COMMANDS.items():
            started[engine] = session.engine.client.containers.run(
                machine_image,
                [engine, *commands],
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


def test_rootless_docker_limits_and_runs_a_lesson(machines: dict[str, Any]) -> None:
    """With systemd a rootless engine limits memory, CPU and processes; the stack and the first lesson run on it."""
    doctor, tour = console(machines["rootless"])
    assert lacking(doctor) == ["Container cgroups"], doctor  # those are its user's own, where the agent cannot look
    assert "exit code 0" in tour, tour


def test_podman_limits_and_checks_health(machines: dict[str, Any]) -> None:
    """With systemd its timers run the health checks. The lessons are run on it in `test_engines`."""
    (doctor,) = console(machines["podman"])
    assert lacking(doctor) == ["CPU periods", "Container cgroups"], doctor
