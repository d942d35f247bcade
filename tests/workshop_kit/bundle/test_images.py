"""Images leave one engine and come into another as if they had been built there."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from workshop_kit.bundle import images
from workshop_kit.bundle.manifest import parts
from workshop_kit.engine import cleanup
from workshop_kit.engine.images import build_folder, is_there
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError

pytestmark = pytest.mark.engine


def test_an_unfinished_load_leaves_nothing(session: Session, tmp_path: Path) -> None:
    """The archive ends too soon: the engine's words, no image, an unchanged ledger."""
    before = session.ledger.entries()
    tag = f"container-workshop/test:{secrets.token_hex(6)}"
    (tmp_path / "word").write_bytes(secrets.token_bytes(2048))
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY word /word\n")
    build_folder(session, tmp_path, tag)
    images.save(session.engine, {"test": tag}, tmp_path / "stick", "commit 1")
    (part,) = parts(tmp_path / "stick")
    cleanup.remove(session, {"kernel"})
    archive = part.folder / images.ARCHIVE
    archive.write_bytes(archive.read_bytes()[:1000])
    with pytest.raises(WorkshopError, match="The engine has not loaded the images") as refused:
        images.load(session, part)
    assert refused.value.output
    assert [one for one in (tag, tag + images.ALIAS) if is_there(session.engine, one)] == []
    assert session.ledger.entries() == before
