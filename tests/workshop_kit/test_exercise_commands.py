"""``update`` and ``goto`` at the terminal: what they wrote is trusted by JupyterLab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import typer
from nbformat.sign import NotebookNotary

from workshop_kit.commands import exercises
from workshop_kit.engine import cleanup, reach
from workshop_kit.errors import Exit
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.exercises.progress import Progress
from workshop_kit.exercises.result import Result, Verdict
from workshop_kit.workspace import provision
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.lab_settings import JupyterFolders

NAME = "notebooks/00_start.ipynb"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The workspace that the commands work on."""
    monkeypatch.setenv("WORKSHOP_WORKSPACE", str(tmp_path / "workspace"))
    return Workspace.open(tmp_path / "workspace")


def is_signed(workspace: Workspace) -> bool:
    """Whether JupyterLab trusts the notebook as it is now."""
    notary = NotebookNotary(data_dir=str(JupyterFolders(workspace.jupyter_folder).data))  # type: ignore[no-untyped-call]
    notebook = nbformat.read(workspace.folder / NAME, as_version=4)  # type: ignore[no-untyped-call]
    return bool(notary.check_signature(notebook))  # type: ignore[no-untyped-call]


def test_an_update_signs_what_it_changed(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """A notebook that got newer is signed; without one nothing is, and no second and a half is spent on it."""
    exercises.update()
    assert "Everything is up to date." in capsys.readouterr().err
    assert not workspace.jupyter_folder.exists()
    older = (workspace.folder / NAME).read_text().replace("light", "lamp")
    for folder in (workspace.folder, workspace.base):
        (folder / NAME).write_text(older)
    exercises.update()
    assert f"Updated: {NAME}" in capsys.readouterr().err
    assert is_signed(workspace)


def test_a_beginning_is_written_down_as_the_whole_id(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """What is done under a beginning of an id counts for the exercise."""
    exercises.hint("container.li")
    assert capsys.readouterr().out.startswith("1. ")
    assert Progress(workspace.progress_path).exercise("container.limits").hints == 1


@pytest.mark.parametrize(
    ("verdict", "code", "says"),
    [
        (Verdict.CANNOT_JUDGE, Exit.NOT_READY, "./workshop doctor says what this engine lacks"),
        (Verdict.WRONG, Exit.NOT_GOOD, "and check again"),
    ],
)
@pytest.mark.usefixtures("workspace")
def test_an_engine_that_lacks_something_is_not_the_participants_mistake(
    verdict: Verdict, code: Exit, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is that of a machine that is not ready, and nobody is sent to edit a file."""
    result = Result("container.limits", verdict, "Memory limits do not hold.")
    monkeypatch.setattr(ExerciseService, "check", lambda *_: result)
    with pytest.raises(typer.Exit) as ended:
        exercises.check("container.limits")
    assert ended.value.exit_code == code
    assert says in capsys.readouterr().err


@pytest.fixture
def nothing_left(workspace: Workspace) -> Iterator[None]:
    """The stack that a jump brings up is gone afterwards."""
    yield
    session = provision.session_of(workspace, reach.connect())
    assert cleanup.remove(session, {"kernel", "workspace"}).left == []


@pytest.mark.engine
@pytest.mark.long
@pytest.mark.usefixtures("images", "nothing_left")
def test_a_jump_signs_what_it_wrote(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """The fresh notebook is signed, what stood there is kept, and both are said."""
    (workspace.folder / NAME).write_text("mine")
    exercises.goto("00")
    said = capsys.readouterr().err
    assert "00_start is at its start." in said
    assert str(workspace.folder / "kept") in said.replace("\n", "")
    assert is_signed(workspace)
