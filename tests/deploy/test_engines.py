"""The engines of docs/engines.md besides Docker as root: real ones, each in a privileged container made of a seat.

Neither has systemd, and their cgroups are those of this machine; on version 1 the rootless engine cannot limit.
`test_machine` has both with systemd and cgroup v2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.waiting import wait_until
from workshop_kit.engine.session import Session

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
        user, environment = USERS[self.name]
        code, output = self.container.exec_run(["./workshop", *words], user=user, environment=environment)
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
        wait_until(lambda: LOADED in container.logs().decode(), timeout_seconds=LOAD_SECONDS)
        yield EngineContainer(request.param, container)
    finally:
        container.remove(force=True, v=True)


def test_doctor_says_what_it_lacks(other: EngineContainer) -> None:
    """Each feature is tried; what is missing has its consequence in the same line."""
    said = other.kit("doctor")
    lacks = {line.split("  ")[1].strip(): line for line in said.splitlines() if line.startswith("✗")}
    if other.name == "podman":
        assert [*lacks] == ["CPU periods"], said
    else:
        assert {"Memory limit", "Process limit", "Pause"} <= {*lacks}, said
    assert all(": " in line for line in lacks.values()), said


def test_lessons_pass(other: EngineContainer) -> None:
    """The first two lessons run to their end; where no limit holds, the cell of the killed process says so."""
    said = other.kit("tour", "00", "01")
    failed = [line for line in said.splitlines() if line.startswith("✗")]
    if other.name == "podman":
        assert (failed, said.endswith("exit code 0")) == ([], True), said
    else:
        assert len(failed) == 1, said
        assert "this engine limits no memory" in failed[0]
