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
from workshop_kit.bundle.manifest import Part, find, writing
from workshop_kit.engine import resources
from workshop_kit.engine.session import Session

PLATFORM = {"architecture": "amd64", "os": "linux"}
VERSION = "commit 60f5cf9a1b2c"


def written(bundle: Path, name: str = "amd64", content: Mapping[str, Any] | None = None) -> Part:
    """A part with two files, one of them larger than what is read at once."""
    with writing(bundle, "images", name, VERSION) as (folder, said):
        (folder / "one.layer").write_bytes(b"one")
        (folder / "two.layer").write_bytes(bytes(range(256)) * 8192)
        said.update(content or {"tags": {}})
    return find(bundle, "images", name)


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
        resources.image(session, context, tags[name])
    return tags


def old_archive(layer_of_both: bytes, layer_of_one: bytes, *, gzipped: bytes = b"", version: str = "1") -> io.BytesIO:
    """What an engine before Docker 25 saves: a folder a layer, a link in place of one that was there before."""

    def identity(layer: bytes) -> str:
        return f"sha256:{hashlib.sha256(layer).hexdigest()}"

    configs = {
        "a.json": {**PLATFORM, "config": {"Labels": {"kept": "yes", "workshop.owner": "someone@home"}}},
        "b.json": {**PLATFORM, "config": {}},
    }
    stacks = {"a.json": [("1", layer_of_both)], "b.json": [("2", layer_of_both), ("3", layer_of_one)]}
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        _put(archive, "1/layer.tar", gzipped or layer_of_both)
        link = tarfile.TarInfo("2/layer.tar")
        link.type, link.linkname = tarfile.SYMTYPE, "../1/layer.tar"
        archive.addfile(link)
        _put(archive, "3/layer.tar", layer_of_one)
        entries = []
        for name, config in configs.items():
            rootfs = {"type": "layers", "diff_ids": [identity(layer) for _, layer in stacks[name]]}
            _put(archive, name, json.dumps({**config, "rootfs": rootfs}).encode())
            layers = [f"{folder}/layer.tar" for folder, _ in stacks[name]]
            entries.append(
                {"Config": name, "RepoTags": [f"container-workshop/test-{name[0]}:{version}"], "Layers": layers}
            )
        _put(archive, "manifest.json", json.dumps(entries).encode())
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
        images = split(old_archive(*layers, version=secrets.token_hex(6)), folder)
        content["images"] = [asdict(image) for image in images]
        content["tags"] = {image.tag: image.tag for image in images}
        content["unpacked_bytes"] = 4096
    return find(bundle, "images", "amd64")


def _put(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))
