"""Copy files that are bind-mounted into a container to volumes of another container, which gets no bind mount."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import secrets
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from docker.errors import APIError
from docker.types import Mount

from workshop_kit.engine.containers import Running
from workshop_kit.engine.session import Session, volume_id
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
    """Copy files into new volumes, one for each of their folders; yield folder to volume.

    A volume also has the files that the image has in the folder. The volumes are removed at the end.
    """
    client, made = session.engine.client, {}
    with contextlib.ExitStack() as block:
        for folder in dict.fromkeys(one.folder for one in files):
            volume = client.volumes.create(f"workshop-copy-{secrets.token_hex(8)}", labels=session.labels("kernel"))
            block.callback(_remove, session, volume)
            session.record("volume", volume_id(volume.attrs), volume.name, "kernel")
            made[folder] = str(volume.name)
        if made:
            mounts = [Mount(folder, volume) for folder, volume in made.items()]
            # A container that is never started: the engine copies files into its volumes.
            filler = client.containers.create(image, ["-"], mounts=mounts, labels=session.labels("kernel"))
            with Running(session, filler):
                session.record("container", filler.id, filler.name, "kernel")
                for one in files:
                    filler.put_archive(one.folder, one.archive)
        yield made


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


def _remove(session: Session, volume: Any) -> None:
    with contextlib.suppress(APIError):
        volume.remove()
        session.ledger.remove_id(volume_id(volume.attrs))
