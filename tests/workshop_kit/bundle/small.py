"""Small bundles to break: a few files, and two images of a few kilobytes that share a layer."""

from __future__ import annotations

import hashlib
import io
import json
import secrets
import tarfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from workshop_kit.bundle.archive import split
from workshop_kit.bundle.manifest import Part, find, parts, writing
from workshop_kit.engine import builder
from workshop_kit.engine.session import Session

PLATFORM = {"architecture": "amd64", "os": "linux"}
VERSION = "commit 60f5cf9a1b2c"


def written(bundle: Path, name: str = "amd64", content: Mapping[str, Any] | None = None) -> Part:
    """A part with two files, one of them larger than what is read at once."""
    with writing(bundle, "images", name, VERSION) as (folder, said):
        (folder / "one.layer").write_bytes(b"one")
        (folder / "two.layer").write_bytes(bytes(range(256)) * 8192)
        said.update(content or {"tags": {}})
    return find(parts(bundle), "images", name)


def small_images(session: Session, folder: Path) -> dict[str, str]:
    """Two images of the session, built from nothing, the second on the first; their tags by name."""
    tags: dict[str, str] = {}
    for name in ("ground", "house"):
        context = folder / name
        context.mkdir(parents=True)
        (context / "word").write_bytes(secrets.token_bytes(2048))
        (context / "Dockerfile").write_text(
            f"FROM {tags.get('ground', 'scratch')}\nCOPY word /{name}\nLABEL kept={name}\n"
        )
        tags[name] = f"container-workshop/test-{name}:{secrets.token_hex(6)}"
        builder.build_folder(session, context, tags[name])
    return tags


def saved_archive(both: bytes, one: bytes, version: str = "1") -> io.BytesIO:
    """What an engine saves of two images: they share a layer, and the second has another one."""
    stacks = {"test-a": [both], "test-b": [both, one]}
    blobs: dict[str, bytes] = {}
    entries = []
    for name, layers in stacks.items():
        identities = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
        labels = {"kept": "yes", "workshop.owner": "someone@home"}
        rootfs = {"type": "layers", "diff_ids": identities}
        config = json.dumps({**PLATFORM, "config": {"Labels": labels}, "rootfs": rootfs}).encode()
        tag, paths = f"container-workshop/{name}:{version}", [f"blobs/{identity}" for identity in identities]
        blobs |= {f"blobs/{name}": config, **dict(zip(paths, layers, strict=True))}
        entries.append({"Config": f"blobs/{name}", "RepoTags": [tag], "Layers": paths})
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path, content in {**blobs, "manifest.json": json.dumps(entries).encode()}.items():
            _put(archive, path, content)
    stream.seek(0)
    return stream


def unknown_images(bundle: Path) -> Part:
    """A part with two images that no engine has seen: no layer of theirs is in any cache."""
    layers = []
    for _ in range(2):
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as archive:
            _put(archive, "word", secrets.token_bytes(2048))
        layers.append(layer.getvalue())
    with writing(bundle, "images", "amd64", VERSION) as (folder, content):
        images = split(saved_archive(layers[0], layers[1], secrets.token_hex(6)), folder)
        content["images"] = [asdict(image) for image in images]
        content["tags"] = {image.tag: image.tag for image in images}
        content["unpacked_bytes"] = 4096
    return find(parts(bundle), "images", "amd64")


def _put(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))
