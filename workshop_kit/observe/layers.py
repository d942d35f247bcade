"""What an image is made of: its layers, the instruction behind each, and its bytes."""

from __future__ import annotations

import json
import re
import tarfile
import tempfile
from collections.abc import Iterator

import pandas as pd

from workshop_kit.engine.reach import Engine

INSTRUCTION_LENGTH = 60
DELETED = ".wh."
OPAQUE = ".wh..wh..opq"
"""How a layer says that files below it are gone (OCI image layer specification, "whiteouts")."""


def instruction(created_by: str) -> str:
    """What the Dockerfile said, without what the builder wraps around it.

    >>> instruction("RUN |1 BASE=x /bin/sh -c apt-get update     && apt-get install redis # buildkit")
    'RUN apt-get update && apt-get install redis'
    """
    text = re.sub(r"\s+", " ", created_by.removesuffix("# buildkit"))
    text = re.sub(r"^RUN (\|\d+ .*?)?/bin/sh -c ", "RUN ", text).strip()
    return text if len(text) <= INSTRUCTION_LENGTH else text[: INSTRUCTION_LENGTH - 1] + "…"


def files(engine: Engine, tag: str, *, below: int = 0) -> pd.DataFrame:
    """Every file that any layer of an image holds, also those that a later layer deleted or replaced.

    So many of the oldest layers (those of the base, say) are left out as ``below`` says.

    Columns: ``layer`` (int64, 0 the oldest one with files), ``instruction`` (str), ``path`` (str, without leading
    slash), ``size_bytes`` (int64), ``visible`` (bool: a container of the image can see it). Source: ``docker save``.
    """
    with tempfile.TemporaryFile() as saved:
        for chunk in engine.client.images.get(tag).save():
            saved.write(chunk)
        saved.seek(0)
        with tarfile.open(fileobj=saved) as archive:
            found = [(name, list(_members(archive, layer))) for name, layer in _layers_with_files(archive)[below:]]
    rows = _with_visibility(found, below)
    return pd.DataFrame(rows, columns=["layer", "instruction", "path", "size_bytes", "visible"])


def _layers_with_files(archive: tarfile.TarFile) -> list[tuple[str, str]]:
    """Instruction and archive member of each layer, oldest first."""
    (manifest,) = json.loads(_read(archive, "manifest.json"))
    history = json.loads(_read(archive, manifest["Config"])).get("history", [])
    names = [instruction(step.get("created_by", "")) for step in history if not step.get("empty_layer")]
    return list(zip(names, manifest["Layers"], strict=True))


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(name)
    assert member is not None, name  # noqa: S101 - the engine wrote it
    return member.read()


def _members(archive: tarfile.TarFile, layer: str) -> Iterator[tuple[str, int]]:
    """Path and size of the files in a layer; a deletion is a file whose name begins with ``.wh.``."""
    with tarfile.open(fileobj=archive.extractfile(layer)) as members:
        for member in members:
            if not member.isdir():
                yield member.name.removeprefix("./").removeprefix("/"), member.size


def _with_visibility(
    found: list[tuple[str, list[tuple[str, int]]]], first: int = 0
) -> list[tuple[int, str, str, int, bool]]:
    """Walk from the newest layer down: what a newer one deleted or replaced cannot be seen any more."""
    rows: list[tuple[int, str, str, int, bool]] = []
    covered: set[str] = set()
    for number, (name, members) in reversed(list(enumerate(found, first))):
        newly: set[str] = set()
        for path, size in members:
            folder, _, last = path.rpartition("/")
            if last == OPAQUE:
                newly.add(folder)
            elif last.startswith(DELETED):
                newly.add(f"{folder}/{last.removeprefix(DELETED)}".removeprefix("/"))
            else:
                parents = (path[:end] for end, letter in enumerate(path) if letter == "/")
                rows.append((number, name, path, size, path not in covered and covered.isdisjoint(parents)))
                newly.add(path)
        covered |= newly
    return rows[::-1]
