"""File cells write a file, and never lose a participant's change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import write_notebook
from workshop_kit.errors import WrongUsage
from workshop_kit.workspace.file_cell import write
from workshop_kit.workspace.folder import Workspace

NAME = "my_service/Dockerfile"
SHIPPED = "FROM localhost/workshop/python:3.13\n"
LATER = "FROM localhost/workshop/python:3.13\nUSER app\n"
MINE = "FROM localhost/workshop/python:3.13\nUSER 10001\n"


@pytest.fixture
def workspace(empty_workspace: Workspace) -> Workspace:
    """A workspace whose lessons came with two file cells for the Dockerfile, in two notebooks."""
    for name, text in (("01_one", SHIPPED), ("02_two", LATER)):
        path = write_notebook(empty_workspace, name, [f"%%file {NAME}\n{text.rstrip()}", "print('no file')"])
        remembered = empty_workspace.base / "notebooks" / path.name
        remembered.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, remembered)
    return empty_workspace


@pytest.fixture
def dockerfile(workspace: Workspace) -> Path:
    """The participant's Dockerfile; it is not there yet."""
    return workspace.folder / NAME


def replaced(workspace: Workspace) -> list[str]:
    """Return the texts of the files in kept/, oldest first."""
    return [path.read_text() for path in sorted(workspace.folder.glob(f"kept/*/{NAME}"))]


def test_a_cell_writes_its_lines(workspace: Workspace, dockerfile: Path) -> None:
    """The first time it writes the file and its folder; the second time there is nothing to do.

    A later cell for the same file replaces an earlier one's lines, and the other way round on the next run.
    """
    for text in (SHIPPED, LATER, SHIPPED):
        assert write(workspace, NAME, text.rstrip()) == "my_service/Dockerfile is written."
        assert dockerfile.read_text() == text
        assert write(workspace, NAME, text) == "my_service/Dockerfile holds these lines."
    assert replaced(workspace) == []


def test_a_later_lesson_has_another_file_in_the_same_place(workspace: Workspace, dockerfile: Path) -> None:
    """The first run of its cell replaces changes of an earlier lesson, with a copy in kept/; later changes stay."""
    write(workspace, NAME, SHIPPED)
    dockerfile.write_text(MINE)
    assert write(workspace, NAME, LATER).startswith("my_service/Dockerfile is written. Your file as it was: kept/")
    assert replaced(workspace) == [MINE]
    dockerfile.write_text(LATER + "EXPOSE 8080\n")
    for text in (LATER, SHIPPED):
        assert "stays as it is" in write(workspace, NAME, text)
    assert dockerfile.read_text() == LATER + "EXPOSE 8080\n"


def test_an_edited_cell_writes_and_the_old_file_is_kept(workspace: Workspace, dockerfile: Path) -> None:
    """An edited cell's lines go to the file; a change made in the editor afterwards survives the next run."""
    write(workspace, NAME, SHIPPED)
    dockerfile.write_text("FROM mine\n")
    said = write(workspace, NAME, MINE)
    assert said.startswith("my_service/Dockerfile is written. Your file as it was: kept/")
    assert (dockerfile.read_text(), replaced(workspace)) == (MINE, ["FROM mine\n"])
    dockerfile.write_text(MINE + "EXPOSE 8080\n")
    assert "stays as it is" in write(workspace, NAME, MINE)
    assert dockerfile.read_text() == MINE + "EXPOSE 8080\n"


@pytest.mark.parametrize("name", ["", "notebooks/app.py", "my_service", "my_service/../id"])
def test_it_writes_nowhere_else(workspace: Workspace, name: str) -> None:
    """A name outside of the participant's folder is refused in one sentence."""
    with pytest.raises(WrongUsage, match=r"A file cell writes below my_service/, not .*\. Begin it with %%file my_"):
        write(workspace, name, "text")
