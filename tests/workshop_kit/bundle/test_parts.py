"""A part is there whole or not at all, and what was altered on the way is refused with one sentence."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.private_engine import filled, small_disk
from tests.workshop_kit.bundle.small import VERSION, written
from workshop_kit.bundle import parts
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
    (part,) = parts.parts(bundle)
    parts.verify(part, steps.append)
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
        ("two.layer", shortened, "it has 2097151 bytes, not 2097152"),
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
        parts.verify(parts.find(bundle, "images", "amd64"))
    assert str(bundle / "images-amd64" / name) in str(refused.value)
    assert "Copy the bundle again" in str(refused.value)


def test_every_bit_of_the_manifest_counts(bundle: Path) -> None:
    """Whatever value is changed, the manifest is refused; only the way it is laid out is free."""
    path = bundle / "images-amd64" / "manifest.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document))
    parts.parts(bundle)
    for key in ("kind", "name", "version", "content", "files"):
        changed = {**document["part"], key: {} if key in {"content", "files"} else "other"}
        path.write_text(json.dumps({**document, "part": changed}))
        with pytest.raises(WorkshopError, match="checksum differs"):
            parts.parts(bundle)


@pytest.mark.parametrize("name", ["../../.bashrc", "/etc/passwd", "..", "", "a/b"])
def test_a_manifest_names_files_of_its_own_folder_only(bundle: Path, name: str) -> None:
    """A forged one, with a good checksum, does not lead elsewhere."""
    path = bundle / "images-amd64" / "manifest.json"
    said = {**json.loads(path.read_text())["part"], "files": {name: ["00", 1]}}
    path.write_text(json.dumps({"sha256": parts._digest(said), "part": said}))
    with pytest.raises(WorkshopError, match="is not as it was saved"):
        parts.parts(bundle)


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    """Neither an empty folder, nor one with other things, nor none; the sentence says what to name instead."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "manifest.txt").write_text("x")
    for folder, words in ((tmp_path, "is not a bundle"), (tmp_path / "none", "is no folder")):
        with pytest.raises(WorkshopError, match=f"{words}. Name the folder"):
            parts.parts(folder)


def test_another_format_is_said_so(bundle: Path) -> None:
    """A bundle of a later workshop is not damaged, it is another."""
    path = bundle / "images-amd64" / "manifest.json"
    said = {**json.loads(path.read_text())["part"], "format": parts.FORMAT + 1}
    path.write_text(json.dumps({"sha256": parts._digest(said), "part": said}))
    with pytest.raises(WorkshopError, match="another version of the workshop"):
        parts.parts(bundle)


def interrupted(bundle: Path) -> None:
    """Somebody presses Ctrl-C while a part is saved."""
    with parts.writing(bundle, "images", "amd64", "commit 1") as (folder, _):
        (folder / "half").write_text("x")
        raise KeyboardInterrupt


def test_a_part_is_replaced_whole_or_not_at_all(bundle: Path) -> None:
    """Saving that ends early leaves the older part as it was, and nothing half done; other parts stay in any case."""
    written(bundle, "arm64")
    with pytest.raises(KeyboardInterrupt):
        interrupted(bundle)
    assert sorted(path.name for path in bundle.iterdir()) == ["images-amd64", "images-arm64"]
    for part in parts.parts(bundle):
        parts.verify(part)
    with parts.writing(bundle, "images", "amd64", "commit 1") as (folder, _):
        (folder / "new").write_text("x")
    assert [(part.name, part.version, list(part.files)) for part in parts.parts(bundle)] == [
        ("amd64", "commit 1", ["new"]),
        ("arm64", VERSION, ["one.layer", "two.layer"]),
    ]


def test_what_a_killed_save_left_is_neither_read_nor_kept(bundle: Path) -> None:
    """Its folder is hidden; the next save begins anew."""
    half = bundle / ".images-amd64.partial"
    half.mkdir()
    (half / "manifest.json").write_text("{")
    assert len(parts.parts(bundle)) == 1
    written(bundle)
    assert not half.exists()
    assert "manifest.json" not in find_files(bundle)


def find_files(bundle: Path) -> set[str]:
    """The files that a bundle's part lists."""
    return set(parts.find(bundle, "images", "amd64").files)


def test_something_of_others_is_in_nobodys_way(tmp_path: Path) -> None:
    """A folder that only has the name of a part is left alone."""
    other = tmp_path / "images-amd64"
    other.mkdir()
    (other / "holiday.jpg").write_text("x")
    with pytest.raises(WorkshopError, match="is in the way"):
        written(tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["images-amd64", "holiday.jpg"]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_stick_is_one_sentence_and_left_as_it_was(tmp_path: Path) -> None:
    """It says that there is no space; the older part is still there, and whole."""
    with small_disk(tmp_path / "stick", 4 * 1024**2) as stick:
        written(stick)
        with filled(stick), pytest.raises(WorkshopError, match=r"cannot be written to .*: No space left on device"):
            written(stick)
        (part,) = parts.parts(stick)
        parts.verify(part)
        assert not list(stick.glob(".*"))
