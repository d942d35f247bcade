"""Sessions and images of the audit's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from container_audit.subject import Subject
from tests.conftest import own_stack
from tests.container_audit import bad_images
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session


@pytest.fixture(scope="module")
def image_session(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Makes the images of a file and removes them at its end; other tests sweep the session that they share."""
    with own_stack(tmp_path_factory.mktemp("images") / "workspace") as stack:
        yield stack.session


@pytest.fixture(scope="module")
def python_image(image_session: Session, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A good Python service, which breaks in the ways that its argument names."""
    folder = tmp_path_factory.mktemp("python")
    tag = "workshop-audit-python-{session}:0f1e2d3c4b5a"
    return bad_images.build(image_session, folder, tag, bad_images.PYTHON, images["base"])


@pytest.fixture(autouse=True)
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the machine's load from changing verdicts."""
    monkeypatch.setattr(Subject, "excuse", lambda _subject: "")
