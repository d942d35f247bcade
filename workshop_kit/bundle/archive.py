"""Split the archive of ``docker image save`` into layer files, and join them for ``docker image load``.

A layer that several images share is one file. An image's configuration goes into the manifest without its owner's
labels; loading adds new ones. Both archive formats are read (``blobs/``, and ``layer.tar`` of engines before Docker
25). The written format is one that every engine reads.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import posixpath
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from workshop_kit.engine.labels import MAKER, OWNER, SCOPE, SESSION

SMALL_BYTES = 1024**2
"""Smaller files stay in memory: they may be layers or metadata."""
COMPRESSION_LEVEL = 4
COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ")
OWNER_LABELS = (SESSION, OWNER, SCOPE, MAKER)
Count = Callable[[int, str], None]
"""Called with the bytes that were just processed, and with a description (or "")."""


@dataclass(frozen=True)
class Image:
    """One image: its tag, the engine's configuration, and the files of its layers, lowest first."""

    tag: str
    config: Mapping[str, Any]
    layers: tuple[str, ...]


@dataclass
class _Members:
    """The members of an archive so far: content of small files, paths of large ones, and links."""

    small: dict[str, bytes] = field(default_factory=dict)
    large: dict[str, Path] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def target(self, name: str) -> str:
        """Return the target of a link; another name as it is."""
        return self.links.get(name, name)


def split(stream: IO[bytes], folder: Path, count: Count = lambda _size, _what: None) -> list[Image]:
    """Read an archive of ``docker image save``; write compressed layers to ``folder`` and return the images.

    Raises OSError for a full disk; tarfile.TarError, KeyError or ValueError for an incomplete archive.
    """
    members = _Members()
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            if member.issym() or member.islnk():
                base = posixpath.dirname(member.name) if member.issym() else ""
                members.links[member.name] = posixpath.normpath(posixpath.join(base, member.linkname))
            elif member.isfile() and (content := archive.extractfile(member)):
                count(0, f"{member.size / 1e6:.0f} MB")
                _keep(member, content, members, folder / f"{len(members.large)}.partial", count)
    images = [_image(entry, members, folder) for entry in json.loads(members.small["manifest.json"])]
    for path in members.large.values():  # not a layer of any image
        path.unlink(missing_ok=True)
    return images


def join(
    images: Sequence[Image], folder: Path, labels: Mapping[str, Mapping[str, str]], stream: IO[bytes], count: Count
) -> None:
    """Write an archive for ``docker image load``; ``labels`` are the owner's, by tag.

    Raises OSError when the reader of the stream ends.
    """
    entries = []
    with tarfile.open(fileobj=stream, mode="w|") as archive:
        for name in dict.fromkeys(layer for image in images for layer in image.layers):
            _add(archive, _path_of(name), folder / name, count)
        for image in images:
            config = json.dumps(labeled(image.config, labels[image.tag])).encode()
            name = f"{hashlib.sha256(config).hexdigest()}.json"
            _add_bytes(archive, name, config)
            entries.append({"Config": name, "RepoTags": [image.tag], "Layers": [*map(_path_of, image.layers)]})
        _add_bytes(archive, "manifest.json", json.dumps(entries).encode())


def labeled(config: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    """Return an image's configuration with new owner's labels; other labels stay."""
    inner = dict(config.get("config") or {})
    others = {key: value for key, value in (inner.get("Labels") or {}).items() if key not in OWNER_LABELS}
    return {**config, "config": {**inner, "Labels": {**others, **labels}}}


def _keep(member: tarfile.TarInfo, content: IO[bytes], members: _Members, path: Path, count: Count) -> None:
    if member.size <= SMALL_BYTES:
        members.small[member.name] = content.read()
        count(member.size, "")
    else:
        _compress(content, path, count)
        members.large[member.name] = path


def _compress(content: IO[bytes], path: Path, count: Count) -> None:
    """Write a layer compressed, unless it is compressed already."""
    blocks = _blocks(content, count)
    first = next(blocks, b"")
    with path.open("wb") as file:
        if first.startswith(COMPRESSED):
            file.write(first)
            file.writelines(blocks)
            return
        with gzip.GzipFile("", "wb", COMPRESSION_LEVEL, file, mtime=0) as packed:  # equal layers become equal files
            packed.write(first)
            packed.writelines(blocks)


def _blocks(content: IO[bytes], count: Count) -> Iterator[bytes]:
    while block := content.read(SMALL_BYTES):
        count(len(block), "")
        yield block


def _image(entry: Mapping[str, Any], members: _Members, folder: Path) -> Image:
    config = json.loads(members.small[members.target(entry["Config"])])
    identities = config["rootfs"]["diff_ids"]
    layers = [
        _layer(name, identity, members, folder) for name, identity in zip(entry["Layers"], identities, strict=True)
    ]
    return Image(entry["RepoTags"][0], labeled(config, {}), tuple(layers))


def _layer(name: str, identity: str, members: _Members, folder: Path) -> str:
    """Name a layer's file by its content; return the name."""
    target = folder / f"{identity.removeprefix('sha256:')}.layer"
    if not target.exists():
        name = members.target(name)
        if name in members.large:
            members.large[name].rename(target)
        else:
            _compress(io.BytesIO(members.small[name]), target, lambda _size, _what: None)
    return target.name


def _path_of(layer: str) -> str:
    return f"{layer.removesuffix('.layer')}/layer.tar"


def _add(archive: tarfile.TarFile, name: str, path: Path, count: Count) -> None:
    info = tarfile.TarInfo(name)
    info.size = path.stat().st_size
    count(0, f"{info.size / 1e6:.0f} MB")
    with path.open("rb") as file:
        archive.addfile(info, _Counted(file, count))


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


class _Counted:
    """A file that counts the bytes that are read."""

    def __init__(self, file: IO[bytes], count: Count) -> None:
        self._file, self._count = file, count

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        self._count(len(block), "")
        return block
