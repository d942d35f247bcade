"""The button below a file cell, without a page: it changes the file, says what it holds, and changes its state."""

from __future__ import annotations

import shutil

import pytest

from workshop_kit.lessons.naive_copy_widget import NaiveCopyView, NaiveCopyWidget
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import content, regions, solutions
from workshop_kit.workspace.file_cell import naive_copy_of, shipped_cells, write
from workshop_kit.workspace.folder import Workspace

LESSON = "04_monitoring"
HEALTH = "my_service/health.py"


@pytest.fixture
def view(empty_workspace: Workspace) -> NaiveCopyView:
    """The button below the cell that brought health.py, after its exercises were solved."""
    notebook = CHECKOUT / "notebooks" / f"{LESSON}.ipynb"
    folder = empty_workspace.base / "notebooks"
    folder.mkdir(parents=True)
    shutil.copy(notebook, folder)
    cell = next(cell for cell in shipped_cells(notebook) if cell.path == HEALTH)
    write(empty_workspace, LESSON, HEALTH, cell.body)
    source = solutions.source_of(CHECKOUT, HEALTH)
    assert source is not None
    stage = solutions.stages_in(empty_workspace.folder)[HEALTH]
    content.write(empty_workspace, HEALTH, regions.solved(source.at(stage)))
    naive = naive_copy_of(empty_workspace, LESSON, HEALTH, cell.body)
    assert naive is not None
    return NaiveCopyView(naive)


def test_a_click_changes_the_file_and_another_one_changes_it_back(view: NaiveCopyView) -> None:
    """Each click is answered with a sentence, and the button says what the next one does."""
    widget = view.job.widget
    assert isinstance(widget, NaiveCopyWidget)
    assert (widget.path, widget.in_use) == (HEALTH, False)
    file = view.naive.workspace.folder / HEALTH
    mine = file.read_text()

    view.handle_message(widget, {"do": "use"}, None)
    assert (widget.in_use, widget.answered, widget.problem) == (True, 1, "")
    assert widget.notice == view.naive.sentence
    assert file.read_text() != mine

    view.handle_message(widget, {"do": "put_back"}, None)
    assert (widget.in_use, widget.answered, widget.problem) == (False, 2, "")
    assert widget.notice == "health.py has your monitoring.deep and monitoring.critical again."
    assert file.read_text() == mine


def test_what_cannot_be_done_is_a_sentence(view: NaiveCopyView) -> None:
    """A file that is gone is named; the button stays as it was."""
    widget = view.job.widget
    assert isinstance(widget, NaiveCopyWidget)
    (view.naive.workspace.folder / HEALTH).unlink()
    view.handle_message(widget, {"do": "use"}, None)
    assert (widget.in_use, widget.notice) == (False, "")
    assert widget.problem.startswith("my_service/health.py is not there.")
