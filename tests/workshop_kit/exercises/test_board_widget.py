"""The board widget without a page: its content, and a jump's effect on files, containers and the kernel."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from tests.conftest import like
from tests.waiting import wait_until
from workshop_kit.engine import containers
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises.board_widget import BoardView, BoardWidget
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.exercises.result import Verdict
from workshop_kit.progress import silent
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.lab_settings import JupyterFolders

GRACEFUL, LOSS = "container.graceful", "container.loss"
FILE = "my_service/start.sh"
pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


@pytest.fixture
def view(participant: Stack, tmp_path: Path) -> BoardView:
    """A participant's board, shown."""
    exercise_service = ExerciseService.of(Workspace.open(tmp_path / "my workspace"), lambda: participant)
    view = BoardView(exercise_service, participant, "01_container")
    view.show()
    return view


def page(view: BoardView) -> BoardWidget:
    """What the browser has."""
    assert isinstance(view.job.widget, BoardWidget)
    return view.job.widget


def test_it_shows_the_current_state(view: BoardView) -> None:
    """It has a button for each lesson and the next; a refresh shows a check that another process recorded."""
    assert page(view).lessons[:2] == ["00_start", "01_container"]
    assert page(view).next_lesson == "02_configuration"
    assert "✓ passed" not in page(view).board
    view.exercise_service.progress.record_check(GRACEFUL, str(Verdict.PASSED))
    view.handle_message(None, {"do": "refresh"}, None)
    assert "✓ passed" in page(view).board
    assert "✓ passed" in view.page().text


def test_a_jump_keeps_changed_files_aside(view: BoardView) -> None:
    """The lesson's files are fresh, mine are in kept/, and the page gets the changed files and the notebook to open."""
    file = view.exercise_service.workspace.folder / FILE
    fresh = file.read_text()
    file.write_text("mine")
    view.handle_message(None, {"do": "go", "lesson": "01_container"}, None)
    wait_until(lambda: page(view).answered == 1)
    assert page(view).problem == ""
    assert file.read_text() == fresh
    assert page(view).arrived == "notebooks/01_container.ipynb"
    assert {FILE, "notebooks/01_container.ipynb"} <= set(page(view).changed)
    assert "notebooks/00_start.ipynb" not in page(view).changed
    assert page(view).notice.startswith("01_container is at its start.")
    assert "kept" in page(view).notice
    assert page(view).notice.splitlines()[-1] in view.page().text
    assert any(kept.read_text() == "mine" for kept in view.exercise_service.workspace.folder.glob(f"kept/*/{FILE}"))
    notary = NotebookNotary(data_dir=str(JupyterFolders(view.exercise_service.workspace.jupyter_folder).data))  # type: ignore[no-untyped-call]
    notebook = nbformat.read(view.exercise_service.workspace.notebooks / "01_container.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    assert notary.check_signature(notebook), "JupyterLab shows panels only in trusted notebooks"  # type: ignore[no-untyped-call]


def test_the_kernel_can_be_used_after_a_jump(view: BoardView, participant: Stack) -> None:
    """Its containers are removed; using one is a one-sentence error, and making them again works."""
    mine = containers.run(participant.session, like(participant.container("service")))
    subject = view.exercise_service.subject(LOSS)
    view.exercise_service.hand_in(LOSS, [], "changed")
    left = []
    view.leave = lambda: left.append(mine.id)
    view.go("01_container", silent)
    assert left == [mine.id]
    with pytest.raises(WorkshopError, match=r"gone\. Run the cell that starts it again"):
        mine.inspect()
    mine.remove()  # as a cell that is run again does
    assert view.exercise_service.check(LOSS).verdict is Verdict.NOT_STARTED, "the answer is about what is gone"
    again = view.exercise_service.subject(LOSS)
    assert again is not None
    assert subject is not None
    assert again.running is not None
    assert again.running.inspect()["State"]["Running"]
    again.running.remove()
    assert participant.container("service").status == "running"
