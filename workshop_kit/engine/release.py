"""The labels of the OCI specification that say from which release an image is built (standard library only)."""

from __future__ import annotations

import tomllib
from pathlib import Path

from workshop_kit.paths import commit

OCI = "org.opencontainers.image."
"""The prefix of the OCI image specification's labels."""


def image_labels(root: Path) -> dict[str, str]:
    """Return the labels version, revision and source of images that are built from the checkout ``root``.

    They are given when an image is built and do not count for its tag: a new commit builds no image again. Without
    git there is no revision, and without ``Source`` in pyproject.toml's ``[project.urls]`` no source.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    head, has_changes = commit(root)
    known = {
        "version": project["version"],
        "revision": f"{head}-dirty" if has_changes else head,
        "source": project.get("urls", {}).get("Source", ""),
    }
    return {f"{OCI}{name}": value for name, value in known.items() if value}
