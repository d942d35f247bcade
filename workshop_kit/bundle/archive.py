"""What ``docker image save`` writes, taken apart into files that can be checked, and put together again.

Layers that images share are one file. The configuration of an image goes into the manifest, without the labels that say
whose it is: whoever loads it puts their own there. Both of the engine's forms are read (with ``blobs/``, and the one
before Docker 25 with ``layer.tar``); what is written is the part of it that every engine reads.
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
"""Files up to this size stay in memory until it is known what they are: a layer, or something about layers."""
COMPRESSION_LEVEL = 4  # half the time of 6, for three hundredths more
COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ")
SOMEBODYS = (SESSION, OWNER, SCOPE, MAKER)
Heard = Callable[[int, str], None]
"""Hears how many bytes were just done, and what of."""


@dataclass(frozen=True)
class Image:
    """One image: the tag it goes by, its configuration as the engine keeps it, and its layers' files, lowest first."""

    tag: str
    config: Mapping[str, Any]
    layers: tuple[str, ...]


@dataclass
class _Seen:
    """What an archive has held so far: small files themselves, where large ones went, and links."""

    small: dict[str, bytes] = field(default_factory=dict)
    large: dict[str, Path] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def name(self, name: str) -> str:
        """The name behind a link."""
        return self.links.get(name, name)


def take_apart(stream: IO[bytes], folder: Path, heard: Heard = lambda _size, _what: None) -> list[Image]:
    """Read what ``docker image save`` writes; leave the layers in ``folder``, compressed, and return the images.

    Raises OSError for a full disk; tarfile.TarError, KeyError or ValueError for an archive that ends early.
    """
    seen = _Seen()
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            if member.issym() or member.islnk():
                base = posixpath.dirname(member.name) if member.issym() else ""
                seen.links[member.name] = posixpath.normpath(posixpath.join(base, member.linkname))
            elif member.isfile() and (content := archive.extractfile(member)):
                heard(0, f"{member.size / 1e6:.0f} MB")
                _keep(member, content, seen, folder / f"{len(seen.large)}.partial", heard)
    images = [_image(entry, seen, folder) for entry in json.loads(seen.small["manifest.json"])]
    for path in seen.large.values():  # what no image needs
        path.unlink(missing_ok=True)
    return images


def put_together(
    images: Sequence[Image], folder: Path, labels: Mapping[str, Mapping[str, str]], stream: IO[bytes], heard: Heard
) -> None:
    """Write what ``docker image load`` reads; ``labels`` has, by tag, those that say whose each image is.

    Raises OSError when the stream's reader goes away.
    """
    entries = []
    with tarfile.open(fileobj=stream, mode="w|") as archive:
        for name in dict.fromkeys(layer for image in images for layer in image.layers):
            _add(archive, _path_of(name), folder / name, heard)
        for image in images:
            config = json.dumps(labeled(image.config, labels[image.tag])).encode()
            name = f"{hashlib.sha256(config).hexdigest()}.json"
            _add_bytes(archive, name, config)
            entries.append({"Config": name, "RepoTags": [image.tag], "Layers": [*map(_path_of, image.layers)]})
        _add_bytes(archive, "manifest.json", json.dumps(entries).encode())


def labeled(config: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    """Return an image's configuration with other labels of whose it is; the rest of its labels stay."""
    inner = dict(config.get("config") or {})
    kept = {key: value for key, value in (inner.get("Labels") or {}).items() if key not in SOMEBODYS}
    return {**config, "config": {**inner, "Labels": {**kept, **labels}}}


def _keep(member: tarfile.TarInfo, content: IO[bytes], seen: _Seen, path: Path, heard: Heard) -> None:
    if member.size <= SMALL_BYTES:
        seen.small[member.name] = content.read()
        heard(member.size, "")
    else:
        _compress(content, path, heard)
        seen.large[member.name] = path


def _compress(content: IO[bytes], path: Path, heard: Heard) -> None:
    """Write a layer compressed; as it is where the engine keeps it compressed already."""
    pieces = _pieces(content, heard)
    first = next(pieces, b"")
    with path.open("wb") as file:
        if first.startswith(COMPRESSED):
            file.write(first)
            file.writelines(pieces)
            return
        with gzip.GzipFile("", "wb", COMPRESSION_LEVEL, file, mtime=0) as packed:  # equal layers, equal files
            packed.write(first)
            packed.writelines(pieces)


def _pieces(content: IO[bytes], heard: Heard) -> Iterator[bytes]:
    while piece := content.read(SMALL_BYTES):
        heard(len(piece), "")
        yield piece


def _image(entry: Mapping[str, Any], seen: _Seen, folder: Path) -> Image:
    config = json.loads(seen.small[seen.name(entry["Config"])])
    identities = config["rootfs"]["diff_ids"]
    layers = [_layer(name, identity, seen, folder) for name, identity in zip(entry["Layers"], identities, strict=True)]
    return Image(entry["RepoTags"][0], labeled(config, {}), tuple(layers))


def _layer(name: str, identity: str, seen: _Seen, folder: Path) -> str:
    """Put a layer under the name of what it holds; return that."""
    target = folder / f"{identity.removeprefix('sha256:')}.layer"
    if not target.exists():
        name = seen.name(name)
        if name in seen.large:
            seen.large[name].rename(target)
        else:
            _compress(io.BytesIO(seen.small[name]), target, lambda _size, _what: None)
    return target.name


def _path_of(layer: str) -> str:
    return f"{layer.removesuffix('.layer')}/layer.tar"


def _add(archive: tarfile.TarFile, name: str, path: Path, heard: Heard) -> None:
    info = tarfile.TarInfo(name)
    info.size = path.stat().st_size
    heard(0, f"{info.size / 1e6:.0f} MB")
    with path.open("rb") as file:
        archive.addfile(info, _Counted(file, heard))


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


class _Counted:
    """A file that says how much was read of it."""

    def __init__(self, file: IO[bytes], heard: Heard) -> None:
        self._file, self._heard = file, heard

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self._heard(len(piece), "")
        return piece
