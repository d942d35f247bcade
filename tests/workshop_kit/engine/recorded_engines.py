"""Answers of engines: their `docker version` and `docker info`, and what their containers answered to the questions.

Rootless Docker without delegation and Podman without systemd were measured. Those of Docker Desktop and Colima are what
people have published of theirs; a comment says where. What their containers answer is not known: the good answers stand
for it, but for their memory. Only what the kit reads is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from workshop_kit.engine.labels import Identity
from workshop_kit.engine.reach import Endpoint, Engine
from workshop_kit.engine.session import Session

GOOD = {
    "Memory limit": "137",
    "CPU limit": "0.2004",
    "Process limit": "19",
    "Health checks": "1",
    "Container statistics": "8773632",
    "CPU periods": "7",
    "Pause": "1",
    "Engine memory": "15.5",
    "Container logs": "0",
    "Shared files": "1",
}
LIMITS = {"Memory limit", "CPU limit", "Process limit"}


@dataclass(frozen=True)
class Recorded:
    """An engine; ``answers`` differ from the good ones."""

    address: str
    version: dict[str, Any]
    info: dict[str, Any]
    answers: dict[str, str]

    def session(self, folder: Path) -> Session:
        """A session on this engine: every other request than for its description fails."""
        client = SimpleNamespace(info=lambda: self.info)
        return Session(Engine(client, Endpoint(self.address, "recorded"), self.version), Identity("0a1b"), folder)


DOCKER_24 = Recorded(
    "unix:///var/run/docker.sock",
    {"Version": "24.0.7", "ApiVersion": "1.43", "Arch": "amd64"},
    {
        "OperatingSystem": "Ubuntu 22.04.4 LTS",
        "Name": "ann-laptop",
        "DockerRootDir": "/var/lib/docker",
        "CgroupDriver": "systemd",
        "CgroupVersion": "2",
        "SecurityOptions": ["name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"],
    },
    {},
)
IN_A_MACHINE = {
    "DockerRootDir": "/var/lib/docker",
    "CgroupDriver": "cgroupfs",
    "CgroupVersion": "2",
    "SecurityOptions": ["name=seccomp,profile=builtin", "name=cgroupns"],
}

# docker/desktop-feedback#602: Docker Desktop 4.86 on a Mac with Apple silicon.
DESKTOP = Recorded(
    "unix:///Users/ann/.docker/run/docker.sock",
    {"Version": "29.7.2", "ApiVersion": "1.55", "Arch": "arm64"},
    {**IN_A_MACHINE, "OperatingSystem": "Docker Desktop", "Name": "docker-desktop"},
    {"Engine memory": "7.65"},
)
# The output of `docker info` in a public log of a release on Colima ("phase16b", 2026); 1.9 GiB is what it takes
# unless it is told otherwise. abiosoft/colima, docs/FAQ.md: its socket; ddev/ddev, providers.go: its name.
COLIMA = Recorded(
    "unix:///Users/ann/.colima/default/docker.sock",
    {"Version": "29.5.2", "ApiVersion": "1.54", "Arch": "arm64"},
    {**IN_A_MACHINE, "OperatingSystem": "Ubuntu 24.04.4 LTS", "Name": "colima"},
    {"Engine memory": "1.91"},
)
ROOTLESS = Recorded(
    "unix:///run/user/1000/docker.sock",
    {"Version": "26.1.5", "ApiVersion": "1.45", "Arch": "amd64"},
    {
        "OperatingSystem": "Debian GNU/Linux 13 (trixie)",
        "Name": "ann-laptop",
        "DockerRootDir": "/home/ann/.local/share/docker",
        "CgroupDriver": "none",
        "CgroupVersion": "1",
        "MemoryLimit": True,  # it says so, and limits nothing
        "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"],
    },
    {
        "Memory limit": "0",
        "CPU limit": "0.9998",
        "Process limit": "40",
        "Container statistics": "0",
        "CPU periods": "0",
        "Pause": "0",
    },
)
ROOTLESS_WITH_SYSTEMD = Recorded(
    ROOTLESS.address,
    ROOTLESS.version,
    {**ROOTLESS.info, "CgroupDriver": "systemd", "CgroupVersion": "2"},
    {},
)
PODMAN = Recorded(
    "unix:///run/podman/podman.sock",
    {
        "Version": "5.4.2",
        "ApiVersion": "1.41",
        "Arch": "amd64",
        "Components": [{"Name": "Podman Engine"}, {"Name": "Conmon"}],
    },
    {**DOCKER_24.info, "OperatingSystem": "debian", "CgroupDriver": "cgroupfs", "CgroupVersion": "1"},
    {"Health checks": "0", "Container statistics": "", "CPU periods": "0"},
)
