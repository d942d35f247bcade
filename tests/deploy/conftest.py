"""The image of the other engines, for tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from workshop_kit.engine.images import build_folder
from workshop_kit.engine.session import Session

ENGINES = Path(__file__).with_name("engines")


@pytest.fixture(scope="module")
def engines_image(session: Session, seat_image_tag: str) -> Iterator[str]:
    """A seat with Podman, and with what a rootless engine needs."""
    yield from built(session, ENGINES, f"SEAT={seat_image_tag}")


def built(session: Session, folder: Path, argument: str) -> Iterator[str]:
    """Build the image of a folder with one build argument; yield its tag, and remove it."""
    tag = f"workshop-{folder.name}-of-the-tests:{session.identity.workspace_id}"
    build_folder(session, folder, tag, f"--build-arg={argument}")
    yield tag
    session.engine.client.images.remove(tag, force=True)
