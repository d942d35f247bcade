"""Docker as root, Docker without root, and Podman, on a machine with systemd and cgroup v2: an emulated one.

`machine/host.sh` boots it. It is about ten times slower than this machine, and three share its cores, so the kit's time
limits are longer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.deploy.agent import judge_agent
from tests.deploy.conftest import built
from workshop_kit.engine.session import Session

pytestmark = [pytest.mark.engine, pytest.mark.machine, pytest.mark.timeout(3600)]
FOLDER = Path(__file__).with_name("machine")
CONSOLE = re.compile(r"^.*guest\.sh\[\d+\]: ", re.MULTILINE)
"""What the console puts before each line of the guest's service."""
COMMANDS = ("doctor", "goto,01b", "check,container.limits")
LACKING: dict[str, list[str]] = {
    "rootful": [],
    "rootless": [],
    "podman": ["CPU periods"],
}
"""Features that each engine lacks."""
MACHINE_SECONDS = 3000
CONSOLE_CHARACTERS = 3000
"""How much of the console of a machine that did not come up is shown: a full disk says so there."""


@pytest.fixture(scope="module")
def machine_image(session: Session, engines_image: str) -> Iterator[str]:
    """QEMU, and the disk of its guest: a seat, the engines, systemd and Debian's kernel."""
    yield from built(session, FOLDER, f"ENGINES={engines_image}")


@pytest.fixture(scope="module")
def consoles(session: Session, machine_image: str) -> Iterator[dict[str, Future[str]]]:
    """What each machine prints, by the engine's name."""
    with ThreadPoolExecutor(len(LACKING)) as pool:
        yield {name: pool.submit(run_machine, session, machine_image, [name, *COMMANDS]) for name in LACKING}
        pool.shutdown(cancel_futures=True)


def run_machine(session: Session, image: str, command: Sequence[str]) -> str:
    """Run a machine to its end; return what it printed."""
    container = session.engine.client.containers.run(
        image, list(command), privileged=True, cgroupns="private", labels=session.labels("kernel"), detach=True
    )
    try:
        container.wait(timeout=MACHINE_SECONDS)
        return str(container.logs().decode(errors="replace"))
    finally:
        container.remove(force=True, v=True)


def by_command(console: str) -> dict[str, str]:
    """Return what each command printed, and then its exit code, by its first word."""
    text = CONSOLE.sub("", console.replace("\r", ""))
    parts = re.split(r"^== ", text, flags=re.MULTILINE)[1:]
    return {re.split(r"\W", part, maxsplit=1)[0]: part for part in parts}


def lacking(doctor: str) -> list[str]:
    """Return the features that doctor calls missing."""
    return re.findall(r"^✗ \w+ +(.+?)  ", doctor, re.MULTILINE)


@pytest.mark.parametrize("name", LACKING)
def test_the_engine_limits_and_runs_a_lesson(name: str, consoles: dict[str, Future[str]]) -> None:
    """Limits hold, health checks run, the stack starts, and the exercise of the limits passes."""
    console = consoles[name].result()
    output = by_command(console)
    assert "doctor" in output, console[-CONSOLE_CHARACTERS:]
    assert lacking(output["doctor"]) == LACKING[name], output["doctor"]
    assert "exit code 0" in output["goto"], output["goto"]
    assert "✓ container.limits: passed" in output["check"], output["check"]
    judge_agent(output["agent"])
