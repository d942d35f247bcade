"""Errors of cells as sentences; tests/lessons/test_disasters.py checks them in a real kernel."""

from __future__ import annotations

import errno

import pytest
from docker.errors import APIError, BuildError
from requests import Response

from workshop_kit.lessons.error_display import sentence_for


def test_a_full_disk_is_a_sentence_and_other_errors_are_not() -> None:
    """Errors that the participant can fix become a sentence; a missing file of the own code keeps its traceback."""
    full = sentence_for(OSError(errno.ENOSPC, "No space left on device"), None)
    assert full is not None
    assert "is full. Free some space" in str(full)
    assert sentence_for(FileNotFoundError(errno.ENOENT, "no such file", "mine.txt"), None) is None


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
