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
    tag = f"workshop-engines-of-the-tests:{session.identity.session}"
    build_folder(session, ENGINES, tag, f"--build-arg=SEAT={seat_image_tag}")
    yield tag
    session.engine.client.images.remove(tag, force=True)
