"""Clones of a target: the same image and settings, without access to the host, with limits.

A clone gets no bind mount: small files that are bind-mounted into the target are copied to a volume.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import secrets
import tarfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from docker.errors import APIError
from docker.types import LogConfig, Mount

from container_audit.machine_load import watch_seconds
from container_audit.targets import Target
from workshop_kit.engine.containers import SECRETS_FOLDER, Running, Spec, anonymous_volume, container_config
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError

MEMORY_BYTES = 1024**3
PIDS = 256
FILE_BYTES = 64 * 1024**2
"""The largest file that a clone may write."""
WRITTEN_BYTES = 256 * 1024**2
WRITTEN_FILES = 10_000
"""A clone that writes more is stopped; a tmpfs in place of a volume has the same limit."""
COPIED_BYTES = 256 * 1024
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
_NOT_A_FILE = 0x8F280000
"""The bits of Go's fs.FileMode that a regular file does not have."""


@dataclass(frozen=True)
class MountedFiles:
    """The files of one folder, as the engine's tar."""

    folder: str
    archive: bytes

    def texts(self) -> dict[str, str]:
        """Return their texts, by path."""
        texts = {}
        with tarfile.open(fileobj=io.BytesIO(self.archive)) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None:
                    path = str(PurePosixPath(self.folder, member.name))
                    texts[path] = file.read().decode(errors="replace")
        return texts


def read_mounted_files(session: Session, attributes: Mapping[str, Any]) -> list[MountedFiles]:
    """Return the single files that are bind-mounted into a container, and those in /run/secrets, up to a size.

    ``attributes`` are the container's in ``docker inspect``. No other folder is read.
    """
    container = session.engine.client.containers.get(attributes["Id"])
    mounts = attributes.get("Mounts") or ()
    paths = [mount["Destination"] for mount in mounts if mount["Type"] == "bind"]

    mounted_files = []
    for path in paths:
        is_file = file_size(container, path) is not None
        folder = str(PurePosixPath(path).parent) if is_file else path
        is_read = is_file or folder == SECRETS_FOLDER
        if folder == "/" or not is_read:
            continue
        archive = _archive(container, path if is_file else f"{path}/.")
        if archive:
            mounted_files.append(MountedFiles(folder, archive))
    return mounted_files


@contextlib.contextmanager
def private_network(session: Session) -> Iterator[str]:
    """Create a network that leads nowhere, and yield its name; it is removed at the end of the block."""
    name = f"workshop-private-{secrets.token_hex(4)}"
    client = session.engine.client
    try:
        network = client.networks.create(name, labels=session.labels("kernel"), internal=True, check_duplicate=True)
    except APIError as error:
        raise WorkshopError(
            f"The engine refused to make a network: {error.explanation}.", "Run ./workshop down."
        ) from error

    session.record("network", network.id, name, "kernel")
    try:
        yield name
    finally:
        with contextlib.suppress(APIError):
            network.remove()
            session.ledger.remove_id(network.id)


@contextlib.contextmanager
def copied_files(session: Session, image: str, files: Sequence[MountedFiles]) -> Iterator[dict[str, str]]:
    """Copy files into the volumes of a container that never starts; yield folder to volume until the end of the block.

    A volume also has the files that the image has in the folder.
    """
    folders = {mounted.folder for mounted in files}
    if not folders:
        yield {}
        return

    volumes = [anonymous_volume(folder) for folder in sorted(folders)]
    container = session.engine.client.containers.create(image, ["-"], mounts=volumes, labels=session.labels("kernel"))
    with Running(session, container) as running:
        session.record("container", running.id, running.name, "kernel")
        for mounted in files:
            running.container.put_archive(mounted.folder, mounted.archive)

        mounts = running.inspect()["Mounts"]
        yield {mount["Destination"]: mount["Name"] for mount in mounts if mount["Destination"] in folders}


def file_size(container: Any, path: str) -> int | None:
    """Return the size in bytes of a regular file in a container; None for anything else."""
    api = container.client.api
    address = f"{api.base_url}/v{api.api_version}/containers/{container.id}/archive"
    answer = api.head(address, params={"path": path})
    if not answer.ok:
        return None
    header = answer.headers.get("X-Docker-Container-Path-Stat")
    if not header:
        return None

    stat = json.loads(base64.b64decode(header))
    if stat["mode"] & _NOT_A_FILE:
        return None
    return int(stat["size"])


def _archive(container: Any, path: str) -> bytes:
    """Return the engine's tar of a path; empty where it is large or absent."""
    chunks = []
    size = 0
    with contextlib.suppress(APIError):
        for chunk in container.get_archive(path)[0]:
            chunks.append(chunk)
            size += len(chunk)
            if size > COPIED_BYTES:
                return b""
    return b"".join(chunks)


