"""Copy files that are bind-mounted into a container to volumes for another container, which gets no bind mount."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from docker.errors import APIError

from workshop_kit.engine.containers import Running
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import SECRETS_FOLDER

COPIED_BYTES = 256 * 1024
_SPECIAL = 0x8F280000
"""The bits of Go's fs.FileMode that a regular file does not have."""


@dataclass(frozen=True)
class MountedFiles:
    """The files of one folder, as the engine's tar."""

    folder: str
    archive: bytes

    def texts(self) -> dict[str, str]:
        """Return their texts, by path."""
        with tarfile.open(fileobj=io.BytesIO(self.archive)) as members:
            found = {member.name: members.extractfile(member) for member in members if member.isfile()}
            return {
                str(PurePosixPath(self.folder, name)): content.read().decode(errors="replace")
                for name, content in found.items()
                if content
            }


def read(session: Session, attributes: Mapping[str, Any]) -> list[MountedFiles]:
    """Return the single files that are bind-mounted into a container, and those in /run/secrets, up to a size.

    ``attributes`` are the container's in ``docker inspect``. No other folder is read.
    """
    found = []
    container = session.engine.client.containers.get(attributes["Id"])
    for path in [one["Destination"] for one in attributes.get("Mounts") or () if one["Type"] == "bind"]:
        folder, source = str(PurePosixPath(path).parent), path
        if file_size(container, path) is None:
            folder, source = path, f"{path}/."
        if folder != "/" and (source == path or folder == SECRETS_FOLDER) and (archive := _archive(container, source)):
            found.append(MountedFiles(folder, archive))
    return found


@contextlib.contextmanager
def copied(session: Session, image: str, files: Sequence[MountedFiles]) -> Iterator[dict[str, str]]:
    """Copy files into the volumes of a container that never starts; yield folder to volume until the end of the block.

    A volume also has the files that the image has in the folder.
    """
    folders = {one.folder for one in files}
    if not folders:
        yield {}
        return
    create = session.engine.client.containers.create
    with Running(session, create(image, ["-"], volumes=list(folders), labels=session.labels("kernel"))) as running:
        session.record("container", running.id, running.name, "kernel")
        for one in files:
            running.container.put_archive(one.folder, one.archive)
        mounts = running.inspect()["Mounts"]
        yield {one["Destination"]: one["Name"] for one in mounts if one["Destination"] in folders}


def file_size(container: Any, path: str) -> int | None:
    """Return the size in bytes of a regular file in a container; None for anything else."""
    api = container.client.api
    address = f"{api.base_url}/v{api.api_version}/containers/{container.id}/archive"
    answer = api.head(address, params={"path": path})
    if not answer.ok or not (header := answer.headers.get("X-Docker-Container-Path-Stat")):
        return None
    stat = json.loads(base64.b64decode(header))
    return None if stat["mode"] & _SPECIAL else int(stat["size"])


def _archive(container: Any, path: str) -> bytes:
    """Return the engine's tar of a path; empty where it is large or absent."""
    parts, size = [], 0
    with contextlib.suppress(APIError):
        for piece in container.get_archive(path)[0]:
            parts.append(piece)
            size += len(piece)
            if size > COPIED_BYTES:
                return b""
    return b"".join(parts)
