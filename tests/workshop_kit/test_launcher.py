"""``./workshop`` on machines that are not ready: one sentence and the right exit code."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from workshop_kit.commands import COMMANDS
from workshop_kit.errors import Exit
from workshop_kit.paths import CHECKOUT


def workshop(checkout: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the launcher of a checkout from another folder."""
    return subprocess.run(
        [str(checkout / "workshop"), *words],
        cwd="/",
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_list_of_commands_needs_nothing(bare: Path, tmp_path: Path) -> None:
    """It is there by way of a link, in a locale without UTF-8, and before anything is installed as after it."""
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "workshop").symlink_to(bare / "workshop")
    legacy = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for folder in (tmp_path / "link", CHECKOUT):
        process = workshop(folder, "--help", **legacy)
        assert (process.returncode, process.stderr) == (Exit.GOOD, "")
        assert [name for name in COMMANDS if name not in process.stdout] == []
    assert not (bare / ".venv").exists()


def test_a_closed_stdout_ends_the_output_quietly(bare: Path) -> None:
    """``./workshop plan | head -1`` and ``>&-``: no traceback, and the command's own exit code."""
    for redirection in (">&-", "| true"):
        command = f"{{ '{bare}/workshop' plan {redirection}; }} 2>&1"
        process = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
        assert (process.returncode, process.stdout) == (Exit.GOOD, "")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["start", "--help"], Exit.GOOD, f"Usage: ./workshop start [OPTIONS]\n{COMMANDS['start'].summary} Its options"),
        (["plan", "--track", "half-day"], Exit.GOOD, "186 of them lessons"),
        (["plan", "--start", "soon"], Exit.WRONG_USAGE, "is no time of day"),
        (["doctor"], Exit.NOT_GOOD, "→ ./workshop setup"),
        (["strat"], Exit.WRONG_USAGE, "There is no command 'strat'."),
        (["down"], Exit.NOT_READY, "The Python packages are not installed. Run ./workshop setup."),
    ],
)
def test_a_bare_checkout_answers_and_installs_nothing(bare: Path, words: list[str], code: Exit, says: str) -> None:
    """Help, timetable and doctor need no package, in any locale; what cannot be answered is one sentence."""
    process = workshop(bare, *words, LC_ALL="C", PYTHONUTF8="0")
    assert (process.returncode, says in process.stdout + process.stderr) == (code, True), process
    assert (process.stdout == "", process.stderr.count("\n")) in {(False, 0), (True, 1)}
    assert not (bare / ".venv").exists()


def test_a_python_that_is_too_old_is_named(bare: Path, tmp_path: Path) -> None:
    """Without Python 3.11 the launcher says how to get one, and exits 3."""
    old = tmp_path / "bin"
    old.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        (old / name).write_text("#!/bin/sh\nexit 1\n")
        (old / name).chmod(0o755)
    for tool in ("dirname", "readlink", "cmp", "sh", "env"):
        (old / tool).symlink_to(shutil.which(tool) or tool)
    process = workshop(bare, "setup", PATH=str(old))
    assert process.returncode == Exit.NOT_READY
    assert "No Python 3.11 or newer" in process.stderr
    assert "apt-get install python3" in process.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root; a user cannot write to root's folder")
@pytest.mark.usefixtures("open_path")
def test_a_checkout_that_cannot_be_written_is_one_sentence(bare: Path) -> None:
    """Someone else's folder: the sentence says to clone into one's own."""
    python = next(path for path in ("/usr/bin/python3", sys.executable) if Path(path).exists())
    process = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(bare / "workshop"), "setup"],
        env={"PATH": "/usr/bin:/bin", "WORKSHOP_PYTHON": python, "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == Exit.NOT_READY, process.stderr
    assert "cannot be written to" in process.stderr
    assert process.stderr.count("\n") == 1


@pytest.mark.long
def test_a_package_index_out_of_reach_is_one_sentence(bare: Path) -> None:
    """No network: the sentence names proxy and certificates, and a second run goes on where it stopped."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}/simple"
        process = workshop(
            bare, "setup", PIP_INDEX_URL=nowhere, PIP_RETRIES="0", PIP_FIND_LINKS="", PIP_CONFIG_FILE="/dev/null"
        )
    assert process.returncode == Exit.NOT_READY
    assert "HTTPS_PROXY" in process.stderr
    assert "Traceback" not in process.stderr
    assert not (bare / ".venv" / "requirements.lock").exists()


def test_an_active_conda_environment_is_used_as_it_is(bare: Path, tmp_path: Path) -> None:
    """With the environment of environment.yml active, nothing is installed: its Python runs the command line."""
    python = tmp_path / "conda" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "conda: $*"\n')
    python.chmod(0o755)
    conda = {"CONDA_DEFAULT_ENV": "container-design-workshop", "CONDA_PREFIX": str(tmp_path / "conda")}
    assert workshop(bare, "setup", **conda).stdout == "conda: -P -m workshop_kit.cli setup\n"
    process = workshop(bare, "down", **{**conda, "CONDA_DEFAULT_ENV": "base"})
    assert process.returncode == Exit.NOT_READY
