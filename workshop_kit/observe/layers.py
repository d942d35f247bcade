"""What an image is made of: its layers, the instruction behind each, and every file in them."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workshop_kit.engine.reach import Engine
from workshop_kit.errors import WorkshopError

INSTRUCTION_LENGTH = 60
DELETED = ".wh."
OPAQUE = ".wh..wh..opq"
"""How a layer says that files below it are gone (OCI image layer specification, "whiteouts")."""
HEAD_BYTES = 2048
SMALL_BYTES = 100_000
MOST_BYTES = 3 * 1024**3
"""Larger images are not read: they would take longer than anybody waits."""
MOST_FILES = 400_000


@dataclass(frozen=True)
class Entry:
    """A file as a layer holds it: ``path`` without leading slash, ``head`` the first bytes of a small one."""

    path: str
    size_bytes: int
    mode: int
    owner: int
    head: bytes


@dataclass(frozen=True)
class Member:
    """A file of an image: ``layer`` is 0 for the oldest, ``visible`` says whether a container sees it."""

    layer: int
    made_by: str
    path: str
    size_bytes: int
    mode: int
    owner: int
    head: bytes
    visible: bool


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
    found = [one for one in members(engine.client.images.get(tag)) if one.layer >= below]
    rows = [(one.layer, one.made_by, one.path, one.size_bytes, one.visible) for one in found]
    return pd.DataFrame(rows, columns=["layer", "instruction", "path", "size_bytes", "visible"])


def members(image: Any) -> list[Member]:
    """Every file of the SDK's ``image``, oldest layer first, in one pass over ``docker save``.

    Raises WorkshopError where there is more to read than anybody waits for.
    """
    if image.attrs["Size"] > MOST_BYTES:
        raise WorkshopError(f"The image was not read: it has {image.attrs['Size'] / 1e9:.1f} GB.")
    layers: dict[str, list[Entry]] = {}
    texts: dict[str, bytes] = {}
    with tarfile.open(fileobj=_Pieces(image.save()), mode="r|") as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is None:
                continue
            start = content.read(1)
            if start in {b"{", b"["}:
                texts[member.name] = start + content.read(8 * 1024**2)
            elif start and not member.name.endswith(("VERSION", "repositories")):
                layers[member.name] = list(_entries(_Again(start, content)))
    manifest = json.loads(texts["manifest.json"])[0]
    history = json.loads(texts[manifest["Config"]]).get("history", [])
    made_by = [instruction(step.get("created_by", "")) for step in history if not step.get("empty_layer")]
    names = manifest["Layers"]
    made_by += [""] * (len(names) - len(made_by))  # an imported image may have no history
    return _with_visibility([(text, layers.get(name, [])) for text, name in zip(made_by, names, strict=False)])


def _entries(layer: Any) -> Iterator[Entry]:
    """Read a layer; a deletion is a file whose name begins with ``.wh.``."""
    with tarfile.open(fileobj=layer, mode="r|*") as archive:
        for count, member in enumerate(archive):
            if count > MOST_FILES:
                raise WorkshopError(f"The image was not read: a layer holds more than {MOST_FILES} files.")
            if member.isdir():
                continue
            head = b""
            if member.isreg() and 0 < member.size <= SMALL_BYTES and (content := archive.extractfile(member)):
                head = content.read(HEAD_BYTES)
            path = member.name.removeprefix("./").removeprefix("/")
            yield Entry(path, member.size if member.isreg() else 0, member.mode, member.uid, head)


def _with_visibility(found: list[tuple[str, list[Entry]]]) -> list[Member]:
    """Walk from the newest layer down: what a newer one deleted or replaced cannot be seen any more."""
    rows: list[Member] = []
    covered: set[str] = set()
    for number, (made_by, entries) in reversed(list(enumerate(found))):
        newly: set[str] = set()
        for one in entries:
            folder, _, last = one.path.rpartition("/")
            if last == OPAQUE:
                newly.add(folder)
            elif last.startswith(DELETED):
                newly.add(f"{folder}/{last.removeprefix(DELETED)}".removeprefix("/"))
            else:
                parents = (one.path[:end] for end, letter in enumerate(one.path) if letter == "/")
                visible = one.path not in covered and covered.isdisjoint(parents)
                rows.append(Member(number, made_by, one.path, one.size_bytes, one.mode, one.owner, one.head, visible))
                newly.add(one.path)
        covered |= newly
    return rows[::-1]


class _Pieces(io.RawIOBase):
    """The engine's pieces as a file that can be read once."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._left = b""

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes; none at the end."""
        parts, missing = [], size
        while missing > 0:
            if not self._left:
                self._left = next(self._pieces, b"")
                if not self._left:
                    break
            part, self._left = self._left[:missing], self._left[missing:]
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


class _Again:
    """A file whose first byte was read already."""

    def __init__(self, start: bytes, rest: Any) -> None:
        self._start, self._rest = start, rest

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes."""
        start, self._start = self._start, b""
        return start + bytes(self._rest.read(size - len(start)))
