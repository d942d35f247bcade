"""Podman, and Docker without root, on a machine with systemd and cgroup v2, where both can limit: an emulated one.

`machine/host.sh` boots it. It is about ten times slower than this machine, so the kit's time limits are, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from workshop_kit.engine import builder
from workshop_kit.engine.session import Session

pytestmark = [pytest.mark.engine, pytest.mark.machine, pytest.mark.timeout(1800)]
FOLDER = Path(__file__).with_name("machine")
CONSOLE = re.compile(r"^(\[ *[\d.]+\] )?guest\.sh\[\d+\]: ", re.MULTILINE)
"""What the console puts before each line of the guest's service."""


@pytest.fixture(scope="module")
def machine_image(session: Session, engines_image: str) -> Iterator[str]:
    """QEMU, and the disk of its guest: a seat, the engines, systemd and Debian's kernel."""
    tag = f"workshop-machine-of-the-tests:{session.identity.session}"
    builder.build_folder(session, FOLDER, tag, f"--build-arg=ENGINES={engines_image}")
    yield tag
    session.engine.client.images.remove(tag, force=True)


def console(session: Session, image: str, *words: str) -> str:
    """Boot the machine with an engine and commands of the kit; return what these print, and their exit codes."""
    container = session.engine.client.containers.run(
        image, [*words], privileged=True, cgroupns="private", labels=session.labels("kernel"), detach=True
    )
    try:
        container.wait()
        return CONSOLE.sub("", container.logs().decode(errors="replace").replace("\r", ""))
    finally:
        container.remove(force=True, v=True)


def lacking(said: str) -> list[str]:
    """Return the features that doctor calls missing."""
    return re.findall(r"^✗ \w+ +(.+?)  ", said, re.MULTILINE)


def test_rootless_docker_limits_and_runs_two_lessons(session: Session, machine_image: str) -> None:
    """With systemd a rootless engine limits, so container.limits (in 01) is judged, and the big process is killed."""
    doctor, tour = console(session, machine_image, "rootless", "doctor", "tour,00,01").split("== tour")
    assert lacking(doctor) == ["Container cgroups"], doctor  # those are its user's own, where the agent cannot look
    assert "exit code 0" in tour, tour


def test_podman_limits_and_checks_health(session: Session, machine_image: str) -> None:
    """With systemd its timers run the health checks; the stack comes up, and the first lesson runs on it."""
    doctor, tour = console(session, machine_image, "podman", "doctor", "tour,00").split("== tour")
    assert lacking(doctor) == [], doctor
    assert "exit code 0" in tour, tour
