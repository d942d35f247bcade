"""The machine's CA bundle reaches builds that need it, and stays in no layer, not even in a deleted file."""

from __future__ import annotations

import json
import secrets
import subprocess
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from workshop_kit.engine import images as engine_images

pytestmark = pytest.mark.engine

GZIP = 16 + zlib.MAX_WBITS
CHUNK_BYTES = 1 << 20

Build = Callable[[str, Path], str]


@pytest.fixture(scope="module")
def canary() -> str:
    """A line that is in the bundle of these tests and nowhere else."""
    return f"# canary {secrets.token_hex(12)}"


@pytest.fixture(scope="module")
def bundle(canary: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The machine's own bundle, so that downloads work, with the canary in it."""
    own = engine_images.ca_bundle()
    path: Path = tmp_path_factory.mktemp("ca") / "bundle.pem"
    path.write_text((own.read_text() if own else "") + f"\n{canary}\n")
    return path


@pytest.fixture
def build(client: Any, labels: dict[str, str]) -> Iterator[Callable[..., str]]:
    """Build a folder with the plain builder; the images are removed again."""
    made: list[str] = []

    def build(folder: Path, base: str, bundle: Path | None = None) -> str:
        tag = f"{engine_images.REPOSITORY}/test:{secrets.token_hex(6)}"
        command = ["docker", "buildx", "build", "--load", "--quiet", "--tag", tag, "--build-arg", f"BASE={base}"]
        command += [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
        command += ["--secret", f"id=ca,src={bundle}"] if bundle else []
        done = subprocess.run([*command, str(folder)], capture_output=True, text=True, timeout=280, check=False)
        assert done.returncode == 0, done.stderr
        made.append(tag)
        return tag

    yield build
    for tag in reversed(made):
        client.images.remove(tag)


@pytest.fixture
def fresh_base(build: Callable[..., str], images: dict[str, str], tmp_path: Path) -> str:
    """The base with a new file in it: no step that stands on it comes from the builder's cache."""
    folder = tmp_path / "fresh"
    folder.mkdir()
    (folder / "new").write_text(secrets.token_hex(6))
    (folder / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nCOPY new /new\n")
    return build(folder, images["base"])


def contains(image: Any, needle: bytes, folder: Path) -> bool:
    """Whether a text stands in any layer of an image, or in its configuration and history."""
    archive = folder / "image.tar"
    with archive.open("wb") as file:
        for chunk in image.save():
            file.write(chunk)
    with tarfile.open(archive) as parts:
        files = (parts.extractfile(part) for part in parts if part.isfile())
        found = any(stands_in(needle, file) for file in files if file)
    archive.unlink()
    return found or needle in json.dumps([image.attrs, image.history()]).encode()


def stands_in(needle: bytes, file: Any) -> bool:
    """Whether a text stands in a file, packed with gzip or not."""
    first = file.read(2)
    file.seek(0)
    unpack = zlib.decompressobj(GZIP).decompress if first == b"\x1f\x8b" else bytes
    before = b""
    while chunk := file.read(CHUNK_BYTES):
        text = before + unpack(chunk)
        if needle in text:
            return True
        before = text[-len(needle) :]
    return False


def recipes_with_secret(root: Path) -> list[engine_images.Recipe]:
    """The images whose build gets to see the bundle."""
    return [one for one in engine_images.RECIPES if "type=secret" in (root / one.folder / "Dockerfile").read_text()]


def test_deleted_bundle_would_be_found(
    build: Callable[..., str], fresh_base: str, client: Any, bundle: Path, canary: str, tmp_path: Path
) -> None:
    """The search is worth something: it finds a bundle that one step copies and the next one deletes."""
    (tmp_path / "Dockerfile").write_text(
        "ARG BASE\nFROM ${BASE}\nRUN --mount=type=secret,id=ca cp /run/secrets/ca /ca.pem\nRUN rm /ca.pem\n"
    )
    assert contains(client.images.get(build(tmp_path, fresh_base, bundle)), canary.encode(), tmp_path)


def test_bundle_is_in_no_layer(
    build: Callable[..., str],
    fresh_base: str,
    client: Any,
    root: Path,
    bundle: Path,
    canary: str,
    tmp_path: Path,
) -> None:
    """Each image whose build sees the bundle is built anew with a marked one: the mark is nowhere in it."""
    recipes = recipes_with_secret(root)
    assert recipes
    for recipe in recipes:
        tag = build(root / recipe.folder, fresh_base, bundle)
        assert not contains(client.images.get(tag), canary.encode(), tmp_path), recipe.name


def test_own_certificates_are_in_no_image(
    images: dict[str, str], client: Any, hardened: Callable[..., Any], tmp_path: Path
) -> None:
    """What this machine trusts beyond Debian's list (a company's proxy, say) is in none of our images."""
    own = engine_images.ca_bundle()
    public = hardened(images["base"], {}, {}, command=["cat", "/etc/ssl/certs/ca-certificates.crt"])
    assert public.wait(timeout=60)["StatusCode"] == 0
    private = certificates(own.read_text() if own else "") - certificates(public.logs().decode())
    for name, tag in images.items():
        for certificate in private:
            assert not contains(client.images.get(tag), certificate.encode(), tmp_path), name


def certificates(bundle: str) -> set[str]:
    """The first full lines of each certificate in a bundle: enough to recognize it."""
    blocks = bundle.replace("\r", "").split("-----BEGIN CERTIFICATE-----\n")[1:]
    return {"\n".join(block.split("\n")[2:6]) for block in blocks}
