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
from workshop_kit.workspace.track_notebook import fold, on_track, unfold

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
    return fold(shipped(lesson), on_track(CHECKOUT, COURSE, lesson, track))


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
    assert fold(folded(lesson, track), on_track(CHECKOUT, COURSE, lesson, track)) == folded(lesson, track)


@pytest.mark.parametrize("damaged", [b"no JSON", b'{"cells": 3}', b'{"cells": [{"metadata": {"workshop": 1}}]}'])
def test_a_damaged_notebook_stays_as_it_is(damaged: bytes) -> None:
    """JupyterLab tells about it."""
    assert fold(damaged, on_track(CHECKOUT, COURSE, LESSON, "90min")) == damaged


def test_what_was_run_stays_open() -> None:
    """A stretch with an output is not folded: the output would be lost."""
    run = {"layers": {"execution_count": 7}}
    part = on_track(CHECKOUT, COURSE, LESSON, "90min")
    ids = [cell["id"] for cell in cells(fold(edited(shipped(LESSON), run), part))]
    assert ("layers" in ids, "stop" in ids) == (True, False)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace that was started on the shortest track."""
    new_workspace = Workspace.open(tmp_path / "mine")
    new_workspace.choose_track("90min")
    assert NAME in content.follow_track(new_workspace)
    return new_workspace


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


def test_an_update_keeps_the_participants_notebook_beside_the_new_one(workspace: Workspace) -> None:
    """The changed lesson arrives, folded for the track; the participant's is whole, and the message has its name."""
    older = {"order-text": {"source": "older"}}
    (workspace.base / NAME).write_bytes(edited(shipped(LESSON), older))
    mine = edited(shipped(LESSON), {"stop": {"source": "mine"}, **older})
    content.write(workspace, NAME, mine)

    update = content.update(workspace)
    (copy,) = update.kept_notebooks
    assert (workspace.folder / copy).read_bytes() == mine
    assert any(copy in sentence for sentence in update.sentences())
    assert update.changed == [NAME]
    assert (workspace.folder / NAME).read_bytes() == folded(LESSON, "90min")


def test_an_update_replaces_a_notebook_that_was_not_changed(workspace: Workspace) -> None:
    """There is nothing to keep."""
    older = edited(shipped(LESSON), {"order-text": {"source": "older"}})
    (workspace.base / NAME).write_bytes(older)
    content.write(workspace, NAME, older)
    update = content.update(workspace)
    assert (update.changed, update.kept_notebooks) == ([NAME], [])


def test_the_head_follows_the_track_unless_it_was_edited() -> None:
    """It is made of what is left; on the full track it is as shipped, and an edited one stays the participant's."""
    part = on_track(CHECKOUT, COURSE, LESSON, "90min")
    head = next(cell for cell in cells(fold(shipped(LESSON), part)) if cell["id"] == "title")
    assert "".join(head["source"]).startswith("# 01 · Your container: built and run")
    mine = edited(fold(shipped(LESSON), part), {"title": {"source": ["mine"]}})
    for notebook in (unfold(mine), fold(mine, part)):
        assert next(cell["source"] for cell in cells(notebook) if cell["id"] == "title") == ["mine"]


def test_the_end_leads_to_the_next_lesson_of_the_track() -> None:
    """Where the track has no board: after lesson 01 ninety minutes go on with lesson 02."""
    end = next("".join(cell["source"]) for cell in cells(folded(LESSON, "90min")) if cell["id"] == "end")
    assert end.endswith("**Next:** [02 · Configuration](02_configuration.ipynb)")
    assert "board" not in [cell["id"] for cell in cells(folded(LESSON, "90min"))]
    assert "**Next:**" not in folded(LESSON, "half-day").decode()
