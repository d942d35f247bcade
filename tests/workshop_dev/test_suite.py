"""``./workshop test``: which tests run, in how many processes, and what is remembered between runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from workshop_dev import suite
from workshop_dev.suite import DEFAULT, LONG

PYTEST = """
import pathlib, sys
with pathlib.Path(sys.argv[0]).with_name("ran").open("a") as ran:
    ran.write(sys.argv[sys.argv.index("-m") + 1] + "\\n")
sys.exit(pathlib.Path(sys.argv[0]).with_name("red").exists() and "alone" == sys.argv[sys.argv.index("-m") + 1])
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with a commit, beside a pytest that writes down what it was asked for."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        author = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
        subprocess.run(["git", *author, *words], cwd=checkout, check=True)
    (checkout / ".git" / "info" / "exclude").write_text("build\n")
    (tmp_path / "python").write_text(f'#!/bin/sh\nshift 2\nexec {sys.executable} {tmp_path}/pytest.py "$@"\n')
    (tmp_path / "python").chmod(0o755)
    (tmp_path / "pytest.py").write_text(PYTEST)
    return checkout


def ran(clone: Path) -> list[str]:
    """The groups that were run since the last call, by their expressions."""
    path = clone.with_name("ran")
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    path.unlink(missing_ok=True)
    return lines


def test_all_groups_go_on_where_they_stopped(clone: Path) -> None:
    """A group that passed is not run again on the same commit; on another one, and with changes, all are."""
    every = [group.marks for group in (DEFAULT, *LONG)]
    python = clone.with_name("python")
    clone.with_name("red").touch()
    assert suite.run_all(python, clone, [], {}) == 1
    assert ran(clone) == every
    clone.with_name("red").unlink()
    assert suite.run_all(python, clone, [], {}) == 0
    assert ran(clone) == ["alone"]
    assert suite.run_all(python, clone, [], {}) == 0
    assert ran(clone) == []
    (clone / "changed").touch()
    assert suite.run_all(python, clone, [], {}) == 0
    assert ran(clone) == every
