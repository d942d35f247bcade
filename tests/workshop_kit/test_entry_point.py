"""The command ``workshop`` of a package: the timetable needs no clone, and everything else names it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from workshop_kit.errors import Exit


@pytest.fixture
def package(root: Path, tmp_path: Path) -> Path:
    """A folder with what pyproject.toml puts into the wheel."""
    project = tomllib.loads((root / "pyproject.toml").read_text())
    assert project["project"]["scripts"] == {"workshop": "workshop_kit.entry_point:main"}
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    parts = {name: name for name in wheel["packages"]} | wheel["force-include"]
    for source, target in parts.items():
        (tmp_path / target).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (root / source).is_dir() else shutil.copy
        copy(root / source, tmp_path / target)
    return tmp_path


def workshop(package: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command of a package on a bare Python."""
    code = (
        f"import sys; sys.path.insert(0, {str(package)!r}); from workshop_kit.entry_point import main; sys.exit(main())"
    )
    command = [sys.executable, "-I", "-S", "-c", code, *words]
    return subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)


def test_the_timetable_needs_no_clone(package: Path) -> None:
    """``plan`` prints it, and a wrong word is one sentence."""
    said = workshop(package, "plan", "--track", "half-day", "--json")
    assert (said.returncode, json.loads(said.stdout)["lesson_minutes"]) == (Exit.GOOD, 150)
    wrong = workshop(package, "plan", "--track", "week")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (Exit.WRONG_USAGE, 1)


@pytest.mark.parametrize(
    ("word", "code", "sentence"),
    [
        ("start", Exit.NOT_READY, "Clone it, and run ./workshop start in the clone."),
        ("strat", Exit.WRONG_USAGE, "There is no command 'strat'."),
    ],
)
def test_what_needs_a_clone_says_so(package: Path, word: str, code: Exit, sentence: str) -> None:
    """One sentence, and no traceback."""
    said = workshop(package, word)
    assert (said.returncode, said.stdout, said.stderr.count("\n")) == (code, "", 1)
    assert sentence in said.stderr


def test_in_a_clone_it_is_the_launcher(bare: Path) -> None:
    """Installed in place (``pip install -e .``), it runs the clone's launcher with the same words."""
    said = workshop(bare, "down")
    assert (said.returncode, said.stderr) == (
        Exit.NOT_READY,
        "The Python packages are not installed. Run ./workshop setup.\n",
    )
