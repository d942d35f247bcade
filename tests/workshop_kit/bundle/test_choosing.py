"""What does not fit this machine or this version of the workshop is refused before anything is made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workshop_kit.bundle.small import VERSION, written
from workshop_kit.bundle import load, wheels
from workshop_kit.bundle.manifest import parts, sha256_of, writing
from workshop_kit.engine import recipes
from workshop_kit.errors import Exit, WorkshopError


@pytest.fixture
def bundle(tmp_path: Path, bare: Path) -> Path:
    """A bundle for this machine and the checkout, as far as its manifests say."""
    folder = tmp_path / "my stick"
    write_wheels(folder, sha256_of(bare / "requirements.lock"))
    for name in ("amd64", "arm64"):
        written(folder, name, {"tags": recipes.tags(bare)})
    return folder


def write_wheels(bundle: Path, lock: str, name: str = "") -> None:
    """A part with packages that are none."""
    with writing(bundle, "wheels", name or wheels.this_python(), VERSION) as (folder, content):
        (folder / "uv-1-py3-none-any.whl").write_bytes(b"no zip")
        content["lock"] = lock


def typed(checkout: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Type ``./workshop bundle load`` in a checkout, with an index that must not be asked."""
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple"}
    return subprocess.run(
        [checkout / "workshop", "bundle", "load", *words],
        env={**os.environ, **nowhere, "WORKSHOP_PYTHON": sys.executable},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def refused(checkout: Path, bundle: Path) -> str:
    """The one sentence, after which there is no environment."""
    said = typed(checkout, bundle)
    assert said.returncode == Exit.NOT_GOOD, said.stderr
    assert said.stdout == ""
    assert "Traceback" not in said.stderr
    assert not (checkout / ".venv").exists()
    lines: list[str] = said.stderr.splitlines()
    return lines[-1]


def test_a_folder_that_is_no_bundle_is_refused_on_a_bare_python(bare: Path, tmp_path: Path) -> None:
    """One line, and exit code 1."""
    assert (
        refused(bare, tmp_path) == f"{tmp_path} is not a bundle. Name the folder that `./workshop bundle save` wrote."
    )
    said = typed(bare)
    assert said.returncode == Exit.WRONG_USAGE
    assert "takes one folder" in said.stderr


def test_another_python_is_refused(bare: Path, bundle: Path) -> None:
    """The sentence says for which Pythons there are packages, and which this is."""
    shutil.rmtree(bundle / f"wheels-{wheels.this_python()}")
    for name in ("cpython-3.99-linux-x86_64", "cpython-3.12-macos-arm64"):
        write_wheels(bundle, sha256_of(bare / "requirements.lock"), name)
    sentence = refused(bare, bundle)
    assert "wheels for cpython-3.12-macos-arm64, cpython-3.99-linux-x86_64, and not for cpython-3." in sentence
    assert "WORKSHOP_PYTHON" in sentence


def test_packages_of_another_version_are_refused(bare: Path, bundle: Path) -> None:
    """Another lock, other packages: the sentence says which version the bundle is of."""
    write_wheels(bundle, "00")
    assert "packages of another version of the workshop (commit 60f5cf9a1b2c)" in refused(bare, bundle)


def test_images_of_another_version_are_named(bare: Path, bundle: Path) -> None:
    """What would have to be built here, and no more; the versions of both sides."""
    (bare / "images" / "redis" / "entrypoint").write_text("changed")
    assert "(commit 60f5cf9a1b2c; this one is no commit): the image redis would have to be built" in refused(
        bare, bundle
    )


@pytest.mark.parametrize("kind", ["images", "wheels"])
def test_damage_is_found_before_anything_is_made(bare: Path, bundle: Path, kind: str) -> None:
    """The checksums of packages and images both come first."""
    name = load.this_architecture() if kind == "images" else wheels.this_python()
    file = next(path for path in sorted((bundle / f"{kind}-{name}").iterdir()) if path.suffix in {".layer", ".whl"})
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    sentence = refused(bare, bundle)
    assert sentence.startswith(f"{file} is not as it was saved")
    assert sentence.endswith("Copy the bundle again; nothing was loaded from it.")


def test_images_for_other_engines_are_named(bare: Path, bundle: Path) -> None:
    """The engine's architecture decides, not the machine's."""
    assert load.choose_images(bare, parts(bundle), "arm64").name == "arm64"
    with pytest.raises(WorkshopError, match="has images for amd64, arm64, and not for riscv64"):
        load.choose_images(bare, parts(bundle), "riscv64")
