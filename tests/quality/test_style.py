"""The linters, and the examples in docstrings, as tests: one command lands a change or says why not."""

from __future__ import annotations

import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from workshop_kit.workspace import steps

PACKAGES = ("workshop_kit", "container_audit", "workshop_room", "workshop_dev")


def passes(root: Path, *command: str | Path) -> None:
    """Run a tool on the checkout; its own words are the failure."""
    process = subprocess.run([str(word) for word in command], cwd=root, capture_output=True, text=True, check=False)
    assert process.returncode == 0, f"{process.stdout}\n{process.stderr}"


def tracked(root: Path, *patterns: str) -> list[str]:
    """The files git knows (or would know) that match; none is a failure, since then nothing was looked at."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(listing, cwd=root, capture_output=True, text=True, check=True).stdout.split("\n")
    names = [name for name in listed if name]
    files = [name for name in names if (root / name).is_file()]
    assert files, patterns
    return files


def tool(name: str) -> Path:
    """A program of the Python environment."""
    return Path(sys.executable).with_name(name)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "words",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
        ("interrogate", "--quiet", "workshop_app", *PACKAGES, "images", "benchmarks"),
    ],
    ids=["lint", "format", "types", "docstrings"],
)
def test_the_python_is_sound(root: Path, words: tuple[str, ...]) -> None:
    """No lint, in notebooks too; types are checked everywhere; everything public has a docstring."""
    passes(root, tool(words[0]), *words[1:])


def test_the_shell_scripts_are_sound(root: Path) -> None:
    """shellcheck, on the launcher, the CI script and what stands in images."""
    passes(root, tool("shellcheck"), "workshop", ".ci/run", *tracked(root, "*.sh"))


def test_the_dockerfiles_are_sound(root: Path, tmp_path: Path) -> None:
    """hadolint, with the exceptions that .hadolint.yaml gives reasons for; of the service, what the lessons make."""
    service = tmp_path / "Dockerfile"
    service.write_text(steps.files_after(steps.load(root))["my_service/Dockerfile"].text)
    passes(root, tool("hadolint"), *tracked(root, "*Dockerfile", ":!solutions"), service)


SECOND_SYNTAX = re.compile(r'^[ "]*#( *(end)?region\b|[:|] )', re.MULTILINE)


def test_what_is_read_is_what_runs(root: Path) -> None:
    """No file that a participant opens has a syntax of its own: a marker, or a line that a program takes out."""
    files = tracked(root, "notebooks", "exercises", "solutions", "workshop_app")
    assert [name for name in files if SECOND_SYNTAX.search((root / name).read_text(errors="replace"))] == []


def test_no_file_names_the_machine_it_was_written_on(root: Path) -> None:
    """No path of the machine it was written on stands in any file."""
    home = str(Path.home())
    marks = [f"{home}/", f"{root}/", f"{root.parent}/"]
    telling = [mark for mark in marks if mark.count("/") > 2]  # one folder at the top alone says little
    guilty: list[str] = []
    for name in tracked(root, "*"):
        text = (root / name).read_text(errors="replace")
        guilty += [f"{name}: {mark}" for mark in telling if mark in text]
    assert guilty == []


ROOT = Path(__file__).resolve().parents[2]
PYTHON_FILES = [
    path for folder in (*PACKAGES, "workshop_app", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))
]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in PYTHON_FILES if ">>> " in path.read_text()
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    """Every example gives what it says."""
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
