"""What a track skips of a lesson is folded and marked, runs with nothing, and comes back as it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest

from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import content
from workshop_kit.workspace.course import TRACKS, load_course
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.track_notebook import fold, unfold

COURSE = load_course(CHECKOUT)
ON_TRACK = [(track, lesson) for track in TRACKS for lesson in COURSE.names(track)]
LESSON = "01_container"
NAME = f"notebooks/{LESSON}.ipynb"
Cell = dict[str, Any]


def shipped(lesson: str) -> bytes:
    """A lesson's notebook as the checkout has it."""
    return (CHECKOUT / "notebooks" / f"{lesson}.ipynb").read_bytes()


def folded(lesson: str, track: str) -> bytes:
    """The same on a track."""
    return fold(shipped(lesson), COURSE.sections[lesson], track)


def cells(notebook: bytes) -> list[Cell]:
    """The cells of a notebook."""
    return list(json.loads(notebook)["cells"])


def edited(notebook: bytes, changes: Mapping[str, Mapping[str, object]]) -> bytes:
    """Return a notebook with other values in some of its cells, by their ids."""
    new = [{**cell, **changes.get(cell["id"], {})} for cell in cells(notebook)]
    return (json.dumps({**json.loads(notebook), "cells": new}, indent=1, ensure_ascii=False) + "\n").encode()


@pytest.mark.parametrize(("track", "lesson"), ON_TRACK)
def test_without_the_track_it_is_as_it_was_shipped(track: str, lesson: str) -> None:
    """Byte for byte; and to fold it twice is to fold it once."""
    assert unfold(folded(lesson, track)) == shipped(lesson)
    assert fold(folded(lesson, track), COURSE.sections[lesson], track) == folded(lesson, track)


@pytest.mark.parametrize("damaged", [b"no JSON", b'{"cells": 3}', b'{"cells": [{"metadata": {"workshop": 1}}]}'])
def test_a_damaged_notebook_stays_as_it_is(damaged: bytes) -> None:
    """JupyterLab tells about it."""
    assert fold(damaged, COURSE.sections[LESSON], "90min") == damaged


def test_what_was_run_stays_open() -> None:
    """A stretch with an output is not folded: the output would be lost."""
    run = {"layers": {"execution_count": 7}}
    ids = [cell["id"] for cell in cells(fold(edited(shipped(LESSON), run), COURSE.sections[LESSON], "90min"))]
    assert ("layers" in ids, "stop" in ids) == (True, False)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace that was started on the shortest track."""
    made = Workspace.open(tmp_path / "mine")
    made.choose_track("90min")
    assert NAME in content.follow_track(made)
    return made


def test_another_track_can_be_chosen_later(workspace: Workspace) -> None:
    """The notebooks follow it; on the full track they are as shipped. To choose the same one again changes nothing."""
    assert content.follow_track(workspace) == []
    workspace.choose_track("full")
    assert Workspace.open(workspace.folder).track == "full"
    assert content.follow_track(workspace) != []
    assert (workspace.folder / NAME).read_bytes() == shipped(LESSON)


def test_folding_is_no_edit(workspace: Workspace) -> None:
    """An update of the same lessons changes nothing, and keeps nothing aside; also after JupyterLab saved one."""
    path = workspace.folder / NAME
    for _ in range(2):
        assert content.update(workspace).sentences() == ["Everything is up to date."]
        assert content.follow_track(workspace) == []
        nbformat.write(nbformat.read(path, as_version=4), path)  # type: ignore[no-untyped-call]


def test_an_update_keeps_edited_cells_and_the_track(workspace: Workspace) -> None:
    """Edits in a kept and in a skipped cell stay, the changed lesson arrives folded; kept/ has it as it was."""
    older = {"order-text": {"source": "older"}}
    (workspace.base / NAME).write_bytes(edited(shipped(LESSON), older))
    mine = {"order": {"source": "mine"}, "stop": {"source": "mine, too"}, **older}
    content.write(workspace, NAME, edited(shipped(LESSON), mine))
    assert "skip-stop-text" in (workspace.folder / NAME).read_text()
    assert content.update(workspace).changed == [NAME]
    assert "mine, too" in "".join(path.read_text() for path in workspace.folder.glob(f"kept/*/{NAME}"))
    after = {cell["id"]: cell["source"] for cell in cells((workspace.folder / NAME).read_bytes())}
    assert (after["order"], after["order-text"] == "older", "stop" in after) == ("mine", False, False)
    assert "mine, too\n" in after["skip-stop-text"]
    workspace.choose_track("full")
    content.follow_track(workspace)
    after = {cell["id"]: cell["source"] for cell in cells((workspace.folder / NAME).read_bytes())}
    assert (after["order"], after["stop"]) == ("mine", "mine, too")
