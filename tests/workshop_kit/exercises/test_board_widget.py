"""The board in a notebook, without a page: what it shows, and what a jump does to files, containers and the kernel."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from tests.workshop_kit.lessons.waiting import wait_until
from workshop_kit.engine import containers
from workshop_kit.engine.spec import like
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises.board_widget import BoardView, BoardWidget
from workshop_kit.exercises.exercise_service import Desk
from workshop_kit.exercises.result import Verdict
from workshop_kit.progress import silent
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.lab_settings import JupyterFolders

GRACEFUL = "container.graceful"
FILE = "my_service/start.sh"
pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


@pytest.fixture
def view(participant: Stack, tmp_path: Path) -> BoardView:
    """A participant's board, shown."""
    desk = Desk.of(Workspace.open(tmp_path / "my workspace"), lambda: participant)
    view = BoardView(desk, participant, "01_container")
    view.show()
    return view


def page(view: BoardView) -> BoardWidget:
    """What the browser has."""
    assert view.job is not None
    assert isinstance(view.job.widget, BoardWidget)
    return view.job.widget


def test_it_shows_things_as_they_stand(view: BoardView) -> None:
    """A button a lesson; what a check somewhere else recorded is there when the page asks again."""
    assert page(view).lessons[:2] == ["00_start", "01_container"]
    assert "✓ passed" not in page(view).board
    view.desk.progress.record_check(GRACEFUL, str(Verdict.PASSED))
    view._clicked(None, {"do": "refresh"}, None)
    assert "✓ passed" in page(view).board
    assert "✓ passed" in view.page().text


def test_it_offers_the_next_lesson(view: BoardView) -> None:
    """The one after the lesson it stands in; none after the last."""
    assert page(view).next_lesson == "02_configuration"
    view.lesson = page(view).lessons[-1]
    view.show()
    assert page(view).next_lesson == ""


def test_a_jump_keeps_aside_and_says_so(view: BoardView) -> None:
    """The lesson's files are fresh, mine are kept, the page hears which files to read anew and what to open."""
    file = view.desk.workspace.folder / FILE
    fresh = file.read_text()
    file.write_text("mine")
    view._clicked(None, {"do": "go", "lesson": "01_container"}, None)
    wait_until(lambda: page(view).answered == 1)
    assert page(view).problem == ""
    assert file.read_text() == fresh
    assert page(view).arrived == "notebooks/01_container.ipynb"
    assert {FILE, "notebooks/01_container.ipynb"} <= set(page(view).changed)
    assert "notebooks/00_start.ipynb" not in page(view).changed
    assert page(view).notice.startswith("01_container is at its start.")
    assert "kept" in page(view).notice
    assert page(view).notice.splitlines()[-1] in view.page().text
    assert any(kept.read_text() == "mine" for kept in view.desk.workspace.folder.glob(f"kept/*/{FILE}"))


def test_what_it_wrote_is_signed(view: BoardView) -> None:
    """JupyterLab shows the panels of the fresh notebook: it trusts it."""
    view.go("01_container", silent)
    notary = NotebookNotary(data_dir=str(JupyterFolders(view.desk.workspace.jupyter_folder).data))  # type: ignore[no-untyped-call]
    notebook = nbformat.read(view.desk.workspace.notebooks / "01_container.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    assert notary.check_signature(notebook)  # type: ignore[no-untyped-call]


def test_the_kernel_lives_on(view: BoardView, participant: Stack) -> None:
    """Its containers are gone, which a later use says in a sentence; making them again works, subjects included."""
    mine = containers.run(participant.session, like(participant.container("service")))
    subject = view.desk.subject("container.loss")
    left = []
    view.leave = lambda: left.append(mine.id)
    view.go("01_container", silent)
    assert left == [mine.id]
    with pytest.raises(WorkshopError, match=r"gone\. Run the cell that starts it again"):
        mine.inspect()
    mine.remove()  # as a cell that is run again does
    again = view.desk.subject("container.loss")
    assert again is not None
    assert subject is not None
    assert again.running is not None
    assert again.running.inspect()["State"]["Running"]
    again.running.remove()
    assert participant.container("service").status == "running"
