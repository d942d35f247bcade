"""The machine's CA bundle reaches builds that need it, and stays in no layer, not even in a deleted file."""

from __future__ import annotations

import secrets
import subprocess
from pathlib import Path
from typing import Any

import pytest

from workshop_kit.engine import images as engine_images
from workshop_kit.engine import recipes
from workshop_kit.engine.reach import Engine
from workshop_kit.observe.leaks import find, image_surfaces, new_canary

pytestmark = [pytest.mark.engine, pytest.mark.long]


def test_bundle_is_in_no_layer(
    client: Any, labels: dict[str, str], images: dict[str, str], engine: Engine, root: Path, tmp_path: Path
) -> None:
    """Each image whose build uses the bundle is built with a marked one: no layer contains the mark."""
    canary, own, bundle = new_canary(), engine_images.ca_bundle(), tmp_path / "bundle.pem"
    bundle.write_text((own.read_text() if own else "") + f"\n# {canary}\n")

    def build(folder: Path, base: str) -> str:
        tag = f"{recipes.REPOSITORY}/test:{secrets.token_hex(6)}"
        command = ["docker", "buildx", "build", "--load", "--quiet", "--tag", tag, "--build-arg", f"BASE={base}"]
        command += [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
        command += ["--secret", f"id=ca,src={bundle}", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
        assert done.returncode == 0, done.stderr
        return tag

    # A base with a new file in it: no step that stands on it comes from the builder's cache.
    folder = tmp_path / "base"
    folder.mkdir()
    (folder / "new").write_text(secrets.token_hex(6))
    (folder / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nCOPY new /new\n")
    made = [build(folder, images["base"])]
    try:
        folders = [root / one.folder for one in recipes.RECIPES]
        folders = [one for one in folders if "type=secret" in (one / "Dockerfile").read_text()]
        assert folders
        for folder in folders:
            made.append(build(folder, made[0]))
            assert find(canary, image_surfaces(engine, made[-1])).empty, folder
    finally:
        for tag in reversed(made):
            client.images.remove(tag)
