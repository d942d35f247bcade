"""The hub: its settings as JupyterHub reads them, and the token of its API."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from traitlets.config import Config

from workshop_kit.seats.hub_seats import HubSettings
from workshop_kit.seats.hub_server import CONFIG, VARIABLE, HubServer

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
