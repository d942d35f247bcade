"""Folders as people hand them in: a right one, and ways to damage it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workshop_kit.exercises import check_runner
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import regions, registry, solutions
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.regions import FINISHED

HandIn = Callable[..., Path]


@pytest.fixture
def hand_in(tmp_path: Path) -> HandIn:
    """Make a workspace as somebody hands it in, all solved, with other texts for some files of the service."""

    def make(name: str, files: dict[str, str] | None = None, seed: int = check_runner.SEED) -> Path:
        folder = tmp_path / "handed in" / name
        (folder / MY_SERVICE).mkdir(parents=True)
        (folder / ".workshop").mkdir()
        (folder / ".workshop" / "seed").write_text(f"{seed}\n")
        texts = {**solutions.files_at(CHECKOUT, str(FINISHED)), **(files or {})}
        for file, text in texts.items():
            (folder / MY_SERVICE / file).write_text(text)
        return folder

    return make


def starter_of(identifier: str) -> str:
    """The finished file of an exercise, in which its region is as participants get it."""
    exercise = registry.find(registry.load(CHECKOUT), identifier)
    source = solutions.source_of(CHECKOUT, exercise.path)
    assert source is not None
    marked = source.with_region(exercise.id)
    body = regions.region_of(regions.starter(marked), exercise.id)
    return regions.replace(regions.solved(marked), exercise.id, body)
