"""The specification of a container; its defaults are hardened as the lessons recommend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from docker.types import LogConfig, Mount

from workshop_kit.host import MIB

LOG = LogConfig(type="json-file", config={"max-size": "50m", "max-file": "5"})


@dataclass(frozen=True)
class Spec:
    """The specification of a container; the defaults are hardened as the lessons recommend.

    ``cpus``: in cores.
    ``memory_bytes``: the limit of memory and swap together.
    ``ports``: the container's ports, each of which gets a free port on 127.0.0.1.
    ``volumes``: folders that become anonymous volumes, filled from the image.
    ``files``: text or bytes by absolute path, copied into the container before it starts. With ``read_only`` the
    folder of a file has to be a volume.
    ``more``: further options of the SDK's ``create``, which take precedence over the other fields.
    """

    image: str
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None  # None: the image's
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    network: str | None = None
    ports: tuple[int, ...] = ()
    volumes: tuple[str, ...] = ()
    files: Mapping[str, str | bytes] = field(default_factory=dict, repr=False)
    tmpfs: Mapping[str, str] = field(default_factory=lambda: {"/tmp": "size=16m,mode=1777"})  # noqa: S108
    read_only: bool = True
    memory_bytes: int | None = 256 * MIB
    cpus: float | None = 1.0
    pids: int | None = 100
    cap_drop: tuple[str, ...] = ("ALL",)
    security_opt: tuple[str, ...] = ("no-new-privileges:true",)
    dns_options: tuple[str, ...] = ()
    user: str | None = None  # None: the image's
    labels: Mapping[str, str] = field(default_factory=dict)  # beside the kit's own, which win
    healthcheck: Mapping[str, Any] | None = None  # with the engine's keys, times in nanoseconds; None: the image's
    more: Mapping[str, Any] = field(default_factory=dict)

    def options(self) -> dict[str, Any]:
        """Return all but the image and the command as options of the SDK's ``create``."""
        return {
            "entrypoint": self.entrypoint,
            "environment": dict(self.environment),
            "network_mode": self.network or "default",
            "ports": dict.fromkeys(self.ports),
            "mounts": [anonymous_volume(folder) for folder in self.volumes],
            "tmpfs": dict(self.tmpfs),
            "read_only": self.read_only,
            "mem_limit": self.memory_bytes,
            "memswap_limit": self.memory_bytes,
            "nano_cpus": int(self.cpus * 1e9) if self.cpus else None,
            "pids_limit": self.pids,
            "cap_drop": self.cap_drop,
            "security_opt": list(self.security_opt),
            "dns_opt": self.dns_options,
            "user": self.user,
            "labels": self.labels,
            "healthcheck": dict(self.healthcheck) if self.healthcheck else None,
            "log_config": LOG,
            **self.more,
        }


def anonymous_volume(folder: str) -> Mount:
    """Return a mount of an anonymous volume at a folder, filled from the image.

    The SDK turns ``volumes=[folder]`` into a bind without a source; Docker 28 does not report the name of its volume.
    """
    return Mount(folder, None, type="volume")
