"""Small disks, bare checkouts, workspaces, and the command line, for the tests of the kit."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from tests.commands import copy_of_the_checkout

if TYPE_CHECKING:
    from workshop_kit.workspace.folder import Workspace

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    from tests import private_engine

    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    with private_engine.small_disk(tmp_path / "small disk", 64 * 1024) as disk:
        yield disk


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A checkout with two notebooks, an exercise, and files that are not copied."""
    root = tmp_path / "check out"
    copied = ("notebooks/00_start.ipynb", "notebooks/pictures/map.svg", "exercises/01/limits.py")
    litter = ("notebooks/.ipynb_checkpoints/00_start.ipynb", "exercises/__pycache__/limits.pyc")
    answers = ("notebooks/00_start.toml", "notebooks/00_start.notes.md")
    for name in (*copied, *litter, *answers):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"content of {name}")
    return root


@pytest.fixture
def empty_workspace(tmp_path: Path) -> Workspace:
    """A workspace without lessons."""
    from workshop_kit.workspace.folder import Workspace

    return Workspace.open(tmp_path / "my workspace", source=tmp_path / "nothing")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A checkout without a Python environment and without git, in a folder whose name has a space."""
    return copy_of_the_checkout(tmp_path / "a check out", "docs", "tests", "benchmarks")


@pytest.fixture
def environment(clean_environment: dict[str, str], root: Path) -> dict[str, str]:
    """The environment that the launcher makes."""
    return {**clean_environment, "PYTHONPATH": str(root), "COLUMNS": "80"}


@pytest.fixture
def cli(root: Path, environment: dict[str, str]) -> Cli:
    """Run the command line as the launcher does, in this process: the imports are what takes its time."""
    from workshop_kit.cli import main

    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        out = io.StringIO()
        err = io.StringIO()
        with (
            mock.patch.dict(os.environ, environment | variables, clear=True),
            mock.patch.object(sys, "argv", ["./workshop", *words]),
            contextlib.chdir(root),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            main()
        assert isinstance(ended.value.code, int)
        return subprocess.CompletedProcess(words, ended.value.code, out.getvalue(), err.getvalue())

    return run
