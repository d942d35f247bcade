"""The layers of an image: the instruction behind each, and every file in them."""

from __future__ import annotations

import contextlib
import json
import re
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
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
    """Return the Dockerfile's instruction, without the builder's additions.

    >>> instruction("RUN |1 BASE=x /bin/sh -c apt-get update     && apt-get install redis # buildkit")
    'RUN apt-get update && apt-get install redis'
    """
    text = re.sub(r"\s+", " ", created_by.removesuffix("# buildkit"))
    text = re.sub(r"^RUN (\|\d+ .*?)?/bin/sh -c ", "RUN ", text).strip()
    return text if len(text) <= INSTRUCTION_LENGTH else text[: INSTRUCTION_LENGTH - 1] + "…"


def files(engine: Engine, tag: str, *, below: int = 0) -> pd.DataFrame:
    """Return every file in any layer of an image, also those that a later layer deleted or replaced.

    ``below`` is the number of oldest layers to leave out (those of the base image).

    Columns: ``layer`` (int64, 0 the oldest one with files), ``instruction`` (str), ``path`` (str, without leading
    slash), ``size_bytes`` (int64), ``visible`` (bool: a container of the image can see it). Source: ``docker save``.
    """
    found = [one for one in members(engine.client.images.get(tag)) if one.layer >= below]
    rows = [(one.layer, one.made_by, one.path, one.size_bytes, one.visible) for one in found]
    return pd.DataFrame(rows, columns=["layer", "instruction", "path", "size_bytes", "visible"])


def members(image: Any) -> list[Member]:
    """Return every file of the SDK's ``image``, oldest layer first.

    Raises WorkshopError for an image above 3 GiB, or a layer with too many files.
    """
    if image.attrs["Size"] > MAX_IMAGE_BYTES:
        raise WorkshopError(f"The image was not read: it has {image.attrs['Size'] / 1e9:.1f} GB.")

    layers: dict[str, list[Member]] = {}
    texts: dict[str, bytes] = {}
    with saved(image) as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is None:
                continue
            start = content.read(1)
            content.seek(0)
            if start in {b"{", b"["}:
                texts[member.name] = content.read(8 * 1024**2)
            elif start and not member.name.endswith(("VERSION", "repositories")):
                layers[member.name] = list(_entries(content))

    manifest = json.loads(texts["manifest.json"])[0]
    history = json.loads(texts[manifest["Config"]]).get("history", [])
    made_by = [instruction(step.get("created_by", "")) for step in history if not step.get("empty_layer")]
    names = manifest["Layers"]
    made_by += [""] * (len(names) - len(made_by))  # an imported image may have no history

    in_order: list[list[Member]] = []
    for number, (text, name) in enumerate(zip(made_by, names, strict=False)):
        in_order.append([replace(member, layer=number, made_by=text) for member in layers.get(name, ())])
    return _with_visibility(in_order)


@contextlib.contextmanager
def saved(image: Any) -> Iterator[tarfile.TarFile]:
    """Open the output of ``docker save`` in a temporary file."""
    with tempfile.TemporaryFile() as file:
        for chunk in image.save():
            file.write(chunk)
        file.seek(0)
        with tarfile.open(fileobj=file) as archive:
            yield archive


def _entries(layer: Any) -> Iterator[Member]:
    """Yield the files of a layer; a deletion is a file whose name begins with ``.wh.``."""
    with tarfile.open(fileobj=layer, mode="r|*") as archive:
        for count, member in enumerate(archive):
            if count > MAX_FILES:
                raise WorkshopError(f"The image was not read: a layer holds more than {MAX_FILES} files.")
            if member.isdir():
                continue
            head = b""
            if member.isreg() and 0 < member.size <= SMALL_BYTES and (content := archive.extractfile(member)):
                head = content.read(HEAD_BYTES)
            path = member.name.removeprefix("./").removeprefix("/")
            yield Member(0, "", path, member.size if member.isreg() else 0, member.mode, member.uid, head)


def _with_visibility(layers: list[list[Member]]) -> list[Member]:
    """Return the files of all layers; one that a newer layer deletes or replaces is not visible."""
    rows: list[Member] = []
    covered: set[str] = set()
    for members_of_layer in reversed(layers):
        newly: set[str] = set()
        for one in members_of_layer:
            folder, _, last = one.path.rpartition("/")
            if last == OPAQUE:
                newly.add(folder)
            elif last.startswith(DELETED):
                newly.add(f"{folder}/{last.removeprefix(DELETED)}".removeprefix("/"))
            else:
                parents = (one.path[:end] for end, letter in enumerate(one.path) if letter == "/")
                rows.append(replace(one, visible=one.path not in covered and covered.isdisjoint(parents)))
                newly.add(one.path)
        covered |= newly
    return rows[::-1]
