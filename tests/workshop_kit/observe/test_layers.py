"""`layers.files` lists the files of every layer of an image."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from workshop_kit.engine import cleanup
from workshop_kit.engine.session import Session
from workshop_kit.exercises.fixtures import image_with_deleted_file
from workshop_kit.observe import layers


@pytest.fixture(autouse=True)
def nothing_left(session: Session) -> Iterator[None]:
    """Remove the images that a test loads."""
    yield
    assert cleanup.remove(session, {"kernel"}).left == []


def test_a_deleted_file_is_still_in_its_layer(session: Session) -> None:
    """It keeps its size and is not visible."""
    files = layers.files(session.engine, image_with_deleted_file(session, Random(7)))
    hidden = files[~files.visible]
    assert list(hidden.path.str.rpartition("/")[0]) == ["srv/import"]
    assert hidden.instruction.iloc[0].startswith("COPY ")
    assert hidden.size_bytes.iloc[0] >= 5_000_000
    assert not files.path.str.contains(".wh.", regex=False).any()