def clone_spec(target: Target, environment: Mapping[str, str], network: str, copies: Mapping[str, str]) -> Spec:
    """Make the spec of a clone: a tmpfs replaces each volume; ``copies`` (folder to volume) replace bind mounts."""
    host = target.host
    config = target.config
    volumes = [mount["Destination"] for mount in target.mounts if mount["Type"] == "volume"]
    if target.container is None:  # a container's Volumes name its bind mounts, too
        volumes = list(config.get("Volumes") or ())
    tmpfs = {mount["Destination"]: "" for mount in target.mounts if mount["Type"] == "tmpfs"}
    tmpfs |= host.get("Tmpfs") or {}
    limited_tmpfs = {path: _limit_tmpfs(options) for path, options in tmpfs.items()}
    pids_limit = host.get("PidsLimit") or 0
    security_options = host.get("SecurityOpt") or ()
    capabilities = host.get("CapAdd") or ()

    return Spec(
        image=target.image["Id"],
        command=tuple(config.get("Cmd") or ()) or None,
        entrypoint=tuple(config.get("Entrypoint") or ()) or None,
        environment=dict(environment),
        network=network,
        tmpfs={**limited_tmpfs, **dict.fromkeys(volumes, _VOLUME)},
        read_only=bool(host.get("ReadonlyRootfs")),
        memory_bytes=_memory_bytes(host, has_volumes=bool(volumes)),
        cpus=min((host.get("NanoCpus") or 1e9) / 1e9, 1.0),
        pids=min(pids_limit, PIDS) if pids_limit > 0 else PIDS,
        cap_drop=tuple(host.get("CapDrop") or ()),
        security_opt=tuple(option for option in security_options if option.startswith("no-new-privileges")),
        dns_options=tuple(host.get("DnsOptions") or ()),
        user=config.get("User") or None,
        stop_timeout_seconds=STOP_SECONDS,
        healthcheck=_faster_healthcheck(config.get("Healthcheck")),
        host={
            "CapAdd": [name for name in capabilities if name.removeprefix("CAP_") in _DEFAULT_CAPABILITIES],
            "Init": host.get("Init"),
            "LogConfig": LOG,
            "Mounts": [Mount(folder, volume, read_only=True) for folder, volume in copies.items()],
            "Ulimits": [
                {"Name": "fsize", "Soft": FILE_BYTES, "Hard": FILE_BYTES},
                {"Name": "core", "Soft": 0, "Hard": 0},
            ],
        },
    )


def _memory_bytes(host: Mapping[str, Any], *, has_volumes: bool) -> int:
    """Return a clone's memory limit: that of its container, with what a tmpfs for its volumes may take."""
    limit: int = host.get("Memory") or 0
    if not limit:
        return MEMORY_BYTES
    return limit + (WRITTEN_BYTES if has_volumes else 0)


def confined(spec: Spec) -> Spec:
    """Return the spec with a read-only root, tmpfs on /tmp and /run, and no capability.

    A tmpfs of its own below one of the two stays in its place: it has the owner and the mode of the image's folder, and
    a tmpfs above would hide that folder.
    """
    tmpfs = dict(spec.tmpfs)
    for folder in ("/tmp", "/run"):  # noqa: S108
        if not any(f"{path}/".startswith(f"{folder}/") for path in spec.tmpfs):
            tmpfs[folder] = _TMPFS
    return replace(spec, read_only=True, tmpfs=tmpfs, cap_drop=("ALL",), host={**spec.host, "CapAdd": []})


def create(session: Session, target: Target, spec: Spec) -> Running:
    """Create a clone, labeled and in the ledger, and do not start it. Raises WorkshopError if the engine refuses."""
    client = session.engine.client
    config = target.config

    try:
        body = container_config(client.api, spec, session.labels("kernel"))
        body |= {key: config[key] for key in ("WorkingDir", "StopSignal", "Tty", "OpenStdin") if config.get(key)}
        answer = client.api.create_container_from_config(body)
        container = client.containers.get(answer["Id"])
        session.record("container", container.id, container.name, "kernel")
    except APIError as error:
        raise WorkshopError(f"The engine refused to make a clone of it: {error.explanation}.") from error

    return Running(session, container)


def limit_writes(running: Running, end: threading.Event) -> str:
    """Kill a clone that writes more than the limits, until ``end`` is set; return the reason, or ""."""
    api = running.session.engine.client.api
    while not end.wait(POLL_SECONDS):
        with contextlib.suppress(APIError):
            file_count = len(running.container.diff() or ())
            entries = api.containers(all=True, size=True, filters={"id": running.id})
            written_bytes = entries[0].get("SizeRw", 0) if entries else 0
            if file_count > WRITTEN_FILES or written_bytes > WRITTEN_BYTES:
                running.container.kill()
                limits = f"{WRITTEN_FILES:,} files or {WRITTEN_BYTES // 1024**2} MB"
                return f"A clone of it was stopped: it wrote more than {limits}."
    return ""


def _limit_tmpfs(options: str) -> str:
    """Replace the size and inode options of a tmpfs by a clone's limits."""
    words = [word for word in options.split(",") if word]
    without_limits = [word for word in words if not word.startswith(("size=", "nr_"))]
    return ",".join([*without_limits, "size=64m", f"nr_inodes={WRITTEN_FILES}"])


def _faster_healthcheck(check: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Run the same health check every 0.5 s, so that its result is known soon."""
    if not check or not check.get("Test") or check["Test"] == ["NONE"]:
        return None

    seconds = {**HEALTH_SECONDS, "Timeout": watch_seconds(HEALTH_SECONDS["Timeout"])}
    times = {name: int(value * 1e9) for name, value in seconds.items()}
    times["Timeout"] = min(check.get("Timeout") or times["Timeout"], times["Timeout"])
    return {"Test": list(check["Test"]), "Retries": HEALTH_RETRIES, **times}
