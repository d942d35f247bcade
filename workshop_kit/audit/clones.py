"""How a target is cloned: the same image and settings, with nothing of the host attached, and within bounds."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from docker.errors import APIError
from docker.types import LogConfig, Mount

from workshop_kit.audit.targets import Target
from workshop_kit.engine.containers import Running
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec, container_config
from workshop_kit.errors import WorkshopError

MEMORY_BYTES = 1024**3
PIDS = 256
FILE_BYTES = 64 * 1024**2
"""No file of a clone gets larger: its layer is on the disk of whoever audits."""
WRITTEN_BYTES = 256 * 1024**2
WRITTEN_FILES = 10_000
"""A clone that has written more is stopped; so much fits into what stands for a volume, too."""
LOOK_SECONDS = 0.5
LOG = LogConfig(type="json-file", config={"max-size": "4m", "max-file": "2"})
STOP_SECONDS = 10
HEALTH_SECONDS = {"Interval": 0.5, "Timeout": 2.0, "StartPeriod": 0.001}  # a period of 0 would mean the image's
HEALTH_RETRIES = 2

# What the engine gives by default (github.com/moby/moby, oci/caps/defaults.go): no more is given to a clone.
_DEFAULT_CAPABILITIES = {
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW",
    "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}  # fmt: skip
_TMPFS = "size=16m,mode=1777"
_VOLUME = f"size={WRITTEN_BYTES},nr_inodes={WRITTEN_FILES},mode=1777,exec"


@dataclass(frozen=True)
class Recipe:
    """A clone to be made: the kit's spec, and what that has no word for."""

    spec: Spec
    config: Mapping[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()

    def with_environment(self, environment: Mapping[str, str]) -> Recipe:
        """The same with another environment."""
        return replace(self, spec=replace(self.spec, environment=dict(environment)))

    def confined(self) -> Recipe:
        """The same with a read-only root, tmpfs on /tmp and /run, and no capability."""
        spec = self.spec
        tmpfs = {"/tmp": _TMPFS, "/run": _TMPFS, **spec.tmpfs}  # noqa: S108
        host = {**spec.host, "CapAdd": []}
        return replace(self, spec=replace(spec, read_only=True, tmpfs=tmpfs, cap_drop=("ALL",), host=host))


def recipe(
    target: Target,
    environment: Mapping[str, str],
    network: str,
    copies: Mapping[str, str] | None = None,
    *,
    aliases: tuple[str, ...] = (),
) -> Recipe:
    """How a target is cloned: a tmpfs for each volume, and of bind mounts the ``copies`` (folder to volume) alone."""
    host, config = target.host, target.config
    mounts = (target.container or {}).get("Mounts") or ()
    volumes = [mount["Destination"] for mount in mounts if mount["Type"] == "volume"]
    if target.container is None:  # of a container these name its bind mounts, too
        volumes = list(config.get("Volumes") or ())
    tmpfs = {mount["Destination"]: "" for mount in mounts if mount["Type"] == "tmpfs"} | (host.get("Tmpfs") or {})
    spec = Spec(
        image=target.image["Id"],
        command=tuple(config.get("Cmd") or ()) or None,
        entrypoint=tuple(config.get("Entrypoint") or ()) or None,
        environment=dict(environment),
        network=network,
        tmpfs={**{path: _bounded(words) for path, words in tmpfs.items()}, **dict.fromkeys(volumes, _VOLUME)},
        read_only=bool(host.get("ReadonlyRootfs")),
        memory_bytes=host["Memory"] + (WRITTEN_BYTES if volumes else 0) if host.get("Memory") else MEMORY_BYTES,
        cpus=min((host.get("NanoCpus") or 1e9) / 1e9, 1.0),
        pids=min(host.get("PidsLimit") or PIDS, PIDS) if (host.get("PidsLimit") or 0) >= 0 else PIDS,
        cap_drop=tuple(host.get("CapDrop") or ()),
        security_opt=tuple(one for one in host.get("SecurityOpt") or () if one.startswith("no-new-privileges")),
        dns_options=tuple(host.get("DnsOptions") or ()),
        user=config.get("User") or None,
        stop_timeout_seconds=STOP_SECONDS,
        healthcheck=_quicker(config.get("Healthcheck")),
        host={
            "CapAdd": [one for one in host.get("CapAdd") or () if one.removeprefix("CAP_") in _DEFAULT_CAPABILITIES],
            "Init": host.get("Init"),
            "LogConfig": LOG,
            "Mounts": [Mount(folder, volume, read_only=True) for folder, volume in (copies or {}).items()],
            "Ulimits": [
                {"Name": "fsize", "Soft": FILE_BYTES, "Hard": FILE_BYTES},
                {"Name": "core", "Soft": 0, "Hard": 0},
            ],
        },
    )
    more = {key: config[key] for key in ("WorkingDir", "StopSignal", "Tty", "OpenStdin") if config.get(key)}
    return Recipe(spec, more, aliases)


def make(session: Session, recipe: Recipe) -> Running:
    """Create the clone with labels and in the ledger; it is not started. Raises WorkshopError if the engine refuses."""
    client, spec = session.engine.client, recipe.spec
    try:
        body = {**container_config(client.api, spec, session.labels("kernel")), **recipe.config}
        if recipe.aliases and spec.network:
            endpoint = {"Aliases": list(recipe.aliases)}
            body["NetworkingConfig"] = {"EndpointsConfig": {spec.network: endpoint}}
        made = client.api.create_container_from_config(body)
        container = client.containers.get(made["Id"])
        session.record("container", container.id, container.name, "kernel")
    except APIError as refused:
        raise WorkshopError(f"The engine refused to make a clone of it: {refused.explanation}.") from refused
    return Running(session, container)


def watch_writing(running: Running, over: threading.Event) -> str:
    """Kill a clone that has written more than it may, until ``over``; return why, or nothing."""
    api = running.session.engine.client.api
    while not over.wait(LOOK_SECONDS):
        with contextlib.suppress(APIError):
            written = len(running.container.diff() or ())
            (told,) = api.containers(all=True, size=True, filters={"id": running.id}) or [{}]
            if written > WRITTEN_FILES or told.get("SizeRw", 0) > WRITTEN_BYTES:
                running.container.kill()
                return f"more than {WRITTEN_FILES:,} files or {WRITTEN_BYTES // 1024**2} MB"
    return ""


def _bounded(words: str) -> str:
    """The options of a tmpfs, with a size and a number of files that a clone may have."""
    kept = [word for word in words.split(",") if word and not word.startswith(("size=", "nr_"))]
    return ",".join([*kept, "size=64m", f"nr_inodes={WRITTEN_FILES}"])


def _quicker(check: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The same check, asked every half a second, so that nobody waits for a minute."""
    if not check or not check.get("Test") or check["Test"] == ["NONE"]:
        return None
    times = {name: int(seconds * 1e9) for name, seconds in HEALTH_SECONDS.items()}
    times["Timeout"] = min(check.get("Timeout") or times["Timeout"], times["Timeout"])
    return {"Test": list(check["Test"]), "Retries": HEALTH_RETRIES, **times}
