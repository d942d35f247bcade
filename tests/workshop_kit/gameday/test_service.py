"""The service of a shop: the participant's where it is solved, else the reference, with a note."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from workshop_kit.gameday import service
from workshop_kit.workspace import regions, solutions

IMAGE = "the participant's image"
EXERCISE = "config.env"


def prepare(root: Path, mine: Path, passed: str = "") -> service.Service:
    """The service of a shop, with an engine that builds everything."""
    done: Any = lambda name: SimpleNamespace(passed_at="today" if name == passed else None)  # noqa: E731
    exercise_service: Any = SimpleNamespace(root=root, progress=SimpleNamespace(exercise=done))
    client = MagicMock()
    client.images.build.side_effect = lambda **arguments: (arguments["tag"], [])
    return service.prepare(exercise_service, client, IMAGE, mine)


@pytest.fixture
def mine(root: Path, tmp_path: Path) -> Path:
    """A folder as it is at the start of lesson 05, all of it solved."""
    for name, text in solutions.files_at(root, service.LESSON).items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_an_unsolved_region_is_the_reference_s_and_it_says_so(root: Path, mine: Path) -> None:
    """A solved folder runs as it is, and so does a region that passed, even if it differs from the reference.

    Else another image is built from a copy; the participant's folder stays as it is.
    """
    solved = prepare(root, mine)
    assert (solved.images, solved.note) == ([IMAGE], "")
    source = solutions.sources_at(root, service.LESSON)["config.py"].text
    starter = regions.region_of(regions.starter(source), EXERCISE)
    path = mine / "config.py"
    path.write_text(regions.replace(path.read_text(), EXERCISE, starter))
    prepared = prepare(root, mine)
    assert (prepared.images, prepared.note) == (["shop:1"], "The shop runs the reference for config.env.")
    assert starter not in Path(prepared.folder.name, "config.py").read_text()
    assert starter in path.read_text()
    assert prepare(root, mine, passed=EXERCISE).images == [IMAGE]


def test_a_folder_of_another_lesson_is_the_reference_s(root: Path, tmp_path: Path) -> None:
    """It lacks the colleague's files."""
    assert "my_service is not at the start of lesson 05" in prepare(root, tmp_path).note
