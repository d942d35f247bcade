"""Images leave one engine and come into another as if they had been built there."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from docker.errors import ImageNotFound

from workshop_kit.bundle import images
from workshop_kit.bundle.manifest import Part
from workshop_kit.engine import cleanup
from workshop_kit.engine.images import build_folder, is_there
from workshop_kit.engine.labels import Identity
from workshop_kit.engine.session import Ledger, Session
from workshop_kit.errors import WorkshopError

pytestmark = pytest.mark.engine


def small_images(session: Session, folder: Path) -> dict[str, str]:
    """Two images of the session, built from nothing, the second on the first; their tags by name."""
    tags: dict[str, str] = {}
    for name in ("ground", "house"):
        context = folder / name
        context.mkdir(parents=True)
        (context / "word").write_bytes(secrets.token_bytes(2048))
        (context / "Dockerfile").write_text(
            f"FROM {tags.get('ground', 'scratch')}\nCOPY word /{name}\nLABEL kept={name}\n"
        )
        tags[name] = f"container-workshop/test-{name}:{secrets.token_hex(6)}"
        build_folder(session, context, tags[name])
    return tags


@pytest.fixture
def part(session: Session, tmp_path: Path) -> Iterator[Part]:
    """Two small images, saved, and gone from the engine."""
    tags = small_images(session, tmp_path / "context")
    saved = images.save(session.engine, tags, tmp_path / "stick", "commit 1")
    cleanup.remove(session, {"kernel"})
    assert there(session, tags.values()) == []
    yield saved
    for tag in tags.values():
        with contextlib.suppress(ImageNotFound):
            session.engine.client.images.remove(tag)


@pytest.fixture
def other(session: Session, tmp_path: Path) -> Session:
    """A second workspace on the same engine."""
    return Session(session.engine, Identity("cafe0123", "someone@elsewhere"), Ledger(tmp_path / "ledger.jsonl"))


def there(session: Session, tags: Iterable[str]) -> list[str]:
    """Those of some tags that the engine has, as they are or as the archive has them."""
    return [one for tag in tags for one in (tag, tag + images.ALIAS) if is_there(session.engine, one)]


def test_an_unfinished_load_leaves_nothing(part: Part, other: Session) -> None:
    """The archive ends too soon: the engine's words, no image, an empty ledger."""
    archive = part.folder / images.ARCHIVE
    archive.write_bytes(archive.read_bytes()[:1000])
    with pytest.raises(WorkshopError, match="The engine has not loaded the images") as refused:
        images.load(other, part)
    assert refused.value.output
    assert there(other, part.content["tags"].values()) == []
    assert other.ledger.entries() == []
