"""Lessons are copied from the checkout into a workspace, and a participant loses nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workshop_kit.workspace import content
from workshop_kit.workspace.folder import Workspace

LESSON = "notebooks/00_start.ipynb"


def write(path: Path, text: str) -> None:
    """Write a lesson with one cell."""
    path.write_text(json.dumps({"cells": [{"id": "a", "source": text, "outputs": []}]}))


def cell(path: Path) -> str:
    """Return that cell's source."""
    return str(json.loads(path.read_text())["cells"][0]["source"])


@pytest.fixture
def workspace(source: Path) -> Workspace:
    """A workspace with the lessons of ``source`` in it."""
    write(source / LESSON, "first")
    return Workspace.open(source=source)


def test_a_changed_lesson_arrives(source: Path, workspace: Workspace) -> None:
    """A lesson without edits becomes the new one, without a copy in kept/."""
    write(source / LESSON, "second")
    done = content.update(workspace, source)
    assert cell(workspace.folder / LESSON) == "second"
    assert (done.changed, done.conflicts, done.backup.folder) == ([LESSON], [], None)


def test_an_edited_lesson_stays_and_is_named(source: Path, workspace: Workspace) -> None:
    """An edited cell is not overwritten, and is named once."""
    write(workspace.folder / LESSON, "mine")
    write(source / LESSON, "second")
    assert content.update(workspace, source).conflicts == [(LESSON, ("a",))]
    assert cell(workspace.folder / LESSON) == "mine"
    assert content.update(workspace, source).sentences() == ["Everything is up to date."]


def test_a_file_that_changes_although_it_was_edited_is_kept_aside(source: Path, workspace: Workspace) -> None:
    """Before a merge changes an edited file, it is copied to kept/."""
    mine = workspace.folder / LESSON
    document = json.loads(mine.read_text())
    mine.write_text(json.dumps({"cells": [*document["cells"], {"id": "note", "source": "mine", "outputs": []}]}))
    write(source / LESSON, "second")
    done = content.update(workspace, source)
    assert done.backup.folder is not None
    assert json.loads((done.backup.folder / LESSON).read_text())["cells"][1]["source"] == "mine"
    assert [one["source"] for one in json.loads(mine.read_text())["cells"]] == ["second", "mine"]


def test_an_update_leaves_progress_and_own_files(source: Path, workspace: Workspace) -> None:
    """An update changes lessons and exercises only."""
    workspace.progress_path.write_text('{"predictions": {}}')
    own = workspace.notebooks / "my notes.ipynb"
    own.write_text("mine")
    write(source / LESSON, "second")
    content.update(workspace, source)
    assert workspace.progress_path.read_text() == '{"predictions": {}}'
    assert own.read_text() == "mine"
