"""Walks: a maintainer who follows a run reads each file in which it calls a function."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import own_stack
from tests.walk import Walk
from workshop_kit.display.live import NotebookReport
from workshop_kit.engine.client import WorkspaceClient
from workshop_kit.engine.session import Session

MOST_FILES = {"check container.graceful": 39, "audit {image} --fail-on never": 43, "start --no-browser": 36}
TO_PAUSE = 4


@pytest.mark.engine
@pytest.mark.alone  # a busy machine asks its control, too
@pytest.mark.parametrize("words", MOST_FILES)
def test_a_command_walks_through_few_files(root: Path, tmp_path: Path, images: dict[str, str], words: str) -> None:
    """A change that adds a file to one of these walks takes another one out."""
    output = tmp_path / "walk"
    command = [sys.executable, "-P", "-m", "tests.walk", str(output), *words.format(image=images["redis"]).split()]
    workspace = tmp_path / "workspace"
    environment = {**os.environ, "PYTHONPATH": str(root), "WORKSHOP_WORKSPACE": str(workspace)}
    with own_stack(workspace):
        process = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    files = output.read_text().split()
    assert process.returncode in (0, 1), process.stderr  # an exercise that is not begun is not good
    assert len(files) <= MOST_FILES[words], "\n".join(files)


@pytest.mark.engine
def test_a_pause_walks_through_few_files(session: Session, images: dict[str, str]) -> None:
    """So does what a lesson does most often to a dependency."""
    client = WorkspaceClient(session, NotebookReport)
    container = client.containers.run(images["base"], ["sleep", "60"], name="walk", detach=True)
    walk = Walk()
    walk.start()
    try:
        container.pause()
        container.unpause()
    finally:
        files = walk.stop()
        container.remove(force=True)
    assert len(files) <= TO_PAUSE, "\n".join(files)
