"""A part is complete or absent; what is damaged or does not fit is refused before anything is made."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.private_engine import filled, small_disk
from tests.workshop_kit.test_launcher import workshop
from workshop_kit.bundle import image_archive, wheels
from workshop_kit.bundle.part import (
    ABOUT,
    CHECKSUMS,
    Part,
    find,
    parts,
    sha256_of,
    this_architecture,
    verify,
    write_part,
)
from workshop_kit.engine import cleanup, recipes
from workshop_kit.engine.images import build_folder, has_image
from workshop_kit.engine.recipes import REPOSITORY
from workshop_kit.engine.session import Session
from workshop_kit.errors import Exit, WorkshopError

VERSION = "commit 60f5cf9a1b2c"


def written(bundle: Path, name: str = "amd64", tags: Mapping[str, str] | None = None) -> Part:
    """A part with two files, one of them larger than what is read at once."""
    with write_part(bundle, "images", name, VERSION) as (folder, about):
        (folder / "one.layer").write_bytes(b"one")
        (folder / "two.layer").write_bytes(bytes(range(256)) * 8192)
        about["tags"] = tags or {}
    return find(parts(bundle), "images", name, "")


def saved(bundle: Path, error: type[BaseException] | None = None) -> None:
    """Save a part with one file, or end with an error before that."""
    with write_part(bundle, "images", "amd64", "commit 1") as (folder, _):
        (folder / "new").write_text("x")
        if error is not None:
            raise error


def test_a_part_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    """Ctrl-C leaves the older part as it was, and nothing half done; other parts stay in any case."""
    bundle = tmp_path / "my stick"
    for name in ("amd64", "arm64"):
        written(bundle, name)
    with pytest.raises(KeyboardInterrupt):
        saved(bundle, KeyboardInterrupt)
    assert sorted(path.name for path in bundle.iterdir()) == ["images-amd64", "images-arm64"]
    for part in parts(bundle):
        verify(part)
    saved(bundle)
    assert [(part.folder.name, part.version, list(part.checksums)) for part in parts(bundle)] == [
        ("images-amd64", "commit 1", ["new", ABOUT]),
        ("images-arm64", VERSION, ["one.layer", "two.layer", ABOUT]),
    ]


def test_the_checksums_can_be_checked_by_hand(tmp_path: Path) -> None:
    """``sha256sum --check`` reads them, and finds what was changed."""
    part = written(tmp_path)
    command = ["sha256sum", "--check", "--quiet", CHECKSUMS]
    assert subprocess.run(command, cwd=part.folder, check=False).returncode == 0
    changed(part.folder / "one.layer")
    assert subprocess.run(command, cwd=part.folder, capture_output=True, check=False).returncode == 1


def test_only_a_part_is_replaced(tmp_path: Path) -> None:
    """Another folder of that name stays, and is named."""
    (tmp_path / "images-amd64").mkdir()
    (tmp_path / "images-amd64" / "holiday.jpg").touch()
    with pytest.raises(WorkshopError, match="is in the way, and is no part of a bundle"):
        written(tmp_path)
    assert [path.name for path in (tmp_path / "images-amd64").iterdir()] == ["holiday.jpg"]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_stick_is_one_sentence_and_left_as_it_was(tmp_path: Path) -> None:
    """It says that there is no space; the older part is still there, and whole."""
    with small_disk(tmp_path / "stick", 4 * 1024**2) as stick:
        written(stick)
        with filled(stick), pytest.raises(WorkshopError, match=r"cannot be written to .*: No space left on device"):
            written(stick)
        (part,) = parts(stick)
        verify(part)
        assert not list(stick.glob(".*"))


# From here on: ``./workshop bundle load`` in a checkout without an environment.


@pytest.fixture
def loadable(tmp_path: Path, bare: Path) -> Path:
    """A bundle for this machine and the checkout, as far as its manifests say."""
    folder = tmp_path / "my stick"
    write_wheels(folder, sha256_of(bare / "requirements.lock"))
    for name in ("amd64", "arm64"):
        written(folder, name, recipes.tags(bare))
    return folder


def write_wheels(bundle: Path, lock: str, name: str = "") -> None:
    """A part with packages that are none."""
    with write_part(bundle, "wheels", name or wheels.this_python(), VERSION) as (folder, about):
        (folder / "uv-1-py3-none-any.whl").write_bytes(b"no zip")
        about["lock"] = lock


def typed(checkout: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Type ``./workshop bundle load`` in a checkout, with an index that must not be asked."""
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple"}
    return workshop(checkout, "bundle", "load", *map(str, words), WORKSHOP_PYTHON=sys.executable, **nowhere)


