"""Rules on confinement: user, limits, read-only root, capabilities, access to the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from container_audit.findings import Evidence, Judgment, fails, holds
from container_audit.subject import Subject

_SOCKETS = ("docker.sock", "containerd.sock", "podman.sock", "crio.sock")
_SYSTEM_FOLDERS = {"", "/run", "/var/run", "/etc", "/proc", "/sys", "/dev", "/boot", "/usr", "/var", "/root"}
_HARMLESS_CAPABILITIES = {"NET_BIND_SERVICE"}
_NAMESPACES = ("NetworkMode", "PidMode", "IpcMode", "UTSMode", "UsernsMode")


def non_root(subject: Subject) -> Judgment:
    """Hold if the user is not root."""
    user = str(subject.target.config.get("User") or "")
    name = user.partition(":")[0]
    evidence = Evidence("docker inspect: Config.User", user or "nothing, which means root")

    if name in {"", "root"} or (name.isdecimal() and int(name) == 0):
        if _has_no_capability(subject):
            sentence = "It runs as root, without a capability: it can use what belongs to root, and no more."
            return fails(sentence, evidence)
        return fails("It runs as root.", evidence)
    return holds(f"It runs as {user}.", evidence)


def _has_no_capability(subject: Subject) -> bool:
    """Return whether a container was started without any capability; False for an image, of which that is unknown."""
    host = subject.target.host
    dropped = _capabilities(host, "CapDrop")
    if not dropped or host.get("CapAdd") or host.get("Privileged"):
        return False
    return subject.session.engine.dialect.drops_all(dropped)


def limits(subject: Subject) -> Judgment:
    """Hold if memory, CPU (quota or cores; shares are no limit) and processes are limited."""
    host = subject.target.host
    cpu_quota = max(host.get("CpuQuota") or 0, 0)  # -1 is no limit
    values = {
        "memory": host.get("Memory") or 0,
        "CPU": host.get("NanoCpus") or cpu_quota or host.get("CpusetCpus") or 0,
        "processes": max(host.get("PidsLimit") or 0, 0),
    }
    texts = [f"{name} {value or 'without limit'}" for name, value in values.items()]
    evidence = Evidence("docker inspect: HostConfig.Memory, NanoCpus, CpuQuota, PidsLimit", ", ".join(texts))

    unlimited_resources = [name for name, value in values.items() if not value]
    if unlimited_resources:
        return fails(f"There is no limit on {' or '.join(unlimited_resources)}.", evidence)
    return holds("All three are limited.", evidence)


def read_only(subject: Subject) -> Judgment:
    """Hold if the root file system is read-only."""
    is_read_only = subject.target.host.get("ReadonlyRootfs")
    evidence = Evidence("docker inspect: HostConfig.ReadonlyRootfs", str(is_read_only))
    if is_read_only:
        return holds("The root is read-only.", evidence)
    return fails("The root can be written to.", evidence)


def can_be_confined(subject: Subject) -> Judgment:
    """Hold if it gets ready with a read-only root, tmpfs on /tmp and /run, and no capability."""
    run = subject.run_confined()
    observation = f"it {run.start.summary}; {run.lines()}"
    evidence = Evidence("docker run --read-only --tmpfs /tmp --cap-drop ALL", observation)
    if run.start.ready:
        return holds(f"It {run.start.summary}.", evidence)
    return fails(f"Confined, it {run.start.summary}.", evidence, by_time=run.start.timed_out)


def privileges(subject: Subject) -> Judgment:
    """Hold if all capabilities but NET_BIND_SERVICE are dropped, and no-new-privileges is set."""
    host = subject.target.host
    is_privileged = bool(host.get("Privileged"))
    dropped = _capabilities(host, "CapDrop")
    added = _capabilities(host, "CapAdd")
    options = list(host.get("SecurityOpt") or ())
    values = f"dropped {sorted(dropped)}, added {sorted(added)}, privileged {is_privileged}, {options}"
    evidence = Evidence("docker inspect: HostConfig.CapDrop, CapAdd, Privileged, SecurityOpt", values)

    if is_privileged:
        return fails("It is privileged: it has every capability and every device.", evidence)
    if not subject.session.engine.dialect.drops_all(dropped):
        return fails("It keeps capabilities that the engine gives by default.", evidence)
    harmful = sorted(added - _HARMLESS_CAPABILITIES)
    if harmful:
        return fails(f"It was given {', '.join(harmful)}.", evidence)
    options_on = [option for option in options if not option.endswith("false")]
    if not any(option.startswith("no-new-privileges") for option in options_on):
        return fails("no-new-privileges is not set.", evidence)
    return holds("All are dropped, and none can be gained.", evidence)


def _capabilities(host: Mapping[str, Any], key: str) -> set[str]:
    """Return the capabilities in a list of ``HostConfig``, in capitals and without ``CAP_``."""
    return {name.upper().removeprefix("CAP_") for name in host.get(key) or ()}


def nothing_of_the_host(subject: Subject) -> Judgment:
    """Hold if no engine socket, no system folder and no namespace of the host is shared, not even read-only."""
    host = subject.target.host
    mounts = subject.target.mounts
    sources = [str(mount.get("Source") or "") for mount in mounts if mount.get("Type") == "bind"]
    shared_sources = [source for source in sources if _is_of_the_host(source)]
    shared_namespaces = [f"{key}=host" for key in _NAMESPACES if host.get(key) == "host"]
    shared = [*shared_sources, *shared_namespaces]

    bind_mounts = ", ".join(sources) or "no bind mount"
    modes = ", ".join(f"{key} {host.get(key) or 'own'}" for key in _NAMESPACES)
    evidence = Evidence("docker inspect: Mounts, HostConfig", f"{bind_mounts}; {modes}")
    if shared:
        return fails(f"It shares with the host: {', '.join(shared)}.", evidence)
    return holds("No engine's socket or system folder is mounted, and all namespaces are its own.", evidence)


def _is_of_the_host(source: str) -> bool:
    """Return whether a path is an engine's socket or a system folder."""
    return source.endswith(_SOCKETS) or source.rstrip("/") in _SYSTEM_FOLDERS
