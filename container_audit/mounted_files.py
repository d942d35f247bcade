"""Small files that are bind-mounted into a target: read from it, and copied to volumes for its clones."""

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

from workshop_kit.engine import containers
from workshop_kit.engine.container_spec import Spec, anonymous_volume
from workshop_kit.engine.containers import SECRETS_FOLDER
from workshop_kit.engine.session import Session

COPIED_BYTES = 256 * 1024
NEVER_RUN = ("-",)
"""The command of a container that is never started: an image without one needs any."""
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
    """Return the single files that are bind-mounted into a container, and those in /run/secrets, up to COPIED_BYTES.

    ``attributes`` are the container's in ``docker inspect``. No other folder is read.
    """
    container = session.engine.client.containers.get(attributes["Id"])
    mounts = attributes.get("Mounts") or ()
    paths = [mount["Destination"] for mount in mounts if mount["Type"] == "bind"]

    mounted_files = []
    for path in paths:
        if file_size(container, path) is not None:
            folder = str(PurePosixPath(path).parent)
            source = path
        elif path == SECRETS_FOLDER:
            folder = path
            source = f"{path}/."
        else:
            continue

        if folder == "/":
            continue
        archive = _read_archive(container, source)
        if archive:
            mounted_files.append(MountedFiles(folder, archive))

    return mounted_files


@contextlib.contextmanager
def copied_files(session: Session, image: str, files: Sequence[MountedFiles]) -> Iterator[dict[str, str]]:
    """Copy files to new volumes, one for each folder; yield the volumes by folder until the end of the block.

    They are the volumes of a container that never starts. Each also has the files of the image in its folder.
    """
    folders = {mounted.folder for mounted in files}
    if not folders:
        yield {}
        return

    volumes = [anonymous_volume(folder) for folder in sorted(folders)]
    spec = Spec(image, command=NEVER_RUN, read_only=False, more={"mounts": volumes})
    with containers.create(session, spec) as carrier:
        for mounted in files:
            carrier.container.put_archive(mounted.folder, mounted.archive)

        mounts = carrier.inspect()["Mounts"]
        yield {mount["Destination"]: mount["Name"] for mount in mounts if mount["Destination"] in folders}


def file_size(container: Any, path: str) -> int | None:
    """Return the size in bytes of a regular file in a container; None for anything else.

    The engine describes the file in a header of its answer to HEAD.
    """
    api = container.client.api
    url = f"{api.base_url}/v{api.api_version}/containers/{container.id}/archive"
    answer = api.head(url, params={"path": path})
    if not answer.ok:
        return None
    header = answer.headers.get("X-Docker-Container-Path-Stat")
    if not header:
        return None

    stat = json.loads(base64.b64decode(header))
    if stat["mode"] & _NOT_A_FILE:
        return None
    return int(stat["size"])


def _read_archive(container: Any, path: str) -> bytes:
    """Return the engine's tar of a path; empty if that is absent, or larger than COPIED_BYTES."""
    chunks = []
    size = 0
    with contextlib.suppress(APIError):
        for chunk in container.get_archive(path)[0]:
            chunks.append(chunk)
            size += len(chunk)
            if size > COPIED_BYTES:
                return b""
    return b"".join(chunks)
