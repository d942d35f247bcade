"""The differences between engines: Docker with its two image stores, rootless or not, and Podman.

The rest of the kit treats every engine alike: it asks the engine's dialect, which is chosen by ``docker version``, and
the functions here, which read ``docker info``.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

DEFAULT_SOCKET = "/var/run/docker.sock"
START_INTERVAL_API = (1, 44)
"""The version of the API (Docker 25) from which on health checks have a start interval."""


class Dialect:
    """How Docker answers and is called. ``version`` is the engine's ``docker version``, ``address`` its address."""

    product = "Docker"
    has_buildkit = True
    """Whether it has BuildKit, which its user may have turned off."""
    tells_log_options = True
    """Whether ``docker inspect`` has the options of a container's log."""
    stops_before_removal = False
    """Whether a forced removal sends SIGTERM first, and waits."""
    lists_newest_first = True
    result_option = "--metadata-file"
    """The option with which a build command writes the ids of the image to a file, for `built_ids`."""

    def __init__(self, version: Mapping[str, Any], address: str) -> None:
        self.version = version
        self.address = address

    @property
    def knows_start_interval(self) -> bool:
        """Whether health checks have a start interval."""
        numbers = str(self.version["ApiVersion"]).split(".")
        return tuple(map(int, numbers)) >= START_INTERVAL_API

    def build_command(self, tag: str | None, labels: Mapping[str, str]) -> list[str]:
        """Return the beginning of the command that builds an image; the caller adds further options and the folder."""
        words = self._builder()
        if tag:
            words += ["--tag", tag]
        for key, value in labels.items():
            words += ["--label", f"{key}={value}"]
        return words

    def _builder(self) -> list[str]:
        """Return the program that builds images, with the options that it always needs."""
        return ["docker", "buildx", "build", "--load", "--progress=plain", "--provenance=false"]

    def built_ids(self, result: str) -> list[str]:
        """Return the ids that a built image may have, from the text of the file of ``result_option``.

        In Docker's classic image store an image's id is the digest of its configuration, in containerd's store that of
        its manifest. BuildKit's ``--iidfile`` has the configuration's digest with both stores (docker/buildx#3952).
        """
        metadata = json.loads(result)
        digests = [metadata.get("containerimage.digest"), metadata.get("containerimage.config.digest")]
        return [digest for digest in digests if digest]

    def drops_all(self, dropped: Collection[str]) -> bool:
        """Return whether a container whose ``CapDrop`` has these names has no capability left."""
        return "ALL" in dropped

    def end_of_events(self, until: str) -> dict[str, str]:
        """Return the parameter of ``/events`` that ends the answer, at the time ``until`` (seconds since 1970)."""
        return {"until": until}

    def log_source(self, info: Mapping[str, Any]) -> str:
        """Return the path on the engine's machine from which the collector reads logs: the folder of containers.

        Return a socket where the collector cannot read that folder: on a rootless engine and on one that remaps users,
        where it is not root, and on Docker Desktop, whose folder is in a virtual machine.
        """
        security_options = " ".join(info.get("SecurityOptions") or ())
        if "rootless" in security_options or "userns" in security_options:
            return self.own_socket
        if "Docker Desktop" in info.get("OperatingSystem", ""):
            return DEFAULT_SOCKET
        return f"{info['DockerRootDir']}/containers"

    @property
    def own_socket(self) -> str:
        """The path of the socket at which this engine answers; the default one for an address without a path."""
        if self.address.startswith("unix://"):
            return self.address.removeprefix("unix://")
        return DEFAULT_SOCKET


class PodmanDialect(Dialect):
    """Podman behind its Docker-compatible socket."""

    product = "Podman"
    has_buildkit = False
    tells_log_options = False
    stops_before_removal = True
    lists_newest_first = False
    result_option = "--iidfile"
    capabilities = frozenset({
        "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP",
        "SETUID", "SYS_CHROOT",
    })  # fmt: skip
    """What a container gets by default. Where ALL are dropped, ``docker inspect`` names each of these."""

    def _builder(self) -> list[str]:
        """Return the program that builds images; without ``--format`` Podman leaves out health checks."""
        return ["podman", "--remote", "--url", self.address, "build", "--format=docker"]

    def built_ids(self, result: str) -> list[str]:
        """Return the text of the file, which is the image's id."""
        return [result]

    def drops_all(self, dropped: Collection[str]) -> bool:
        """Return whether no capability is left: the names are ALL, or those of all capabilities."""
        return "ALL" in dropped or self.capabilities.issubset(dropped)

    def end_of_events(self, until: str) -> dict[str, str]:  # noqa: ARG002
        """Return a parameter without a time: for one that has passed, Podman answers nothing."""
        return {"stream": "false"}

    def log_source(self, info: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Return the socket: Podman has no folder of containers."""
        return self.own_socket


def dialect_of(version: Mapping[str, Any], address: str) -> Dialect:
    """Return the dialect of the engine with this ``docker version`` at an address."""
    components = [component["Name"] for component in version.get("Components") or ()]
    is_podman = any("Podman" in name for name in components)
    return PodmanDialect(version, address) if is_podman else Dialect(version, address)
