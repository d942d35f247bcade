"""Split the archive of ``docker image save`` into layer files, and join them for ``docker image load``.

A layer that several images share is one file. An image's configuration goes into the manifest without its owner's
labels; loading adds new ones. The written format is one that every engine reads.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from workshop_kit.engine.labels import MAKER, OWNER, SCOPE, SESSION

SMALL_BYTES = 1024**2
"""Smaller files stay in memory: they may be layers or metadata."""
COMPRESSION_LEVEL = 4
COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ")
OWNER_LABELS = (SESSION, OWNER, SCOPE, MAKER)
Count = Callable[[int], None]
"""Called with the size of what was just processed."""


@dataclass(frozen=True)
class Image:
    """One image: its tag, the engine's configuration, and the files of its layers, lowest first."""

    tag: str
    config: Mapping[str, Any]
    layers: tuple[str, ...]


def split(stream: IO[bytes], folder: Path, count: Count = lambda _size: None) -> list[Image]:
    """Read an archive of ``docker image save``; write compressed layers to ``folder`` and return the images.

    Raises OSError for a full disk; tarfile.TarError, KeyError or ValueError for an incomplete archive.
    """
    small: dict[str, bytes] = {}
    large: dict[str, Path] = {}
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content and member.size <= SMALL_BYTES:
                small[member.name] = content.read()
            elif content:
                large[member.name] = folder / f"{len(large)}.partial"
                _compress(content, large[member.name])
            count(member.size)
    images = [_image(entry, small, large, folder) for entry in json.loads(small["manifest.json"])]
    for path in folder.glob("*.partial"):  # not a layer of any image
        path.unlink()
    return images


def join(images: Sequence[Image], folder: Path, labels: Mapping[str, str], stream: IO[bytes], count: Count) -> None:
    """Write an archive for ``docker image load``; ``labels`` are the owner's.

    Raises OSError when the reader of the stream ends.
    """
    entries = []
    with tarfile.open(fileobj=stream, mode="w|") as archive:
        for name in dict.fromkeys(layer for image in images for layer in image.layers):
            archive.add(folder / name, _path_of(name))
            count((folder / name).stat().st_size)
        for image in images:
            config = json.dumps(labeled(image.config, labels)).encode()
            name = f"{hashlib.sha256(config).hexdigest()}.json"
            _add_bytes(archive, name, config)
            entries.append({"Config": name, "RepoTags": [image.tag], "Layers": [*map(_path_of, image.layers)]})
        _add_bytes(archive, "manifest.json", json.dumps(entries).encode())


def labeled(config: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    """Return an image's configuration with new owner's labels; other labels stay."""
    inner = dict(config.get("config") or {})
    others = {key: value for key, value in (inner.get("Labels") or {}).items() if key not in OWNER_LABELS}
    return {**config, "config": {**inner, "Labels": {**others, **labels}}}


def _compress(content: IO[bytes], path: Path) -> None:
    """Write a layer compressed, unless it is compressed already."""
    first = content.read(SMALL_BYTES)
    with path.open("wb") as file:
        packed: Any = nullcontext(file)
        if not first.startswith(COMPRESSED):
            packed = gzip.GzipFile("", "wb", COMPRESSION_LEVEL, file, mtime=0)  # equal layers become equal files
        with packed as target:
            target.write(first)
            shutil.copyfileobj(content, target)


def _image(entry: Mapping[str, Any], small: Mapping[str, bytes], large: Mapping[str, Path], folder: Path) -> Image:
    """Name the files of an image's layers by their content; return the image."""
    config = json.loads(small[entry["Config"]])
    layers = []
    for name, identity in zip(entry["Layers"], config["rootfs"]["diff_ids"], strict=True):
        target = folder / f"{identity.removeprefix('sha256:')}.layer"
        layers.append(target.name)
        if target.exists():
            continue
        if name in large:
            large[name].rename(target)
        else:
            _compress(io.BytesIO(small[name]), target)
    return Image(entry["RepoTags"][0], labeled(config, {}), tuple(layers))


def _path_of(layer: str) -> str:
    return f"{layer.removesuffix('.layer')}/layer.tar"


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))
