"""Images leave one engine and come into another as if they had been built there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from docker.errors import ImageNotFound

from tests.workshop_kit.bundle.small import VERSION, small_images, unknown_images
from workshop_kit.bundle import images
from workshop_kit.bundle.parts import MANIFEST, Part, verify
from workshop_kit.engine import cleanup
from workshop_kit.engine.images import is_there
from workshop_kit.engine.labels import KIT, KIT_NAME, OWNER, SCOPE, SESSION, Identity
from workshop_kit.engine.ledger import Ledger
from workshop_kit.engine.session import Session
from workshop_kit.errors import NotReady, WorkshopError
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
    """Somebody else, with a workspace of their own on the same engine."""
    return Session(session.engine, Identity("cafe0123", "someone@elsewhere"), Ledger(tmp_path / "ledger.jsonl"))


def test_who_loads_an_image_owns_it(part: Part, session: Session, other: Session) -> None:
    """It carries the loader's labels, stands in their ledger in scope machine, runs, and goes with that scope."""
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
    assert (steps[-1].done, max(step.fraction or 0.0 for step in steps)) == (True, 1.0)
    assert sorted(entry.name for entry in cleanup.remove(other, {"machine"}).removed) == sorted(new)
    assert not any(is_there(session.engine, tag) for tag in new)


def test_the_saver_is_not_named_in_the_bundle(part: Part, session: Session) -> None:
    """Neither the workspace nor the account of whoever saved it travels."""
    manifest = (part.folder / MANIFEST).read_text()
    assert session.who.session not in manifest
    assert session.who.owner not in manifest


def test_what_images_share_is_saved_once(part: Part) -> None:
    """The second image stands on the first: its layer is there once."""
    ground, house = part.content["images"]
    assert set(ground["layers"]) < set(house["layers"])
    assert len(part.files) == len(house["layers"])


def test_a_second_save_does_what_is_left(part: Part, session: Session) -> None:
    """What is whole stays, and the engine is not asked for it; what was damaged is saved anew, if the engine has it."""
    bundle, tags = part.folder.parent, part.content["tags"]
    assert images.save(session.engine, tags, bundle, "commit 2") == part
    (part.folder / part.content["images"][0]["layers"][0]).write_bytes(b"damaged")
    with pytest.raises(ImageNotFound):
        images.save(session.engine, tags, bundle, "commit 2")


def test_a_second_load_brings_what_is_missing(part: Part, other: Session) -> None:
    """What is there stays as it is; nothing missing, nothing done and nothing written down."""
    new = images.load(other, part)
    before = other.ledger.entries()
    assert images.load(other, part) == []
    assert other.ledger.entries() == before
    other.engine.client.images.remove(new[1])
    assert images.load(other, part) == [new[1]]


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


def test_a_stick_that_is_pulled_out_is_one_sentence(part: Part, other: Session) -> None:
    """A layer's file is gone while it is loaded: said so, and nothing is left."""
    (part.folder / part.content["images"][1]["layers"][-1]).unlink()
    with pytest.raises(WorkshopError, match="cannot be read: No such file or directory"):
        images.load(other, part)
    assert not any(is_there(other.engine, tag) for tag in part.content["tags"].values())
    assert other.ledger.entries() == []


def test_too_little_space_is_said_before_anything_is_loaded(part: Part, other: Session) -> None:
    """With both numbers, since the engine would notice only in the middle."""
    large = replace(part, content={**part.content, "unpacked_bytes": 10**15})
    with pytest.raises(NotReady, match=r"needs 2000000\.0"):
        images.load(other, large)
    assert other.ledger.entries() == []


def test_an_image_that_is_not_there_is_not_saved(session: Session, tmp_path: Path) -> None:
    """Nothing half done is left of the bundle."""
    with pytest.raises(ImageNotFound):
        images.save(session.engine, {"none": "container-workshop/none:0"}, tmp_path / "stick", VERSION)
    assert not (tmp_path / "stick").exists()
