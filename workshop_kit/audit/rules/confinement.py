"""How a container is confined, and whether it could be; an image does not know how it will be run."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from workshop_kit.audit.data import Evidence, Judged, fails, holds, not_applicable
from workshop_kit.audit.subject import Subject

_SOCKETS = ("docker.sock", "containerd.sock", "podman.sock", "crio.sock")
_SYSTEM_FOLDERS = {"", "/run", "/var/run", "/etc", "/proc", "/sys", "/dev", "/boot", "/usr", "/var", "/root"}
_HARMLESS_CAPABILITIES = {"NET_BIND_SERVICE"}
_NAMESPACES = ("NetworkMode", "PidMode", "IpcMode", "UTSMode", "UsernsMode")


def of_a_container(judge: Callable[[dict[str, Any]], Judged]) -> Callable[[Subject], Judged]:
    """A rule over a container's HostConfig: not applicable to an image."""

    @wraps(judge)
    def judged(subject: Subject) -> Judged:
        if subject.target.container is None:
            return not_applicable("How an image will be confined is decided when it is started.")
        return judge({**subject.target.host, "Mounts": subject.target.container.get("Mounts")})

    return judged


def non_root(subject: Subject) -> Judged:
    """The user that the image names, or that the container was started as."""
    user = str(subject.target.config.get("User") or "")
    name = user.partition(":")[0]
    seen = Evidence("docker inspect: Config.User", user or "nothing, which means root")
    if name in {"", "root"} or (name.isdecimal() and int(name) == 0):
        return fails("It runs as root.", seen)
    return holds(f"It runs as {user}.", seen)


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
    if missing := [name for name, value in given.items() if not value]:
        return fails(f"There is no limit on {' or '.join(missing)}.", seen)
    return holds("All three are limited.", seen)


@of_a_container
def read_only(host: dict[str, Any]) -> Judged:
    """The root file system as the engine mounts it."""
    seen = Evidence("docker inspect: HostConfig.ReadonlyRootfs", str(host.get("ReadonlyRootfs")))
    if host.get("ReadonlyRootfs"):
        return holds("The root is read-only.", seen)
    return fails("The root can be written to.", seen)


def can_be_confined(subject: Subject) -> Judged:
    """A read-only root with tmpfs on /tmp and /run, and all capabilities dropped."""
    run = subject.runs.confined
    seen = Evidence("docker run --read-only --tmpfs /tmp --cap-drop ALL", f"it {run.started.summary}; {run.lines()}")
    return (
        holds(f"It {run.started.summary}.", seen)
        if run.started.ready
        else fails(f"So confined, it {run.started.summary}.", seen)
    )


@of_a_container
def privileges(host: dict[str, Any]) -> Judged:
    """All capabilities dropped, none added back but for low ports, not privileged, and no-new-privileges."""
    dropped, added = (
        {name.upper().removeprefix("CAP_") for name in host.get(key) or ()} for key in ("CapDrop", "CapAdd")
    )
    options = list(host.get("SecurityOpt") or ())
    seen = Evidence(
        "docker inspect: HostConfig.CapDrop, CapAdd, Privileged, SecurityOpt",
        f"dropped {sorted(dropped)}, added {sorted(added)}, privileged {bool(host.get('Privileged'))}, {options}",
    )
    if host.get("Privileged"):
        return fails("It is privileged: it has every capability and every device.", seen)
    if "ALL" not in dropped:
        return fails("It keeps capabilities that the engine gives by default.", seen)
    if added - _HARMLESS_CAPABILITIES:
        return fails(f"It was given {', '.join(sorted(added - _HARMLESS_CAPABILITIES))}.", seen)
    if not any(one.startswith("no-new-privileges") and not one.endswith("false") for one in options):
        return fails("no-new-privileges is not set.", seen)
    return holds("All are dropped, and none can be gained.", seen)


@of_a_container
def nothing_of_the_host(host: dict[str, Any]) -> Judged:
    """Mounts of an engine's socket or of a system folder, read-only or not, and the host's namespaces."""
    sources = [str(one.get("Source") or "") for one in host["Mounts"] or () if one.get("Type") == "bind"]
    met = [one for one in sources if one.endswith(_SOCKETS) or one.rstrip("/") in _SYSTEM_FOLDERS]
    met += [f"{key}=host" for key in _NAMESPACES if host.get(key) == "host"]
    modes = ", ".join(f"{key} {host.get(key) or 'own'}" for key in _NAMESPACES)
    seen = Evidence("docker inspect: Mounts, HostConfig", f"{', '.join(sources) or 'no bind mount'}; {modes}")
    if met:
        return fails(f"It has of the host: {', '.join(met)}.", seen)
    return holds("No engine's socket or system folder is mounted, and all namespaces are its own.", seen)
