"""Images leave one engine and come into another as if they had been built there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.errors import ImageNotFound

from tests.workshop_kit.bundle.small import VERSION, small_images, unknown_images
from workshop_kit.bundle import images
from workshop_kit.bundle.manifest import Part, verify
from workshop_kit.engine import cleanup
from workshop_kit.engine.images import is_there
from workshop_kit.engine.labels import KIT, KIT_NAME, OWNER, SCOPE, SESSION, Identity
from workshop_kit.engine.ledger import Ledger
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError
from workshop_kit.progress import Step

pytestmark = pytest.mark.engine


@pytest.fixture
def part(session: Session, tmp_path: Path) -> Iterator[Part]:
    """Two small images, saved, and gone from the engine."""
    tags = small_images(session, tmp_path / "context")
    saved = images.save(session.engine, tags, tmp_path / "stick", VERSION)
    cleanup.remove(session, {"kernel"})
    assert not any(is_there(session.engine, tag) for tag in tags.values())
    yield saved
    for tag in tags.values():
        with contextlib.suppress(ImageNotFound):
            session.engine.client.images.remove(tag)


@pytest.fixture
def other(session: Session, tmp_path: Path) -> Session:
    """A second workspace on the same engine."""
    return Session(session.engine, Identity("cafe0123", "someone@elsewhere"), Ledger(tmp_path / "ledger.jsonl"))


def test_a_loaded_image_belongs_to_its_loader(part: Part, session: Session, other: Session) -> None:
    """It has the loader's labels, an entry in the loader's ledger (scope machine), and goes with that scope.

    A second load brings what is missing, and no more.
    """
    steps: list[Step] = []
    verify(part)
    new = images.load(other, part, steps.append)
    assert sorted(new) == sorted(part.content["tags"].values())
    assert [(entry.kind, entry.name, entry.scope) for entry in other.ledger.entries()] == [
        ("image", tag, "machine") for tag in new
    ]
    for name, tag in part.content["tags"].items():
        found = session.engine.client.images.get(tag)
        assert {key: found.labels[key] for key in (KIT, SESSION, OWNER, SCOPE, "kept")} == {
            KIT: KIT_NAME,
            SESSION: "cafe0123",
            OWNER: "someone@elsewhere",
            SCOPE: "machine",
            "kept": name,
        }
    assert cleanup.unlisted(other) == []
    assert images.load(other, part) == []
    session.engine.client.images.remove(new[1])
    assert images.load(other, part) == [new[1]]
    assert (steps[-1].done, max(step.fraction or 0.0 for step in steps)) == (True, 1.0)
    assert sorted(entry.name for entry in cleanup.remove(other, {"machine"}).removed) == sorted(new)
    assert not any(is_there(session.engine, tag) for tag in new)


def test_an_unfinished_load_leaves_nothing(other: Session, tmp_path: Path) -> None:
    """A layer that is not what its image says: the engine's words, no image, an empty ledger."""
    part = unknown_images(tmp_path)
    one, two = part.content["images"]
    layer = part.folder / two["layers"][-1]
    good = layer.read_bytes()
    layer.write_bytes((part.folder / one["layers"][0]).read_bytes())
    with pytest.raises(WorkshopError, match="The engine has not loaded the images") as refused:
        images.load(other, part)
    assert "invalid diffID" in refused.value.output
    assert not any(is_there(other.engine, image["tag"]) for image in (one, two))
    assert other.ledger.entries() == []
    layer.write_bytes(good)
    assert images.load(other, part) == [one["tag"], two["tag"]]
    assert len(cleanup.remove(other, {"machine"}).removed) == 2
