"""What a track skips of a lesson is folded and marked, runs with nothing, and comes back as it was."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import content
from workshop_kit.workspace.course import TRACKS, load_course
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.track_notebook import KEY, MARK, fold, unfold

COURSE = load_course(CHECKOUT)
SHORT = [track for track in TRACKS if track != "full"]
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
def test_kept_cells_stay_and_skipped_ones_can_not_run(track: str, lesson: str) -> None:
    """A skipped cell is a hidden raw cell with its text; above each stretch stands one mark with its headings."""
    kept = {cell for part in COURSE.sections[lesson] if track in part.minutes for cell in part.cells}
    before = {cell["id"]: cell for cell in cells(shipped(lesson))}
    after = [cell for cell in cells(folded(lesson, track)) if cell["metadata"].get(KEY) != MARK]
    assert [cell["id"] for cell in after] == list(before)
    for cell in after:
        if cell["id"] in kept:
            assert cell == before[cell["id"]]
        else:
            assert (cell["cell_type"], cell["source"]) == ("raw", before[cell["id"]]["source"])
            assert cell["metadata"]["jupyter"] == {"source_hidden": True}
    kinds = [key for key, _ in groupby(cell["id"] in kept for cell in after)]
    marks = [cell["source"] for cell in cells(folded(lesson, track)) if cell["id"].startswith("skip-")]
    assert len(marks) == kinds.count(False)
    skipped = [part.heading for part in COURSE.sections[lesson] if track not in part.minutes]
    assert [heading for heading in skipped if heading not in " ".join(marks)] == []


@pytest.mark.parametrize(("track", "lesson"), ON_TRACK)
def test_without_the_track_it_is_as_it_was_shipped(track: str, lesson: str) -> None:
    """Byte for byte; and to fold it twice is to fold it once."""
    assert unfold(folded(lesson, track)) == shipped(lesson)
    assert fold(folded(lesson, track), COURSE.sections[lesson], track) == folded(lesson, track)


@pytest.mark.parametrize("track", SHORT)
def test_no_kept_cell_uses_a_name_of_a_skipped_one(tmp_path: Path, track: str) -> None:
    """What a cell imports, defines or computes is there when a later cell of the track needs it."""
    for lesson in COURSE.names(track):
        (tmp_path / f"{lesson}.ipynb").write_bytes(folded(lesson, track))
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select=F821", "--output-format=concise"]
    said = subprocess.run([*command, tmp_path], capture_output=True, text=True, check=False)
    assert (said.stdout, said.returncode) == ("All checks passed!\n", 0)


@pytest.mark.parametrize("damaged", [b"no JSON", b'{"cells": 3}', b'{"cells": [{"metadata": {"workshop": 1}}]}'])
def test_a_damaged_notebook_stays_as_it_is(damaged: bytes) -> None:
    """JupyterLab tells about it."""
    assert fold(damaged, COURSE.sections[LESSON], "90min") == damaged


def test_what_was_run_stays_open() -> None:
    """A stretch with an output is not folded: the output would be lost."""
    run = {"layers": {"execution_count": 7}}
    after = fold(edited(shipped(LESSON), run), COURSE.sections[LESSON], "90min")
    kinds = {cell["id"]: cell["cell_type"] for cell in cells(after)}
    assert (kinds["layers"], kinds["stop"]) == ("code", "raw")


def test_a_cell_that_was_opened_by_hand_keeps_its_outputs() -> None:
    """A participant turned a raw cell back and ran it: it comes back with its number, and its stretch stays open."""
    opened = edited(folded(LESSON, "90min"), {"layers": {"cell_type": "code", "execution_count": 7, "outputs": []}})
    (cell,) = [cell for cell in cells(unfold(opened)) if cell["id"] == "layers"]
    assert (cell["cell_type"], cell["execution_count"], cell["metadata"]) == ("code", 7, {})
    kinds = {cell["id"]: cell["cell_type"] for cell in cells(fold(opened, COURSE.sections[LESSON], "90min"))}
    assert kinds["layers"] == "code"


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
    """An update of the same lessons changes nothing, and keeps nothing aside."""
    done = content.update(workspace)
    assert done.sentences() == ["Everything is up to date."]


def test_an_update_keeps_edited_cells_and_the_track(workspace: Workspace) -> None:
    """Edits in a kept and in a skipped cell stay, the changed lesson arrives, and it is folded."""
    path, base = workspace.folder / NAME, workspace.base / NAME
    base.write_bytes(edited(base.read_bytes(), {"order-text": {"source": "older"}}))
    mine = {"order": {"source": "mine"}, "stop": {"source": "mine, too"}, "order-text": {"source": "older"}}
    path.write_bytes(edited(path.read_bytes(), mine))
    assert content.update(workspace).changed == [NAME]
    after = {cell["id"]: cell for cell in cells(path.read_bytes())}
    assert (after["order"]["source"], after["stop"]["source"]) == ("mine", "mine, too")
    assert (after["stop"]["cell_type"], after["order-text"]["source"] == "older") == ("raw", False)
    assert "skip-stop-text" in after
