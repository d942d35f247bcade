"""What an engine saves is taken apart and put together again, without a byte of a layer lost."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import secrets
import tarfile
from pathlib import Path

import pytest

from tests.workshop_kit.bundle.small import saved_archive
from workshop_kit.bundle.archive import SMALL_BYTES, Image, join, split

TAGS = ("container-workshop/test-a:1", "container-workshop/test-b:1")
LABELS = {"workshop.session": "cafe0123"}


def put(images: list[Image], folder: Path) -> dict[str, bytes]:
    """The files of the archive that an engine would be given."""
    stream = io.BytesIO()
    join(images, folder, LABELS, stream, lambda _size: None)
    stream.seek(0)
    with tarfile.open(fileobj=stream) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


@pytest.mark.parametrize("size", [10, 3 * SMALL_BYTES + 7])
def test_layers_come_back_to_the_byte(tmp_path: Path, size: int) -> None:
    """Small and large, and one that two images share is one file; every layer is where its image looks for it."""
    both, one = secrets.token_bytes(size), secrets.token_bytes(size + 1)
    images = split(saved_archive(both, one), tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    files = put(images, tmp_path)
    entries = json.loads(files["manifest.json"])
    layers = [[gzip.decompress(files[layer]) for layer in entry["Layers"]] for entry in entries]
    assert layers == [[both], [both, one]]
    assert [entry["RepoTags"] for entry in entries] == [[TAGS[0]], [TAGS[1]]]
    for entry in entries:
        assert entry["Config"] == f"{hashlib.sha256(files[entry['Config']]).hexdigest()}.json"


def test_an_archive_that_ends_early_is_noticed(tmp_path: Path) -> None:
    """An engine that dies while it saves makes no bundle."""
    whole = saved_archive(secrets.token_bytes(2 * SMALL_BYTES), b"one").getvalue()
    for end in (0, 512, len(whole) // 2, whole.index(b"manifest.json")):
        with pytest.raises((tarfile.TarError, KeyError, ValueError)):
            split(io.BytesIO(whole[:end]), tmp_path)
