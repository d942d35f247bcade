"""Every file of every layer of an image, also of those that a later layer deleted, in one pass over ``docker save``."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from workshop_kit.observe.layers import DELETED, OPAQUE, instruction

HEAD_BYTES = 64
SMALL_BYTES = 100_000
ENOUGH_BYTES = 3 * 1024**3
"""Larger images are not read: they would take longer than anybody waits."""
SEVERAL_FILES = 400_000


@dataclass(frozen=True)
class Member:
    """A file in a layer: ``path`` without leading slash, ``mode`` as in chmod, ``head`` the first bytes of a small one.

    ``layer`` is 0 for the oldest, ``made_by`` the instruction behind it; ``visible`` says whether a container sees it.
    """

    layer: int
    made_by: str
    path: str
    size_bytes: int
    mode: int
    owner: int
    head: bytes
    visible: bool


@dataclass(frozen=True)
class _File:
    path: str
    size_bytes: int
    mode: int
    owner: int
    head: bytes


class TooLarge(Exception):
    """The image is larger, or holds more files, than an audit reads."""


def members(image: Any) -> list[Member]:
    """Every file of the SDK's ``image``, oldest layer first. Raises TooLarge."""
    if image.attrs["Size"] > ENOUGH_BYTES:
        raise TooLarge(f"it has {image.attrs['Size'] / 1e9:.1f} GB")
    layers: dict[str, list[_File]] = {}
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
                layers[member.name] = list(_files(_Again(start, content)))
    manifest = json.loads(texts["manifest.json"])[0]
    history = json.loads(texts[manifest["Config"]]).get("history", [])
    made_by = [instruction(step.get("created_by", "")) for step in history if not step.get("empty_layer")]
    names = manifest["Layers"]
    made_by += [""] * (len(names) - len(made_by))  # an imported image may have no history
    return _with_visibility([(text, layers.get(name, [])) for text, name in zip(made_by, names, strict=False)])


def _files(layer: Any) -> Iterator[_File]:
    with tarfile.open(fileobj=layer, mode="r|*") as archive:
        for count, member in enumerate(archive):
            if count > SEVERAL_FILES:
                raise TooLarge(f"a layer holds more than {SEVERAL_FILES} files")
            if member.isdir():
                continue
            head = b""
            if member.isreg() and 0 < member.size <= SMALL_BYTES and (content := archive.extractfile(member)):
                head = content.read(HEAD_BYTES)
            path = member.name.removeprefix("./").removeprefix("/")
            yield _File(path, member.size if member.isreg() else 0, member.mode, member.uid, head)


def _with_visibility(found: list[tuple[str, list[_File]]]) -> list[Member]:
    """Walk from the newest layer down: what a newer one deleted or replaced cannot be seen any more."""
    rows: list[Member] = []
    covered: set[str] = set()
    for number, (made_by, files) in reversed(list(enumerate(found))):
        newly: set[str] = set()
        for file in files:
            folder, _, last = file.path.rpartition("/")
            if last == OPAQUE:
                newly.add(folder)
            elif last.startswith(DELETED):
                newly.add(f"{folder}/{last.removeprefix(DELETED)}".removeprefix("/"))
            else:
                parents = (file.path[:end] for end, letter in enumerate(file.path) if letter == "/")
                visible = file.path not in covered and covered.isdisjoint(parents)
                rows.append(
                    Member(number, made_by, file.path, file.size_bytes, file.mode, file.owner, file.head, visible)
                )
                newly.add(file.path)
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
