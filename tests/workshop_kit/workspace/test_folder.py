"""The participant's folder is made once and never overwritten; the machine is made ready, and a container proves it."""

from __future__ import annotations

import re
import shutil
import stat
from pathlib import Path

import pytest

from tests.workshop_kit.engine.kernels import things
from workshop_kit import provision
from workshop_kit.engine import images as kit_images
from workshop_kit.engine.labels import MAKER
from workshop_kit.engine.recipes import VARIABLES
from workshop_kit.engine.session import Session
from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.workspace.folder import Workspace, find_workspace, own_workspace


def test_first_start_copies_lessons_and_exercises(source: Path) -> None:
    """A first start copies lessons and exercises, without caches, checkpoints, and what tells an answer."""
    workspace = Workspace.open(source=source)
    names = {str(path.relative_to(workspace.folder)) for path in workspace.folder.rglob("*") if path.is_file()}
    assert names == {
        ".workshop/id",
        "notebooks/00_start.ipynb",
        "notebooks/pictures/map.svg",
        "exercises/01/limits.py",
        ".workshop/base/notebooks/00_start.ipynb",
        ".workshop/base/notebooks/pictures/map.svg",
        ".workshop/base/exercises/01/limits.py",
    }


def test_an_existing_file_is_never_overwritten(source: Path) -> None:
    """A changed notebook stays as it was changed; one that the checkout gained later arrives."""
    mine = Workspace.open(source=source).notebooks / "00_start.ipynb"
    mine.write_text("my own work")
    (source / "notebooks" / "01_container.ipynb").write_text("new")
    workspace = Workspace.open(source=source)
    assert mine.read_text() == "my own work"
    assert (workspace.notebooks / "01_container.ipynb").read_text() == "new"


def test_the_id_stays(source: Path) -> None:
    """A workspace keeps its id, 8 hexadecimal digits, and two workspaces differ; only the owner reads its secrets."""
    first = Workspace.open(source=source)
    first.secrets_folder.chmod(0o755)
    again = Workspace.open(source=source)
    other_workspace = Workspace.open(source / "other", source=source)
    assert first == again
    assert re.fullmatch("[0-9a-f]{8}", first.id)
    assert other_workspace.id != first.id
    assert first.compose_project == f"workshop-{first.id}"
    assert stat.S_IMODE(first.secrets_folder.stat().st_mode) == 0o700


def test_the_service_folder_is_a_compose_project_of_its_own(source: Path) -> None:
    """Its ``.env`` names the project and the images; the participant's lines and files stay."""
    workspace = Workspace.open(source=source)
    folder = workspace.service_folder()
    names = f"COMPOSE_PROJECT_NAME=workshop-{workspace.id}-my-service\n"
    names += "".join(f"{name}={image}\n" for name, image in VARIABLES.items())
    assert folder == workspace.folder / "my_service"
    assert (folder / ".env").read_text() == names
    (folder / ".env").write_text("COMPOSE_PROJECT_NAME=another\nBASE=mine\nLOG_LEVEL=debug\n")
    (folder / "app.py").write_text("mine")
    workspace.service_folder()
    assert (folder / ".env").read_text() == f"{names}LOG_LEVEL=debug\n"
    assert (folder / "app.py").read_text() == "mine"


@pytest.mark.parametrize("place", ["", ".workshop/secrets"])
def test_a_file_in_the_way(source: Path, place: str) -> None:
    """A file where a folder is needed is named in one sentence, and left alone."""
    file = source / "workspace" / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("mine")
    with pytest.raises(NotReady, match="a file stands where a folder is needed") as caught:
        Workspace.open(source=source)
    assert str(file) in str(caught.value)
    assert file.read_text() == "mine"


def test_an_id_that_is_none(source: Path) -> None:
    """A damaged id is refused: `down` could not find the objects with its label."""
    (Workspace.open(source=source).folder / ".workshop" / "id").write_bytes(b"\xff\xfe")
    with pytest.raises(NotReady, match="does not hold a workspace id"):
        Workspace.open(source=source)


def test_full_disk(small_disk: Path, source: Path) -> None:
    """A full disk is one sentence, and no half-copied notebook is left."""
    (source / "notebooks" / "01_big.ipynb").write_bytes(b"x" * 100_000)
    with pytest.raises(NotReady, match="is full"):
        Workspace.open(small_disk / "workspace", source=source)
    assert not (small_disk / "workspace" / "notebooks" / "01_big.ipynb").exists()
    (source / "notebooks" / "01_big.ipynb").write_bytes(b"x")
    assert Workspace.open(small_disk / "workspace", source=source).notebooks.joinpath("01_big.ipynb").exists()


def test_a_notebook_finds_its_workspace(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable wins; else the nearest workspace above; else the checkout's; else one sentence."""
    workspace = Workspace.open(source=source)
    assert find_workspace(workspace.notebooks / "pictures", {}) == workspace
    assert find_workspace(source / "notebooks", {}) == workspace
    other_workspace = Workspace.open(source / "other", source=source / "nothing")
    named = {"WORKSHOP_WORKSPACE": str(other_workspace.folder)}
    monkeypatch.setenv("WORKSHOP_WORKSPACE", named["WORKSHOP_WORKSPACE"])
    assert find_workspace(workspace.notebooks, named) == own_workspace() == other_workspace
    with pytest.raises(NotReady, match="not in a workspace"):
        find_workspace(Path("/"), {})


def test_the_proof_is_a_container_that_spoke(session: Session, images: dict[str, str]) -> None:
    """An image that cannot run Python fails the proof; the container is gone either way."""
    provision.prove(session, images["base"])
    with pytest.raises(WorkshopError, match="print a word"):
        provision.prove(session, images["mariadb"])
    assert things(session.engine, session.identity.workspace_id, f"{MAKER}={session.maker}") == []


def test_a_fresh_workspace_keeps_its_id(tmp_path: Path) -> None:
    """The objects of an interrupted tour have it as a label; the lessons are the checkout's, and one tour's at a time.

    A second tour would empty the folder below the first one, and remove its containers.
    """
    with provision.fresh_workspace(tmp_path / "tour") as first:
        (first.notebooks / "00_start.ipynb").write_text("being run")
        with (
            pytest.raises(WorkshopError, match="Another process is running the lessons in"),
            provision.fresh_workspace(tmp_path / "tour"),
        ):
            pass
        assert (first.notebooks / "00_start.ipynb").read_text() == "being run"
    with provision.fresh_workspace(tmp_path / "tour") as again:
        assert again.id == first.id
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
