"""The engines of docs/engines.md besides Docker as root: real ones, each in a privileged container made of a seat.

Neither has systemd, and their cgroups are those of this machine; on version 1 the rootless engine cannot limit.
`test_machine` has both with systemd and cgroup v2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.deploy.agent import judge_agent
from workshop_kit.engine.session import Session
from workshop_kit.patience import wait_for

pytestmark = [pytest.mark.engine, pytest.mark.engines, pytest.mark.timeout(1200)]
SEAT_ENTRY = "/opt/container-design-workshop/images/seat/entrypoint.sh"
LOADED = "Ready: 12 images came from the bundle"
LOAD_SECONDS = 240
USERS = {
    "podman": ("root", {"DOCKER_HOST": "unix:///run/podman.sock"}),
    "rootless": (
        "ann",
        {
            "HOME": "/home/ann",
            "XDG_RUNTIME_DIR": "/run/user/1000",
            "DOCKER_HOST": "unix:///run/user/1000/docker.sock",
        },
    ),
}


@dataclass(frozen=True)
class EngineContainer:
    """A container in which another engine runs, with the kit beside it; ``name`` is the engine's script."""

    name: str
    container: Any

    def kit(self, *words: str) -> str:
        """Run a command of the kit as the user of this engine; return what it says, and then its exit code."""
        return self.run("./workshop", *words)

    def run(self, *command: str) -> str:
        """Run a program as the user of this engine; return what it prints, and then its exit code."""
        user, environment = USERS[self.name]
        code, output = self.container.exec_run(list(command), user=user, environment=environment)
        return f"{output.decode(errors='replace')}\nexit code {code}"


@pytest.fixture(scope="module", params=[*USERS])
def other(request: pytest.FixtureRequest, session: Session, engines_image: str) -> Iterator[EngineContainer]:
    """One of the engines, with the workshop's images in it."""
    container = session.engine.client.containers.run(
        engines_image,
        ["--", f"/engines/{request.param}.sh", SEAT_ENTRY, "sleep", "infinity"],
        entrypoint="tini",
        privileged=True,
        cgroupns="private",
        labels=session.labels("kernel"),
        detach=True,
    )
    try:
        assert wait_for(lambda: LOADED in container.logs().decode(), LOAD_SECONDS)
        yield EngineContainer(request.param, container)
    finally:
        container.remove(force=True, v=True)


def test_doctor_says_what_it_lacks(other: EngineContainer) -> None:
    """Each feature is tried; what is missing has its consequence in the same line."""
    doctor = other.kit("doctor")
    lacks = {line.split("  ")[1].strip(): line for line in doctor.splitlines() if line.startswith("✗")}
    if other.name == "podman":
        assert [*lacks] == ["CPU periods"], doctor
    else:
        assert {"Memory limit", "Process limit", "Pause"} <= {*lacks}, doctor
    assert all(": " in line for line in lacks.values()), doctor


def test_lessons_pass(other: EngineContainer) -> None:
    """The first two lessons run to their end; where no limit holds, the cell of the killed process says so."""
    output = other.kit("tour", "00", "01")
    failed = [line for line in output.splitlines() if line.startswith("✗")]
    if other.name == "podman":
        assert (failed, output.endswith("exit code 0")) == ([], True), output
    else:
        assert len(failed) == 1, output
        assert "this engine limits no memory" in failed[0]
    judge_agent(other.run("/engines/agent.sh"))
