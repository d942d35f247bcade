"""How a container is confined, as ``docker inspect`` tells it; an image does not know how it will be run."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from workshop_kit.audit.data import Evidence, Judged, fails, holds, not_applicable
from workshop_kit.audit.rules.files import is_root
from workshop_kit.audit.subject import Subject

_SOCKETS = ("docker.sock", "containerd.sock", "podman.sock", "crio.sock")
_HARMLESS_CAPABILITIES = {"NET_BIND_SERVICE"}
_NAMESPACES = {
    "NetworkMode": "network",
    "PidMode": "processes",
    "IpcMode": "memory",
    "UTSMode": "name",
    "UsernsMode": "users",
}


def of_a_container(judge: Callable[[dict[str, Any]], Judged]) -> Callable[[Subject], Judged]:
    """A rule over a container's HostConfig: not applicable to an image."""

    @wraps(judge)
    def judged(subject: Subject) -> Judged:
        if subject.target.container is None:
            return not_applicable("How an image will be confined is decided when it is started.")
        return judge(dict(subject.target.host))

    return judged


def non_root(subject: Subject) -> Judged:
    """The user that the image names, or that the container was started as."""
    user = str(subject.target.config.get("User") or "")
    seen = Evidence("docker inspect: Config.User", user or "nothing, which means root")
    return fails("It runs as root.", seen) if is_root(user) else holds(f"It runs as {user}.", seen)


@of_a_container
def limits(host: dict[str, Any]) -> Judged:
    """Memory, CPU (a quota or cores; shares are no limit) and the number of processes."""
    given = {
        "memory": host.get("Memory") or 0,
        "CPU": host.get("NanoCpus") or host.get("CpuQuota") or host.get("CpusetCpus") or 0,
        "processes": max(host.get("PidsLimit") or 0, 0),
    }
    seen = Evidence(
        "docker inspect: HostConfig.Memory, NanoCpus, CpuQuota, PidsLimit",
        ", ".join(f"{name} {value or 'without limit'}" for name, value in given.items()),
    )
    missing = [name for name, value in given.items() if not value]
    if missing:
        return fails(f"There is no limit on {' or '.join(missing)}.", seen)
    return holds("All three are limited.", seen)


@of_a_container
def read_only(host: dict[str, Any]) -> Judged:
    """The root file system as the engine mounts it."""
    seen = Evidence("docker inspect: HostConfig.ReadonlyRootfs", str(host.get("ReadonlyRootfs")))
    return (
        holds("The root is read-only.", seen)
        if host.get("ReadonlyRootfs")
        else fails("The root can be written to.", seen)
    )


@of_a_container
def capabilities_dropped(host: dict[str, Any]) -> Judged:
    """All dropped, and none added back but for low ports."""
    dropped = {name.upper().removeprefix("CAP_") for name in host.get("CapDrop") or ()}
    added = {name.upper().removeprefix("CAP_") for name in host.get("CapAdd") or ()}
    seen = Evidence(
        "docker inspect: HostConfig.CapDrop, CapAdd, Privileged",
        f"dropped {sorted(dropped)}, added {sorted(added)}, privileged {bool(host.get('Privileged'))}",
    )
    if host.get("Privileged"):
        return fails("It is privileged: it has every capability and every device.", seen)
    if "ALL" not in dropped:
        return fails("It keeps capabilities that the engine gives by default.", seen)
    if added - _HARMLESS_CAPABILITIES:
        return fails(f"It was given {', '.join(sorted(added - _HARMLESS_CAPABILITIES))}.", seen)
    return holds("All are dropped.", seen)


@of_a_container
def no_new_privileges(host: dict[str, Any]) -> Judged:
    """The security option of that name."""
    options = list(host.get("SecurityOpt") or ())
    seen = Evidence("docker inspect: HostConfig.SecurityOpt", ", ".join(options) or "none")
    given = any(option.startswith("no-new-privileges") and not option.endswith("false") for option in options)
    return holds("no-new-privileges is set.", seen) if given else fails("no-new-privileges is not set.", seen)


def no_engine_socket(subject: Subject) -> Judged:
    """Mounts that are, or hold, the socket of an engine."""
    if subject.target.container is None:
        return not_applicable("What will be mounted is decided when it is started.")
    sources = [str(mount.get("Source") or "") for mount in subject.target.container.get("Mounts") or ()]
    met = [
        source
        for source in sources
        if source.endswith(_SOCKETS) or (source.rstrip("/") in {"", "/run", "/var/run"} and source)
    ]
    seen = Evidence("docker inspect: Mounts", ", ".join(sources) or "none")
    return (
        fails(f"{', '.join(met)} is mounted into it.", seen) if met else holds("No engine's socket is mounted.", seen)
    )


@of_a_container
def no_host_namespaces(host: dict[str, Any]) -> Judged:
    """Network, processes, memory, name and users."""
    met = [f"{word} ({key})" for key, word in _NAMESPACES.items() if host.get(key) == "host"]
    seen = Evidence("docker inspect: HostConfig", ", ".join(f"{key} {host.get(key) or 'own'}" for key in _NAMESPACES))
    return fails(f"It shares the host's {', '.join(met)}.", seen) if met else holds("All namespaces are its own.", seen)
