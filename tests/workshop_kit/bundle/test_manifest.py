"""A part is complete or absent, and a damaged one is refused with one sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.private_engine import filled, small_disk
from tests.workshop_kit.bundle.small import VERSION, written
from workshop_kit.bundle import manifest
from workshop_kit.errors import WorkshopError
from workshop_kit.progress import Step


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle with a part."""
    written(tmp_path / "my stick")
    return tmp_path / "my stick"


def test_what_was_written_is_read_and_proven(bundle: Path) -> None:
    """Name, version, content, and sizes come back; every file is checked, with progress to the end."""
    steps: list[Step] = []
    (part,) = manifest.parts(bundle)
    manifest.verify(part, steps.append)
    assert (part.kind, part.name, part.version, part.content) == ("images", "amd64", VERSION, {"tags": {}})
    assert part.size_bytes == 3 + 256 * 8192
    assert [step.fraction for step in steps] == sorted(step.fraction or 0.0 for step in steps)
    assert steps[-1].done


def shortened(path: Path) -> None:
    """Copied in part."""
    path.write_bytes(path.read_bytes()[:-1])


def flipped(path: Path) -> None:
    """One bit differs."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "harm", "words"),
    [
        ("two.layer", flipped, "its checksum differs"),
        ("one.layer", Path.unlink, "is missing"),
        ("manifest.json", shortened, "is not as it was saved"),
        ("manifest.json", flipped, "is not as it was saved"),
    ],
)
def test_damage_is_one_sentence(bundle: Path, name: str, harm: Callable[[Path], None], words: str) -> None:
    """Half copied, altered, lost: the sentence names the file, and to copy again."""
    harm(bundle / "images-amd64" / name)
    with pytest.raises(WorkshopError, match=words) as refused:
        manifest.verify(manifest.find(manifest.parts(bundle), "images", "amd64"))
    assert str(bundle / "images-amd64" / name) in str(refused.value)
    assert "Copy the bundle again" in str(refused.value)


def interrupted(bundle: Path) -> None:
    """Ctrl-C while a part is saved."""
    with manifest.writing(bundle, "images", "amd64", "commit 1") as (folder, _):
        (folder / "half").write_text("x")
        raise KeyboardInterrupt


def test_a_part_is_replaced_whole_or_not_at_all(bundle: Path) -> None:
    """Saving that ends early leaves the older part as it was, and nothing half done; other parts stay in any case."""
    written(bundle, "arm64")
    with pytest.raises(KeyboardInterrupt):
        interrupted(bundle)
    assert sorted(path.name for path in bundle.iterdir()) == ["images-amd64", "images-arm64"]
    for part in manifest.parts(bundle):
        manifest.verify(part)
    with manifest.writing(bundle, "images", "amd64", "commit 1") as (folder, _):
        (folder / "new").write_text("x")
    assert [(part.name, part.version, list(part.files)) for part in manifest.parts(bundle)] == [
        ("amd64", "commit 1", ["new"]),
        ("arm64", VERSION, ["one.layer", "two.layer"]),
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_stick_is_one_sentence_and_left_as_it_was(tmp_path: Path) -> None:
    """It says that there is no space; the older part is still there, and whole."""
    with small_disk(tmp_path / "stick", 4 * 1024**2) as stick:
        written(stick)
        with filled(stick), pytest.raises(WorkshopError, match=r"cannot be written to .*: No space left on device"):
            written(stick)
        (part,) = manifest.parts(stick)
        manifest.verify(part)
        assert not list(stick.glob(".*"))
