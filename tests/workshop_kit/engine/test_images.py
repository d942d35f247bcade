"""Images: a tag is the hash of its sources, a build is recorded, a silent registry costs seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from workshop_kit.engine import cleanup, images, recipes
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.recipes import image_labels
from workshop_kit.engine.session import Session
from workshop_kit.paths import CHECKOUT

RECIPE = recipes.Recipe("scratch", "recipe")
BASE = recipes.tags(CHECKOUT)["base"]


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
    """Content, name, permission to execute, and base count; bytecode, hidden files and the time of the files do not."""
    seen = {tag(folder)}
    (folder / "word").write_text("two")
    seen.add(tag(folder))
    (folder / "word").chmod(0o755)
    seen.add(tag(folder))
    (folder / "word").rename(folder / "words")
    seen.add(tag(folder))
    seen.add(tag(folder, "base:2"))
    assert len(seen) == 5
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.cpython-313.pyc").write_bytes(b"x")
    (folder / ".swap").write_text("x")
    (folder / "words").touch()
    assert tag(folder) in seen


@pytest.mark.engine
def test_a_build_is_labeled_recorded_and_removable(session: Session, engine: Engine, folder: Path) -> None:
    """The image carries the four labels and the release's, stands in the ledger, and goes with scope machine."""
    name = tag(folder, BASE)
    images.build(session, folder.parent, RECIPE, {"BASE": BASE}, name)
    wanted = {**session.identity.labels("machine"), **image_labels(CHECKOUT)}
    assert wanted.items() <= engine.client.images.get(name).labels.items()
    assert [entry.name for entry in cleanup.remove(session, {"machine"}).removed] == [name]
    assert not images.is_there(engine, name)


def test_a_silent_registry_costs_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A firewall drops its packets: the pull is ended."""
    (tmp_path / "docker").write_text("#!/bin/sh\nexec sleep 600\n")  # longer than a test may take
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(images, "REGISTRY_TIMEOUT_SECONDS", 0.3)
    assert images._pull(lambda _step: None) is False
