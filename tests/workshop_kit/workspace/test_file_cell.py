"""File cells write a file, and never lose a participant's change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import write_notebook
from workshop_kit.errors import WrongUsage
from workshop_kit.workspace import file_cell
from workshop_kit.workspace.folder import Workspace

LESSON = "08_own"
NAME = "my_service/Dockerfile"
SHIPPED = "FROM localhost/workshop/python:3.13\n"
LATER = "FROM localhost/workshop/python:3.13\nUSER app\n"
MINE = "FROM localhost/workshop/python:3.13\nUSER 10001\n"


@pytest.fixture
def workspace(empty_workspace: Workspace) -> Workspace:
    """A workspace with a lesson of somebody's own, which has a file cell for the Dockerfile."""
    path = write_notebook(empty_workspace, LESSON, [f"%%file {NAME}\n{SHIPPED.rstrip()}", "print('no file')"])
    remembered = empty_workspace.base / "notebooks" / path.name
    remembered.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, remembered)
    return empty_workspace


def write(workspace: Workspace, name: str, body: str) -> str:
    """Run a file cell of the lesson in a checkout that has no source for any file."""
    return file_cell.write(workspace, LESSON, name, body, workspace.folder)


@pytest.fixture
def dockerfile(workspace: Workspace) -> Path:
    """The participant's Dockerfile; it is not there yet."""
    return workspace.folder / NAME


def replaced(workspace: Workspace) -> list[str]:
    """Return the texts of the files in kept/, oldest first."""
    return [path.read_text() for path in sorted(workspace.folder.glob(f"kept/*/{NAME}"))]


def test_a_cell_writes_its_lines(workspace: Workspace, dockerfile: Path) -> None:
    """The first time it writes the file and its folder; the second time there is nothing to do."""
    for text in (SHIPPED, LATER, SHIPPED):
        assert write(workspace, NAME, text.rstrip()).startswith("my_service/Dockerfile is written.")
        assert dockerfile.read_text() == text
        assert write(workspace, NAME, text) == "my_service/Dockerfile holds these lines."
    assert replaced(workspace) == [LATER]


def test_an_edited_cell_writes_and_the_old_file_is_kept(workspace: Workspace, dockerfile: Path) -> None:
    """An edited cell's lines go to the file; a change made in the editor afterwards survives the next run."""
    write(workspace, NAME, SHIPPED)
    dockerfile.write_text("FROM mine\n")
    sentence = write(workspace, NAME, MINE)
    assert sentence.startswith("my_service/Dockerfile is written. Your file as it was: kept/")
    assert (dockerfile.read_text(), replaced(workspace)) == (MINE, ["FROM mine\n"])
    dockerfile.write_text(MINE + "EXPOSE 8080\n")
    assert "stays as it is" in write(workspace, NAME, MINE)
    assert dockerfile.read_text() == MINE + "EXPOSE 8080\n"


@pytest.mark.parametrize("name", ["", "notebooks/app.py", "my_service", "my_service/../id"])
def test_it_writes_nowhere_else(workspace: Workspace, name: str) -> None:
    """A name outside of the participant's folder is refused in one sentence."""
    with pytest.raises(WrongUsage, match=r"A file cell writes below my_service/, or tools\.py, not "):
        write(workspace, name, "text")
