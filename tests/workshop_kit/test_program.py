"""What the command lines have in common: the errors that reach the user."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn
from unittest import mock

import pytest

from container_audit import __main__ as audit
from workshop_kit import cli
from workshop_kit.engine import docker_group
from workshop_kit.errors import NoPermission
from workshop_kit.paths import LAUNCHER


@pytest.mark.parametrize(
    ("main", "run", "command"),
    [
        (cli.main, (cli, "run"), f"{LAUNCHER} my-image"),
        (audit.main, (audit, "run"), f"{sys.executable} -m container_audit my-image"),
    ],
    ids=["workshop", "container-audit"],
)
def test_a_new_member_of_dockers_group_runs_the_same_program_again(
    monkeypatch: pytest.MonkeyPatch, main: Callable[[], NoReturn], run: tuple[object, str], command: str
) -> None:
    """A user who was added to the group after logging in need not log in again, nor type another command."""
    monkeypatch.setattr(*run, mock.Mock(side_effect=NoPermission("No.", "Log in again.")))
    monkeypatch.setattr(docker_group, "_lacks_own_group", lambda: True)
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/sg")
    monkeypatch.setattr("sys.argv", ["the program", "my-image"])
    repeat = mock.Mock(side_effect=SystemExit)
    monkeypatch.setattr("os.execvp", repeat)
    with pytest.raises(SystemExit):
        main()
    repeat.assert_called_once_with("sg", ["sg", "docker", "-c", command])
