"""Errors of cells as sentences; tests/lessons/test_disasters.py checks them in a real kernel."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from docker.errors import APIError, BuildError
from IPython.core.interactiveshell import InteractiveShell
from requests import Response

from tests.workshop_kit.conftest import WriteNotebook
from workshop_kit.lessons.error_display import sentence_for
from workshop_kit.workspace.folder import Workspace

SETUP = "import json\nw = 1"
GUESS = 'guess = predict("stop")'
SECOND = 'guess = predict("memory")'
REVEAL = "guess.reveal()"


@pytest.fixture
def notebook(empty_workspace: Workspace, write_notebook: WriteNotebook) -> Path:
    """A lesson that makes one name twice."""
    write_notebook(empty_workspace, "lesson", [SETUP, GUESS, "1 +", SECOND, REVEAL, "json.dumps(w)"])
    return empty_workspace.notebooks / "lesson.ipynb"


def sentence_of(source: str, notebook: Path) -> str | None:
    """The sentence for a cell that fails in IPython."""
    shell = InteractiveShell()  # type: ignore[no-untyped-call]
    error = shell.run_cell(source, silent=True).error_in_exec  # type: ignore[no-untyped-call]
    assert error is not None
    sentence = sentence_for(error, notebook)
    return str(sentence) if sentence else None


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (REVEAL, 'There is no `guess` yet: it is made by the cell that begins with `guess = predict("stop")`.'),
        ("json.dumps(w)", "There is no `json` yet: it is made by the set-up cell, the first one. Run that cell first"),
        ("nobody", None),
    ],
)
def test_a_missing_name_leads_to_its_cell(notebook: Path, source: str, sentence: str | None) -> None:
    """The first cell that makes it is named; a name that no cell makes is Python's to tell."""
    said = sentence_of(source, notebook)
    assert said is None if sentence is None else said is not None and said.startswith(sentence)


def test_a_full_disk_is_a_sentence_and_other_errors_are_not(notebook: Path) -> None:
    """Errors that the participant can fix become a sentence; a missing file of the own code keeps its traceback."""
    full = sentence_for(OSError(errno.ENOSPC, "No space left on device"), notebook)
    assert full is not None
    assert "is full. Free some space" in str(full)
    assert sentence_for(FileNotFoundError(errno.ENOENT, "no such file", "mine.txt"), notebook) is None


def test_a_failed_build_names_its_reason_and_shows_the_last_lines() -> None:
    """The client's explanation comes first; without one, the builder's own words."""
    error = BuildError('process "pip install" did not\ncomplete', [])
    error.add_note("#8 ERROR: no such file")
    plain = sentence_for(error, None)
    assert str(plain).startswith('The build failed: process "pip install" did not complete. Change the file, then')
    error.add_note("There is no wheel of flask.")
    explained = sentence_for(error, None)
    assert explained is not None
    assert (explained.what, explained.output) == ("There is no wheel of flask.", "#8 ERROR: no such file")


@pytest.mark.engine
def test_an_engine_that_cannot_pause_says_why() -> None:
    """A rootless engine on cgroup v1: the cell names the reason, and where its cost is told."""
    said = "OCI runtime pause failed: cannot toggle freezer: cgroups not configured for container: unknown"
    assert "./workshop doctor says what this costs" in str(sentence_for(APIError("500", Response(), said), None))
