"""A seat: the variables of its server, and what its image is made from."""

from __future__ import annotations

import os
import re
from pathlib import Path
from unittest import mock

from workshop_kit.engine import install, recipes
from workshop_kit.workspace.folder import COPIED, LINKED, Workspace
from workshop_kit.workspace.lab_settings import server_environment

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
    """The script for images lists the packages of `install`, and an init process for containers."""
    text = (root / SEAT / "install-engine.sh").read_text()
    (listed,) = re.findall(r"^apt-get install --yes --no-install-recommends (.+)$", text, re.MULTILINE)
    assert {*listed.split()} == {*install.PACKAGES, "tini"}


def test_a_seat_has_what_its_images_and_lessons_are_made_from(root: Path) -> None:
    """An image's tag is the hash of its folder: with a file less, a seat would build it again, without a network."""
    lines = (root / SEAT / "Dockerfile.dockerignore").read_text().splitlines()
    there = {line.removeprefix("!") for line in lines if line.startswith("!")}
    needed = [recipe.folder for recipe in recipes.RECIPES] + [*COPIED, *LINKED, "solutions", "workshop_kit", "workshop"]
    assert {name.split("/")[0] for name in needed} <= there
    left_out = [line for line in lines if line.startswith("**/")]
    assert left_out == ["**/__pycache__", "**/*.pyc", "**/.ipynb_checkpoints"]
