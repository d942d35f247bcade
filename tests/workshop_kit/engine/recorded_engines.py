"""Answers of engines: their `docker version` and `docker info`, and what their containers answered to the questions.

Rootless Docker without delegation and Podman without systemd were measured; the others have the values that their
`docker info` prints. Only what the kit reads is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from workshop_kit.engine.labels import Identity
from workshop_kit.engine.reach import Endpoint, Engine
from workshop_kit.engine.session import Ledger, Session

GOOD = {
    "Memory limit": "137",
    "CPU limit": "0.2004",
    "Process limit": "19",
    "Health checks": "1",
    "Container statistics": "8773632",
    "CPU periods": "7",
    "Pause": "1",
    "Container cgroups": "9142272",
    "Engine memory": "15.5",
    "Container logs": "0",
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
        ledger = Ledger(folder / "ledger.jsonl")
        return Session(Engine(client, Endpoint(self.address, "recorded"), self.version), Identity("0a1b", "me"), ledger)


DOCKER_24 = Recorded(
    "unix:///var/run/docker.sock",
    {"Version": "24.0.7", "ApiVersion": "1.43"},
    {
        "OperatingSystem": "Ubuntu 22.04.4 LTS",
        "DockerRootDir": "/var/lib/docker",
        "CgroupDriver": "systemd",
        "CgroupVersion": "2",
        "SecurityOptions": ["name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"],
    },
    {},
)
DESKTOP = Recorded(
    "unix:///Users/ann/.docker/run/docker.sock",
    {"Version": "28.0.4", "ApiVersion": "1.48"},
    {**DOCKER_24.info, "OperatingSystem": "Docker Desktop", "CgroupDriver": "cgroupfs"},
    {"Engine memory": "7.65"},
)
COLIMA = Recorded(
    "unix:///Users/ann/.colima/default/docker.sock",
    {"Version": "27.4.0", "ApiVersion": "1.47"},
    {**DOCKER_24.info, "OperatingSystem": "Ubuntu 24.04.1 LTS", "CgroupDriver": "cgroupfs"},
    {"Engine memory": "1.91"},  # of 2 GiB, which Colima takes unless it is told otherwise
)
ROOTLESS = Recorded(
    "unix:///run/user/1000/docker.sock",
    {"Version": "26.1.5", "ApiVersion": "1.45"},
    {
        "OperatingSystem": "Debian GNU/Linux 13 (trixie)",
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
        "Container cgroups": "",
    },
)
ROOTLESS_WITH_SYSTEMD = Recorded(
    ROOTLESS.address,
    ROOTLESS.version,
    {**ROOTLESS.info, "CgroupDriver": "systemd", "CgroupVersion": "2"},
    {"Container cgroups": ""},
)
PODMAN = Recorded(
    "unix:///run/podman/podman.sock",
    {"Version": "5.4.2", "ApiVersion": "1.41", "Components": [{"Name": "Podman Engine"}, {"Name": "Conmon"}]},
    {**DOCKER_24.info, "OperatingSystem": "debian", "CgroupDriver": "cgroupfs", "CgroupVersion": "1"},
    {"Health checks": "0", "Container statistics": "", "CPU periods": "0", "Container cgroups": ""},
)