def refused(checkout: Path, bundle: Path) -> str:
    """The one sentence, after which there is no environment."""
    process = typed(checkout, bundle)
    assert process.returncode == Exit.NOT_GOOD, process.stderr
    assert process.stdout == ""
    assert "Traceback" not in process.stderr
    assert not (checkout / ".venv").exists()
    lines: list[str] = process.stderr.splitlines()
    return lines[-1]


def test_a_folder_that_is_no_bundle_is_refused_on_a_bare_python(bare: Path, tmp_path: Path) -> None:
    """One line, and exit code 1."""
    assert (
        refused(bare, tmp_path) == f"{tmp_path} is not a bundle. Name the folder that `./workshop bundle save` wrote."
    )
    process = typed(bare)
    assert process.returncode == Exit.WRONG_USAGE
    assert "takes one folder" in process.stderr


def test_a_bundle_of_another_version_is_no_damage(loadable: Path) -> None:
    """It has a field that this version does not know."""
    about = loadable / "images-amd64" / ABOUT
    about.write_text(about.read_text().replace('"version"', '"release"'))
    with pytest.raises(WorkshopError, match="images-amd64 is of another version of the workshop"):
        parts(loadable)


def test_another_python_is_refused(bare: Path, loadable: Path) -> None:
    """The sentence says for which Pythons there are packages, and which this is."""
    shutil.rmtree(loadable / f"wheels-{wheels.this_python()}")
    for name in ("cpython-3.99-linux-x86_64", "cpython-3.12-darwin-arm64"):
        write_wheels(loadable, sha256_of(bare / "requirements.lock"), name)
    sentence = refused(bare, loadable)
    assert "wheels for cpython-3.12-darwin-arm64, cpython-3.99-linux-x86_64, and not for cpython-3." in sentence
    assert "WORKSHOP_PYTHON" in sentence


def test_images_of_another_version_are_named(bare: Path, loadable: Path) -> None:
    """What would have to be built here, and no more; the versions of both sides."""
    (bare / "images" / "redis" / "entrypoint").write_text("changed")
    assert "(commit 60f5cf9a1b2c; this one is no commit): the image redis would have to be built" in refused(
        bare, loadable
    )


def changed(path: Path) -> None:
    """The last byte differs."""
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def cut(path: Path) -> None:
    """The copy ended early."""
    path.write_bytes(path.read_bytes()[:-10])


def without_last_line(path: Path) -> None:
    """The copy ended at the end of a line."""
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


@pytest.mark.parametrize(
    ("kind", "name", "harm", "words"),
    [
        ("images", "two.layer", changed, "is not as it was saved"),
        ("wheels", "uv-1-py3-none-any.whl", changed, "is not as it was saved"),
        ("images", "one.layer", Path.unlink, "cannot be read: No such file or directory"),
        ("images", ABOUT, cut, "is not as it was saved"),
        ("wheels", CHECKSUMS, cut, "is not as it was saved"),
        ("images", CHECKSUMS, without_last_line, "is not as it was saved"),
    ],
)
def test_damage_is_found_before_anything_is_made(
    bare: Path, loadable: Path, kind: str, name: str, harm: Callable[[Path], None], words: str
) -> None:
    """Lost or altered: the sentence names the file, and to copy again. Packages and images are checked first."""
    machine = this_architecture() if kind == "images" else wheels.this_python()
    file = loadable / f"{kind}-{machine}" / name
    harm(file)
    sentence = refused(bare, loadable)
    assert sentence.startswith(f"{file} {words}. Copy the bundle again")


def test_an_unfinished_load_leaves_nothing(session: Session, tmp_path: Path) -> None:
    """The archive ends too soon: the engine's words, and no image."""
    tag = f"{REPOSITORY}/test:{secrets.token_hex(6)}"
    (tmp_path / "word").write_bytes(secrets.token_bytes(2048))
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY word /word\n")
    build_folder(session, tmp_path, tag)
    image_archive.save(session.engine, {"test": tag}, tmp_path / "stick", "commit 1")
    (part,) = parts(tmp_path / "stick")
    cleanup.remove(session, {"kernel"})
    archive = part.folder / image_archive.ARCHIVE
    archive.write_bytes(archive.read_bytes()[:1000])
    with pytest.raises(WorkshopError, match="The engine has not loaded the images") as refused:
        image_archive.load(session.engine, part)
    assert refused.value.output
    assert [name for name in (tag, tag + image_archive.ALIAS) if has_image(session.engine, name)] == []
