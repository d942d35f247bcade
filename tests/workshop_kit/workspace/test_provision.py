"""The machine is made ready step by step, and a container proves it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from workshop_kit.engine import images as kit_images
from workshop_kit.engine.session import Session
from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.workspace import provision
from workshop_kit.workspace.folder import Workspace

pytestmark = pytest.mark.engine


def test_the_proof_is_a_container_that_spoke(session: Session, images: dict[str, str]) -> None:
    """An image that cannot run Python fails the proof; the container is gone either way."""
    before = session.ledger.entries()
    provision.prove(session, images["base"])
    with pytest.raises(WorkshopError, match="print a word"):
        provision.prove(session, images["redis"])
    assert session.ledger.entries() == before


def test_a_fresh_workspace_keeps_its_id_and_ledger(tmp_path: Path) -> None:
    """The objects of an interrupted tour stay in the ledger; the lessons are the checkout's, and one tour's at a time.

    A second tour would empty the folder below the first one, and remove its containers.
    """
    with provision.fresh_workspace(tmp_path / "tour") as first:
        first.ledger_path.write_text("kept\n")
        (first.notebooks / "00_start.ipynb").write_text("being run")
        with (
            pytest.raises(WorkshopError, match="Another process is running the lessons in"),
            provision.fresh_workspace(tmp_path / "tour"),
        ):
            pass
        assert (first.notebooks / "00_start.ipynb").read_text() == "being run"
    with provision.fresh_workspace(tmp_path / "tour") as again:
        assert (again.id, again.ledger_path.read_text()) == (first.id, "kept\n")
        assert (again.notebooks / "00_start.ipynb").read_text() != "being run"


def test_a_disk_that_is_nearly_full_is_said_before_anything_is_built(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, images: dict[str, str]
) -> None:
    """Only where something has to be built: with all images there, little space is enough."""
    monkeypatch.setattr(kit_images, "ENOUGH_DISK_BYTES", 1 << 60)
    workspace = Workspace.open(tmp_path / "workspace")
    provision.make_ready(workspace, root, may_install=False)
    changed = tmp_path / "checkout"
    for folder in ("images", "workshop_app"):
        shutil.copytree(root / folder, changed / folder)
    (changed / "workshop_app" / "orders.py").write_text("# changed\n")
    with pytest.raises(NotReady, match="disk is nearly full"):
        provision.make_ready(workspace, changed, may_install=False)
