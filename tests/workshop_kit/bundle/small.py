"""A small part of a bundle, to be broken."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workshop_kit.bundle.manifest import Part, find, parts, writing

VERSION = "commit 60f5cf9a1b2c"


def written(bundle: Path, name: str = "amd64", content: Mapping[str, Any] | None = None) -> Part:
    """A part with two files, one of them larger than what is read at once."""
    with writing(bundle, "images", name, VERSION) as (folder, said):
        (folder / "one.layer").write_bytes(b"one")
        (folder / "two.layer").write_bytes(bytes(range(256)) * 8192)
        said.update(content or {"tags": {}})
    return find(parts(bundle), "images", name)
