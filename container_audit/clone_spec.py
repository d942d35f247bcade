"""Clones of a target: the same image and settings, without access to the host, with limits.

A clone gets no bind mount: small files that are bind-mounted into the target are copied to a volume.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from docker.errors import APIError
from docker.types import LogConfig, Mount, Ulimit

from container_audit.targets import Target
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.containers import Running
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError
from workshop_kit.paths import clone_command
from workshop_kit.patience import patient

MEMORY_BYTES = 1024**3
PIDS = 256
FILE_BYTES = 64 * 1024**2
"""The largest file that a clone may write."""
WRITTEN_BYTES = 256 * 1024**2
WRITTEN_FILES = 10_000
"""A clone that writes more is stopped; a tmpfs in place of a volume has the same limit."""
POLL_SECONDS = 0.5
LOG = LogConfig(type="json-file", config={"max-size": "4m", "max-file": "2"})
STOP_SECONDS = 10
HEALTH_SECONDS = {"Interval": 0.5, "Timeout": 2.0, "StartPeriod": 0.001}  # a period of 0 would mean the image's
HEALTH_RETRIES = 2

# The engine's defaults (github.com/moby/moby, oci/caps/defaults.go): a clone gets no other capability.
_DEFAULT_CAPABILITIES = {
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW",
    "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}  # fmt: skip
_TMPFS = "size=16m,mode=1777"
_VOLUME = f"size={WRITTEN_BYTES},nr_inodes={WRITTEN_FILES},mode=1777,exec"


@contextlib.contextmanager
def private_network(session: Session) -> Iterator[str]:
    """Create a network that leads nowhere, and yield its name; it is removed at the end of the block."""
    name = f"workshop-private-{secrets.token_hex(4)}"
    client = session.engine.client
    try:
        network = client.networks.create(name, labels=session.labels("kernel"), internal=True, check_duplicate=True)
    except APIError as error:
        raise WorkshopError(
            f"The engine refused to make a network: {error.explanation}.", f"Run {clone_command('down')}."
        ) from error

    try:
        yield name
    finally:
        with contextlib.suppress(APIError):
            network.remove()


def clone_spec(target: Target, environment: Mapping[str, str], network: str, copies: Mapping[str, str]) -> Spec:
    """Return the spec of a clone: a tmpfs replaces each volume; ``copies`` (volume by folder) replace bind mounts."""
    host = target.host
    config = target.config
    volumes = _volume_folders(target)
    tmpfs_of_volumes = dict.fromkeys(volumes, _VOLUME)
    pids_limit = host.get("PidsLimit") or 0
    security_options = host.get("SecurityOpt") or ()

    return Spec(
        image=target.image["Id"],
        command=tuple(config.get("Cmd") or ()) or None,
        entrypoint=tuple(config.get("Entrypoint") or ()) or None,
        environment=dict(environment),
        network=network,
        tmpfs={**_limited_tmpfs(target), **tmpfs_of_volumes},
        read_only=bool(host.get("ReadonlyRootfs")),
        memory_bytes=_memory_bytes(host, has_volumes=bool(volumes)),
        cpus=min((host.get("NanoCpus") or 1e9) / 1e9, 1.0),
        pids=min(pids_limit, PIDS) if pids_limit > 0 else PIDS,
        cap_drop=tuple(host.get("CapDrop") or ()),
        security_opt=tuple(option for option in security_options if option.startswith("no-new-privileges")),
        dns_options=tuple(host.get("DnsOptions") or ()),
        user=config.get("User") or None,
        healthcheck=_faster_healthcheck(config.get("Healthcheck")),
        more=_more_options(target, copies),
    )


def _volume_folders(target: Target) -> list[str]:
    """Return the folders of a target on which a volume is mounted."""
    if target.container is None:
        return list(target.config.get("Volumes") or ())
    # Not Config.Volumes: that of a container names its bind mounts, too.
    return [mount["Destination"] for mount in target.mounts if mount["Type"] == "volume"]


def _limited_tmpfs(target: Target) -> dict[str, str]:
    """Return the options of the target's own tmpfs mounts by folder, with a clone's limits."""
    options_by_folder = {mount["Destination"]: "" for mount in target.mounts if mount["Type"] == "tmpfs"}
    options_by_folder |= target.host.get("Tmpfs") or {}
    return {folder: _limit_tmpfs(options) for folder, options in options_by_folder.items()}


def _more_options(target: Target, copies: Mapping[str, str]) -> dict[str, Any]:
    """Return the options of a clone for which a spec has no field."""
    config = target.config
    capabilities = target.host.get("CapAdd") or ()
    return {
        "cap_add": [name for name in capabilities if name.removeprefix("CAP_") in _DEFAULT_CAPABILITIES],
        "init": target.host.get("Init"),
        "log_config": LOG,
        "mounts": [Mount(folder, volume, read_only=True) for folder, volume in copies.items()],
        "stdin_open": config.get("OpenStdin", False),
        "stop_signal": config.get("StopSignal"),
        "tty": config.get("Tty", False),
        "ulimits": [
            Ulimit(name="fsize", soft=FILE_BYTES, hard=FILE_BYTES),
            Ulimit(name="core", soft=0, hard=0),
        ],
        "working_dir": config.get("WorkingDir"),
    }


def _memory_bytes(host: Mapping[str, Any], *, has_volumes: bool) -> int:
    """Return a clone's memory limit: that of its container, and what the tmpfs in place of its volumes may take."""
    limit: int = host.get("Memory") or 0
    if not limit:
        return MEMORY_BYTES
    if has_volumes:
        return limit + WRITTEN_BYTES
    return limit


