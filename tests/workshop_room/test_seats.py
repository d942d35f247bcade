"""Seats: their codes, and what a seat's server and image get."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import docker
import pytest
from traitlets.config import Config

from workshop_kit.commands import COMMANDS
from workshop_kit.engine import install, recipes
from workshop_kit.workspace.folder import COPIED, LINKED, Workspace
from workshop_kit.workspace.lab_settings import server_environment
from workshop_room import seat_server


class Authenticator:
    """JupyterHub's base class is not in this environment: the file needs nothing of it."""


@pytest.fixture
def config(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The settings of a room's hub, whose folder has the codes of two seats."""
    module = ModuleType("jupyterhub.auth")
    module.Authenticator = Authenticator  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "jupyterhub", ModuleType("jupyterhub"))
    monkeypatch.setitem(sys.modules, "jupyterhub.auth", module)
    monkeypatch.setattr(docker, "from_env", mock.MagicMock())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "codes.txt").write_text("instructor aaaa1111\nseat01 7e2a09fd\nseat02 bbbb2222\n")
    config = Config()
    file = root / "deploy" / "room" / "jupyterhub_config.py"
    exec(compile(file.read_text(), file, "exec"), {"get_config": lambda: config, "__file__": str(file)})
    return config


@pytest.mark.parametrize(
    ("name", "code", "user"),
    [
        ("seat01", "7e2a09fd", "seat01"),
        (" Seat01", "7e2a09fd ", "seat01"),
        ("seat02", "7e2a09fd", None),
        ("seat03", "", None),
        ("seat01", "", None),
        ("seat01", "７e2a09fd", None),
    ],
    ids=["own", "typed", "other seat", "no seat", "empty", "no ASCII"],
)
def test_a_code_opens_its_own_seat_alone(config: Any, name: str, code: str, user: str | None) -> None:
    """No code opens another seat, and an empty one opens none. One user sees all seats."""
    assert config.Authenticator.admin_users == {"instructor"}
    authenticate = config.JupyterHub.authenticator_class().authenticate
    assert asyncio.run(authenticate(None, {"username": name, "password": code})) == user


def test_a_room_has_the_image_that_is_built(config: Any) -> None:
    """By the same tag."""
    assert config.DockerSpawner.image == seat_server.tag()


SEAT = Path("images") / "seat"
HUB = {"JUPYTERHUB_SERVICE_URL": "http://0.0.0.0:8888/user/seat01/", "JUPYTERHUB_API_TOKEN": "secret"}


def test_only_a_hubs_server_gets_the_hubs_variables(empty_workspace: Workspace) -> None:
    """A laptop's server has a token and no variable of a hub; other settings of Jupyter reach neither."""
    with mock.patch.dict(os.environ, {**HUB, "JUPYTER_TOKEN": "other", "JUPYTER_PATH": "/other"}):
        seat, laptop = (server_environment(empty_workspace, token) for token in (None, "own"))
    assert {name: value for name, value in seat.items() if name in HUB} == HUB
    assert "JUPYTER_TOKEN" not in seat
    assert (laptop["JUPYTER_TOKEN"], laptop.keys() & HUB.keys()) == ("own", set())
    assert "JUPYTER_PATH" not in {**seat, **laptop}


def test_a_seat_has_the_engine_that_setup_installs(root: Path) -> None:
    """The script for images lists the packages of `install`, git, and an init process for containers."""
    text = (root / SEAT / "install-engine.sh").read_text()
    (listed,) = re.findall(r"^apt-get install --yes --no-install-recommends (.+)$", text, re.MULTILINE)
    assert {*listed.split()} == {*install.PACKAGES, "git", "tini"}


def test_a_seat_has_what_its_images_and_lessons_are_made_from(root: Path) -> None:
    """An image's tag is the hash of its folder: with a file less, a seat would build it again, without a network."""
    lines = (root / SEAT / "Dockerfile.dockerignore").read_text().splitlines()
    there = {line.removeprefix("!") for line in lines if line.startswith("!")}
    packages = {command.module.partition(".")[0] for command in COMMANDS.values()}
    needed = [recipe.folder for recipe in recipes.RECIPES] + [*COPIED, *LINKED, "solutions", "workshop", *packages]
    assert {name.split("/")[0] for name in needed} <= there
    (compiled,) = re.findall(r"unchecked-hash \\\n +(.+) \\\n", (root / SEAT / "Dockerfile").read_text())
    assert set(compiled.split()) == packages
    left_out = [line for line in lines if line.startswith("**/")]
    assert left_out == ["**/__pycache__", "**/*.pyc", "**/.ipynb_checkpoints"]
