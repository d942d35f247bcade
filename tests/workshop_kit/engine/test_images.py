"""Images: a tag is the hash of its sources, a build is recorded, a silent registry costs seconds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from workshop_kit.engine import debian, images, recipes
from workshop_kit.engine.labels import IMAGE_SCOPE
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.recipes import image_labels
from workshop_kit.engine.session import Session
from workshop_kit.paths import CHECKOUT

RECIPE = recipes.Recipe("scratch", "recipe")
BASE = recipes.tags(CHECKOUT)["base"]
DOCKERFILES = sorted(
    [*CHECKOUT.glob("images/*/Dockerfile"), CHECKOUT / "workshop_app/Dockerfile", CHECKOUT / ".devcontainer/Dockerfile"]
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a small recipe."""
    folder = tmp_path / "recipe"
    folder.mkdir()
    (folder / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nCOPY word /word\n")
    (folder / "word").write_text("one")
    return folder


def tag(folder: Path, base: str = "base:1") -> str:
    """The tag that this recipe has on a base."""
    return recipes.tag_of(folder.parent, RECIPE, base)


def test_what_reaches_the_image_changes_the_tag_and_nothing_else(folder: Path) -> None:
    """Content, name and base count; bytecode, hidden files, and the time and the mode of the files do not."""
    tags = {tag(folder)}
    (folder / "word").write_text("two")
    tags.add(tag(folder))
    (folder / "word").rename(folder / "words")
    tags.add(tag(folder))
    tags.add(tag(folder, "base:2"))
    assert len(tags) == 4
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.cpython-313.pyc").write_bytes(b"x")
    (folder / ".swap").write_text("x")
    (folder / "words").touch()
    (folder / "words").chmod(0o755)
    assert tag(folder) in tags


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_a_dockerfile_sets_the_modes_of_what_it_takes_from_the_checkout(dockerfile: Path) -> None:
    """Whole files stand there, so that no folder brings its mode; the seat's checkout sets two modes afterwards."""
    copied = re.findall(r"^COPY (?!--from)(.+)$", dockerfile.read_text(), re.MULTILINE)
    assert all(re.match(r"--chmod=0[67]\d\d ", words) or words == ". ./" for words in copied)
    files = [words for words in copied if words != ". ./"]
    sources = [word for words in files for word in words.split()[1:-1]]
    assert not [source for source in sources if (dockerfile.parent / source).is_dir()]


@pytest.mark.engine
def test_a_build_is_labeled(session: Session, engine: Engine, folder: Path) -> None:
    """The image carries the release's labels and no workspace's, and so do the containers that are run from it."""
    name = tag(folder, BASE)
    images.build(session, folder.parent, RECIPE, {"BASE": BASE}, name)
    try:
        labels = engine.client.images.get(name).labels
        assert {IMAGE_SCOPE: "machine", **image_labels(CHECKOUT)}.items() <= labels.items()
        assert session.identity.workspace_id not in labels.values()
    finally:
        engine.client.images.remove(name)


def test_a_silent_registry_costs_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A firewall drops its packets: the pull is ended."""
    (tmp_path / "docker").write_text("#!/bin/sh\nexec sleep 600\n")  # longer than a test may take
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(debian, "REGISTRY_TIMEOUT_SECONDS", 0.3)
    assert debian._pull_debian(lambda _step: None) is False
