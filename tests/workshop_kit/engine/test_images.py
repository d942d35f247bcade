"""An image's tag is what it is built from: equal contents, equal tag; anything else, another."""

from __future__ import annotations

from pathlib import Path

import pytest

from workshop_kit.engine import cleanup, images
from workshop_kit.engine.labels import KIT, KIT_NAME, OWNER, SCOPE, SESSION
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.errors import NotReady

RECIPE = images.Recipe("scratch", "recipe")


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
    return images.tag_of(folder.parent, RECIPE, base)


def test_every_change_that_reaches_the_image_changes_the_tag(folder: Path) -> None:
    """Content, name, permission to execute, and base all count."""
    seen = {tag(folder)}
    (folder / "word").write_text("two")
    seen.add(tag(folder))
    (folder / "word").chmod(0o755)
    seen.add(tag(folder))
    (folder / "word").rename(folder / "words")
    seen.add(tag(folder))
    seen.add(tag(folder, "base:2"))
    assert len(seen) == 5


def test_what_does_not_reach_the_image_does_not_count(folder: Path) -> None:
    """Bytecode, hidden files and the time of the files change nothing."""
    before = tag(folder)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.cpython-313.pyc").write_bytes(b"x")
    (folder / ".swap").write_text("x")
    (folder / "word").touch()
    assert tag(folder) == before


@pytest.mark.engine
def test_a_build_is_labelled_listed_and_removable(
    session: Session, engine: Engine, images_built: str, folder: Path
) -> None:
    """The image carries the four labels, stands in the ledger, and goes with scope machine."""
    name = tag(folder, images_built)
    images.build(session, folder.parent, RECIPE, {"BASE": images_built}, name)
    found = engine.client.images.get(name)
    assert {key: found.labels[key] for key in (KIT, SESSION, OWNER, SCOPE)} == {
        KIT: KIT_NAME,
        SESSION: session.who.session,
        OWNER: session.who.owner,
        SCOPE: "machine",
    }
    assert [entry.name for entry in cleanup.remove(session, {"machine"}).removed] == [name]
    assert not images.is_there(engine, name)


@pytest.mark.engine
def test_a_build_that_fails_is_one_sentence_with_the_builders_last_lines(
    session: Session, images_built: str, folder: Path
) -> None:
    """The Dockerfile's error is shown; nothing is written into the ledger."""
    (folder / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nRUN echo over here && exit 3\n")
    before = session.ledger.entries()
    with pytest.raises(NotReady) as caught:
        images.build(session, folder.parent, RECIPE, {"BASE": images_built}, tag(folder, images_built))
    assert "'scratch' could not be built" in caught.value.what
    assert "over here" in caught.value.output
    assert session.ledger.entries() == before


@pytest.fixture
def images_built(images: dict[str, str]) -> str:
    """The tag of the base."""
    return images["base"]


def test_a_ca_bundle_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """SSL_CERT_FILE that names nothing would otherwise fall back silently to another bundle."""
    bundle = tmp_path / "own.pem"
    bundle.write_text("a certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    assert images.ca_bundle() == bundle
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(NotReady, match="not a file"):
        images.ca_bundle()
