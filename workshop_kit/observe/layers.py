"""The layers of an image: the instruction behind each, and every file in them."""

from __future__ import annotations

import contextlib
import json
import posixpath
import re
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import pandas as pd

from workshop_kit.engine.reach import Engine
from workshop_kit.errors import WorkshopError

INSTRUCTION_LENGTH = 60
DELETED = ".wh."
OPAQUE = ".wh..wh..opq"
"""A whiteout: the layer deletes all files below this folder (OCI image layer specification)."""
HEAD_BYTES = 2048
SMALL_BYTES = 100_000
MAX_IMAGE_BYTES = 3 * 1024**3
MAX_FILES = 400_000


@dataclass(frozen=True)
class Member:
    """A file of an image.

    ``layer`` is 0 for the oldest, ``path`` has no leading slash, ``head`` is the beginning of a small file, ``visible``
    says whether a container sees it.
    """

    layer: int
    made_by: str
    path: str
    size_bytes: int
    mode: int
    owner: int
    head: bytes
    visible: bool = True


def instruction(created_by: str) -> str:
    """Return the Dockerfile's instruction, without the builder's additions, and cut to `INSTRUCTION_LENGTH`.

    >>> instruction("RUN |1 BASE=x /bin/sh -c apt-get update     && apt-get install redis # buildkit")
    'RUN apt-get update && apt-get install redis'
    """
    one_line = re.sub(r"\s+", " ", created_by.removesuffix("# buildkit"))
    text = re.sub(r"^RUN (\|\d+ .*?)?/bin/sh -c ", "RUN ", one_line).strip()  # without arguments and shell
    if len(text) <= INSTRUCTION_LENGTH:
        return text
    return text[: INSTRUCTION_LENGTH - 1] + "…"


def files(engine: Engine, tag: str) -> pd.DataFrame:
    """Return every file in any layer of an image, also those that a later layer deleted or replaced.

    Columns: the fields of `Member`; ``instruction`` for ``made_by``.
    """
    image_members = members(engine.client.images.get(tag))
    table = pd.DataFrame([vars(member) for member in image_members])
    return table.rename(columns={"made_by": "instruction"})


def members(image: Any) -> list[Member]:
    """Return every file of the SDK's ``image``, oldest layer first.

    Raises WorkshopError for an image above 3 GiB, or a layer with too many files.
    """
    if image.attrs["Size"] > MAX_IMAGE_BYTES:
        raise WorkshopError(f"The image was not read: it has {image.attrs['Size'] / 1e9:.1f} GB.")

    with saved(image) as archive:
        documents, layers = _read_archive(archive)

    manifest = json.loads(documents["manifest.json"])[0]
    history = json.loads(documents[manifest["Config"]]).get("history", [])
    instructions = [instruction(step.get("created_by", "")) for step in history if not step.get("empty_layer")]
    layer_names = manifest["Layers"]
    instructions += [""] * (len(layer_names) - len(instructions))  # an imported image may have no history

    ordered_layers: list[list[Member]] = []
    for number, name in enumerate(layer_names):
        made_by = instructions[number]
        ordered_layers.append([replace(member, layer=number, made_by=made_by) for member in layers.get(name, ())])
    return _mark_visibility(ordered_layers)


@contextlib.contextmanager
def saved(image: Any) -> Iterator[tarfile.TarFile]:
    """Open the output of ``docker save`` in a temporary file."""
    with tempfile.TemporaryFile() as file:
        for chunk in image.save():
            file.write(chunk)
        file.seek(0)
        with tarfile.open(fileobj=file) as archive:
            yield archive


def _read_archive(archive: tarfile.TarFile) -> tuple[dict[str, bytes], dict[str, list[Member]]]:
    """Return the JSON documents of a saved image, and the files of its layers, both by name in the archive."""
    documents: dict[str, bytes] = {}
    layers: dict[str, list[Member]] = {}

    for entry in archive:
        content = archive.extractfile(entry)
        if content is None:
            continue

        first_byte = content.read(1)
        content.seek(0)
        if first_byte in {b"{", b"["}:
            documents[entry.name] = content.read(8 * 1024**2)
        elif first_byte and not entry.name.endswith("VERSION"):
            layers[entry.name] = list(_files_of_layer(content))

    return documents, layers


def _files_of_layer(layer: Any) -> Iterator[Member]:
    """Yield the files of a layer; a deletion is a file whose name begins with ``.wh.``."""
    with tarfile.open(fileobj=layer, mode="r|*") as archive:
        for count, member in enumerate(archive):
            if count > MAX_FILES:
                raise WorkshopError(f"The image was not read: a layer holds more than {MAX_FILES} files.")
            if member.isdir():
                continue

            path = member.name.removeprefix("./").removeprefix("/")
            size_bytes = member.size if member.isreg() else 0
            yield Member(0, "", path, size_bytes, member.mode, member.uid, _head(archive, member))


def _head(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """Return the beginning of a small file; nothing of a large one, or of a link."""
    if not member.isreg() or not 0 < member.size <= SMALL_BYTES:
        return b""
    content = archive.extractfile(member)
    return content.read(HEAD_BYTES) if content else b""


def _mark_visibility(layers: list[list[Member]]) -> list[Member]:
    """Return the files of all layers; one that a newer layer deletes or replaces is not visible."""
    newest_first: list[Member] = []
    covered_paths: set[str] = set()

    for members_of_layer in reversed(layers):
        for member in members_of_layer:
            if not _is_whiteout(member):
                path_and_folders = accumulate(member.path.split("/"), posixpath.join)
                is_visible = covered_paths.isdisjoint(path_and_folders)
                newest_first.append(replace(member, visible=is_visible))
        covered_paths.update([_covered_path(member) for member in members_of_layer])

    return newest_first[::-1]


def _is_whiteout(member: Member) -> bool:
    """Return whether a file of a layer only says that the layer deletes something."""
    return posixpath.basename(member.path).startswith(DELETED)


def _covered_path(member: Member) -> str:
    """Return the path, of a file or a folder, that is not visible in older layers because of this file."""
    folder, name = posixpath.split(member.path)
    return folder if name == OPAQUE else posixpath.join(folder, name.removeprefix(DELETED))
