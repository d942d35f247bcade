"""Seats: their codes, networks and number, the hub's settings and token, and what a seat's server and image get."""

from __future__ import annotations

import asyncio
import json
import os
import re
import stat
import sys
from itertools import combinations
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from traitlets.config import Config

from workshop_kit.commands import COMMANDS
from workshop_kit.engine import install, recipes
from workshop_kit.errors import NotReady, WrongUsage
from workshop_kit.host import GIB
from workshop_kit.workspace.folder import COPIED, LINKED, Workspace
from workshop_kit.workspace.lab_settings import server_environment
from workshop_room.seats.hub_seats import FILE, INSTRUCTOR, MOST_SEATS, HubSettings, capacity, folder_of
from workshop_room.seats.hub_server import CONFIG, VARIABLE, HubServer

IMAGE = "workshop/seat:1"


def test_a_seat_keeps_its_code(empty_workspace: Workspace) -> None:
    """Preparing more seats gives codes to the new ones alone; nobody else on the machine reads them."""
    two = HubSettings.prepare(empty_workspace, 2, IMAGE)
    assert (two.seats, len({*two.codes.values()})) == (["seat01", "seat02"], 3)
    three = HubSettings.prepare(empty_workspace, 3, IMAGE)
    assert {**three.codes, **two.codes} == three.codes
    assert HubSettings.read(empty_workspace) == three
    assert stat.S_IMODE((folder_of(empty_workspace) / FILE).stat().st_mode) == 0o600


def test_every_user_has_a_network_and_volumes_of_their_own(empty_workspace: Workspace) -> None:
    """No two networks overlap, the largest room included, and the hub listens in its own."""
    settings = HubSettings.prepare(empty_workspace, MOST_SEATS, IMAGE)
    networks = settings.networks()
    assert len(networks) == MOST_SEATS + 2
    assert not any(network.overlaps(other_network) for network, other_network in combinations(networks.values(), 2))
    assert settings.address in {str(host) for host in networks[settings.prefix].hosts()}
    assert len({*settings.volumes()}) == 2 * len(settings.codes)
    assert {f"{settings.prefix}-{INSTRUCTOR}", f"{settings.prefix}-seat01"} < networks.keys()


@pytest.mark.parametrize("seats", [0, MOST_SEATS + 1])
def test_a_wrong_number_of_seats_changes_nothing(empty_workspace: Workspace, seats: int) -> None:
    """The sentence names the numbers that there are."""
    with pytest.raises(WrongUsage, match=f"from 1 to {MOST_SEATS}"):
        HubSettings.prepare(empty_workspace, seats, IMAGE)
    with pytest.raises(NotReady, match="The hub is not prepared"):
        HubSettings.read(empty_workspace)


@pytest.mark.parametrize(
    ("memory_gib", "disk_bytes", "seats"),
    [(81, 10**12, 39), (82, 19_900_000_000, 9), (82, None, 40), (1, 10**12, 0)],
    ids=["memory", "disk", "disk not known", "too small"],
)
def test_what_is_scarce_decides_the_capacity(memory_gib: int, disk_bytes: int | None, seats: int) -> None:
    """2 GiB of memory and 2 GB of disk for each seat, after 2 GiB for the machine."""
    seat_count, sentence = capacity(memory_gib * GIB, disk_bytes)
    assert seat_count == seats
    assert sentence.startswith(f"This machine carries {seats} seats: ")


ENGINE: Any = SimpleNamespace(endpoint=SimpleNamespace(address="unix:///engine.sock"))
SETTINGS = HubSettings(
    id="0123abcd",
    image="workshop/seat:1",
    codes={"instructor": "AAAA-AAAA", "seat01": "7K2M-Q9FD", "seat02": "BBBB-BBBB"},
)
SERVER = HubServer(Path("/hub"), SETTINGS, "192.0.2.7", 8000, "secret")


class Authenticator:
    """JupyterHub's base class is not in this environment: the file needs nothing of it."""


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The settings that the file makes of the values that `hub start` gives it."""
    module = ModuleType("jupyterhub.auth")
    module.Authenticator = Authenticator  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "jupyterhub", ModuleType("jupyterhub"))
    monkeypatch.setitem(sys.modules, "jupyterhub.auth", module)
    values = SERVER.values(ENGINE)
    monkeypatch.setenv(VARIABLE, json.dumps(values))
    config = Config()
    exec(compile(CONFIG.read_text(), CONFIG, "exec"), {"get_config": lambda: config})
    return config


@pytest.mark.parametrize(
    ("name", "code", "user"),
    [
        ("seat01", "7K2M-Q9FD", "seat01"),
        ("seat01", " 7k2m-q9fd ", "seat01"),
        ("seat02", "7K2M-Q9FD", None),
        ("seat03", "", None),
        ("seat01", "", None),
        ("seat01", "７K2M-Q9FD", None),
    ],
    ids=["own", "typed", "other seat", "no seat", "empty", "no ASCII"],
)
def test_a_code_opens_its_own_seat_alone(config: Any, name: str, code: str, user: str | None) -> None:
    """In upper or lower case; no code opens another seat, and an empty one opens none. One user sees all seats."""
    assert config.Authenticator.admin_users == {"instructor"}
    authenticate = config.JupyterHub.authenticator_class().authenticate
    assert asyncio.run(authenticate(None, {"username": name, "password": code})) == user


def test_the_token_is_not_shown() -> None:
    """It starts and stops all seats."""
    assert "secret" not in repr(SERVER)


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
    packages = {command.module.partition(".")[0] for command in COMMANDS.values()}
    needed = [recipe.folder for recipe in recipes.RECIPES] + [*COPIED, *LINKED, "solutions", "workshop", *packages]
    assert {name.split("/")[0] for name in needed} <= there
    (compiled,) = re.findall(r"unchecked-hash \\\n +(.+) \\\n", (root / SEAT / "Dockerfile").read_text())
    assert set(compiled.split()) == packages
    left_out = [line for line in lines if line.startswith("**/")]
    assert left_out == ["**/__pycache__", "**/*.pyc", "**/.ipynb_checkpoints"]
