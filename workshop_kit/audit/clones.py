"""How a target is cloned: the same image and settings, with nothing of value attached, and within bounds."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from docker.errors import APIError, NotFound
from docker.types import LogConfig

from workshop_kit.audit.targets import Target
from workshop_kit.engine.containers import Running
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec, container_config
from workshop_kit.errors import WorkshopError

MEMORY_BYTES = 1024**3
PIDS = 256
FILE_BYTES = 64 * 1024**2
"""No file of a clone gets larger: its layer is on the disk of whoever audits."""
COPIED_BYTES = 16 * 1024**2
LOG = LogConfig(type="json-file", config={"max-size": "4m", "max-file": "2"})
STOP_SECONDS = 10
HEALTH_INTERVAL_NANOSECONDS = 500_000_000
HEALTH_TIMEOUT_NANOSECONDS = 2_000_000_000
HEALTH_RETRIES = 2
NO_START_PERIOD_NANOSECONDS = 1_000_000  # 0 would mean the image's, in which failures do not count

# What the engine gives by default (github.com/moby/moby, oci/caps/defaults.go): no more is given to a clone.
_DEFAULT_CAPABILITIES = {
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW",
    "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}  # fmt: skip
_NEVER_MOUNTED = (".sock", ".socket")
_TMPFS = "size=16m,mode=1777"


@dataclass(frozen=True)
class Recipe:
    """A clone to be made: the kit's spec, and what that has no word for."""

    spec: Spec
    config: Mapping[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    copied: tuple[tuple[str, str], ...] = ()  # container and folder: what lies there is copied in

    def with_environment(self, environment: Mapping[str, str]) -> Recipe:
        """The same with another environment."""
        return replace(self, spec=replace(self.spec, environment=dict(environment)))

    def confined(self, *, read_only: bool, no_capabilities: bool) -> Recipe:
        """The same, run with less: a read-only root with tmpfs on /tmp and /run, or without any capability."""
        spec = self.spec
        if read_only:
            tmpfs = {"/tmp": _TMPFS, "/run": _TMPFS, **spec.tmpfs}  # noqa: S108
            spec = replace(spec, read_only=True, tmpfs=tmpfs)
        if no_capabilities:
            spec = replace(spec, cap_drop=("ALL",), host={**spec.host, "CapAdd": []})
        return replace(self, spec=spec)


def recipe(target: Target, environment: Mapping[str, str], network: str, *, aliases: tuple[str, ...] = ()) -> Recipe:
    """How a target is cloned: named volumes are empty, bind mounts read-only; no sockets, nothing of the host's."""
    host, config = target.host, target.config
    mounts = (target.container or {}).get("Mounts") or ()
    binds = [
        {"Type": "bind", "Source": mount["Source"], "Target": mount["Destination"], "ReadOnly": True}
        for mount in mounts
        if mount["Type"] == "bind" and not str(mount["Source"]).endswith(_NEVER_MOUNTED) and len(mount["Source"]) > 1
    ]
    tmpfs = {mount["Destination"]: _TMPFS for mount in mounts if mount["Type"] == "tmpfs"}
    spec = Spec(
        image=target.image["Id"],
        command=tuple(config.get("Cmd") or ()) or None,
        entrypoint=tuple(config.get("Entrypoint") or ()) or None,
        environment=dict(environment),
        network=network,
        volumes=tuple(mount["Destination"] for mount in mounts if mount["Type"] == "volume"),
        tmpfs={**tmpfs, **(host.get("Tmpfs") or {})},
        read_only=bool(host.get("ReadonlyRootfs")),
        memory_bytes=host.get("Memory") or MEMORY_BYTES,
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
            "Mounts": binds,
            "Ulimits": [
                {"Name": "fsize", "Soft": FILE_BYTES, "Hard": FILE_BYTES},
                {"Name": "core", "Soft": 0, "Hard": 0},
            ],
        },
    )
    more = {key: config[key] for key in ("WorkingDir", "StopSignal", "Tty", "OpenStdin") if config.get(key)}
    own = str((target.container or {}).get("Id"))
    copied = tuple((own, one["Destination"]) for one in mounts if one["Type"] == "volume" and _is_anonymous(one))
    return Recipe(spec, more, aliases, copied)


def make(session: Session, recipe: Recipe) -> Running:
    """Create the clone, announced and labeled; it is not started. Raises WorkshopError if the engine refuses."""
    client, spec = session.engine.client, recipe.spec
    try:
        with session.making("container", "kernel") as making:
            body = {**container_config(client.api, spec, making.labels), **recipe.config}
            if recipe.aliases and spec.network:
                endpoint = {"Aliases": list(recipe.aliases)}
                body["NetworkingConfig"] = {"EndpointsConfig": {spec.network: endpoint}}
            made = client.api.create_container_from_config(body)
            container = client.containers.get(made["Id"])
            making.id, making.name = container.id, container.name
        for source, folder in recipe.copied:
            _copy(client, source, container, folder)
    except APIError as refused:
        raise WorkshopError(f"The engine refused to make a clone of it: {refused.explanation}.") from refused
    return Running(session, container)


def _is_anonymous(mount: Mapping[str, Any]) -> bool:
    """Nobody named it: it is part of its container, as the modules are that the workshop lays over a service."""
    return re.fullmatch(r"[0-9a-f]{64}", str(mount.get("Name"))) is not None


def _copy(client: Any, source: str, clone: Any, folder: str) -> None:
    """Copy what a container has in a folder, if it is little; more stays away, as it does from named volumes."""
    parts, size = [], 0
    with contextlib.suppress(NotFound):
        pieces, _ = client.containers.get(source).get_archive(f"{folder}/.")
        for piece in pieces:
            parts.append(piece)
            size += len(piece)
            if size > COPIED_BYTES:
                return
        clone.put_archive(folder, b"".join(parts))


def _quicker(check: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The same check, asked every half a second, so that nobody waits for a minute."""
    if not check or not check.get("Test") or check["Test"] == ["NONE"]:
        return None
    timeout = min(check.get("Timeout") or HEALTH_TIMEOUT_NANOSECONDS, HEALTH_TIMEOUT_NANOSECONDS)
    return {
        "Test": list(check["Test"]),
        "Interval": HEALTH_INTERVAL_NANOSECONDS,
        "Timeout": timeout,
        "Retries": HEALTH_RETRIES,
        "StartPeriod": NO_START_PERIOD_NANOSECONDS,
    }