def confine(spec: Spec) -> Spec:
    """Return the spec with a read-only root, tmpfs on /tmp and /run, and no capability.

    Where the spec has a tmpfs on one of the two or below it, no other one is added: that would hide the image's folder,
    whose owner and mode the spec's tmpfs takes.
    """
    tmpfs = dict(spec.tmpfs)
    for folder in ("/tmp", "/run"):  # noqa: S108
        paths_in_folder = [path for path in spec.tmpfs if f"{path}/".startswith(f"{folder}/")]
        if not paths_in_folder:
            tmpfs[folder] = _TMPFS

    return replace(spec, read_only=True, tmpfs=tmpfs, cap_drop=("ALL",), more={**spec.more, "cap_add": []})


def limit_writes(running: Running, end: threading.Event) -> str:
    """Watch a clone until ``end`` is set, and kill it if it writes too much; return the reason, "" if it did not."""
    while not end.wait(POLL_SECONDS):
        with contextlib.suppress(APIError):
            if _has_written_too_much(running):
                running.container.kill()
                limits = f"{WRITTEN_FILES:,} files or {WRITTEN_BYTES // 1024**2} MB"
                return f"A clone of it was stopped: it wrote more than {limits}."
    return ""


def _has_written_too_much(running: Running) -> bool:
    """Return whether the writable layer of a clone is over one of the limits."""
    api = running.session.engine.client.api
    file_count = len(running.container.diff() or ())
    entries = api.containers(all=True, size=True, filters={"id": running.id})
    written_bytes = entries[0].get("SizeRw", 0) if entries else 0
    return bool(file_count > WRITTEN_FILES or written_bytes > WRITTEN_BYTES)


def _limit_tmpfs(options: str) -> str:
    """Return the options of a tmpfs with a clone's limits in place of its size and number of inodes."""
    words = [word for word in options.split(",") if word]
    without_limits = [word for word in words if not word.startswith(("size=", "nr_"))]
    return ",".join([*without_limits, "size=64m", f"nr_inodes={WRITTEN_FILES}"])


def _faster_healthcheck(check: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the same health check run every 0.5 s, so that its result is known soon; None if there is no check."""
    if not check or not check.get("Test") or check["Test"] == ["NONE"]:
        return None

    seconds = {**HEALTH_SECONDS, "Timeout": patient(HEALTH_SECONDS["Timeout"])}
    nanoseconds = {name: int(value * 1e9) for name, value in seconds.items()}
    longest_timeout = nanoseconds["Timeout"]
    own_timeout = check.get("Timeout") or longest_timeout
    nanoseconds["Timeout"] = min(own_timeout, longest_timeout)
    return {"Test": list(check["Test"]), "Retries": HEALTH_RETRIES, **nanoseconds}
