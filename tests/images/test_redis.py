"""The Redis image: a confined cache that holds little, keeps nothing, and shows its password nowhere."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from images.redis.users import hashed, users
from tests.images.conftest import USERS, assert_confined, run, wait_healthy

SERVER = ("redis-server", "--save", "", "--requirepass")
PASSWORD = '"> ~* +@all\nuser x on nopass päßwörd 密码 \\'


@pytest.fixture(scope="module")
def server(hardened: Callable[..., Any], images: dict[str, str]) -> Any:
    """A server whose password holds quotes, a line end and any letters."""
    settings = {"REDIS_PASSWORD_FILE": "/run/secrets/password"}
    container = hardened(images["redis"], {"password": f"{PASSWORD}\n"}, settings, command=USERS)
    wait_healthy(container)
    return container


def ask(container: Any, *words: str, password: str = PASSWORD) -> str:
    """Send one command as the service's user and return the answer; the password travels in the environment."""
    environment = {"REDISCLI_AUTH": password} if password else {}
    return run(container, shlex.join(["redis-cli", "--no-auth-warning", *words]), **environment)[1]


def test_it_runs_as_the_official_image_does(hardened: Callable[..., Any], images: dict[str, str]) -> None:
    """By a shell, by name, and with options alone; the server is process 1, and ends when it is told to."""
    script = f'exec {shlex.join(SERVER)} "$(cat /run/secrets/password)"'
    for command in (["sh", "-c", script], [*SERVER, "tea"], [*SERVER[1:], "tea"]):
        container = hardened(images["redis"], {"password": "tea"}, {}, user="redis", command=command)
        wait_healthy(container)
        assert ask(container, "PING", password="tea") == "PONG"
        assert "NOAUTH" in ask(container, "GET", "anything", password="")
        container.stop()
        assert container.wait()["StatusCode"] == 0


def test_the_second_password_is_that_of_the_same_user(tmp_path: Path) -> None:
    """The participants' service has it; the stack's has the one in the file."""
    file = tmp_path / "password"
    file.write_text("tea\n")
    environment = {"REDIS_PASSWORD_FILE": str(file), "REDIS_SHOP_PASSWORD": "coffee"}
    assert users(environment).startswith(f"user default on {hashed('tea')} {hashed('coffee')} ~* ")


def test_only_the_password_opens_a_confined_server(server: Any) -> None:
    """The password in the file opens, without the line end behind it; no other does, nor does none."""
    assert_confined(server, 6379)
    assert ask(server, "PING") == "PONG"
    for wrong in ("", "wrong"):
        assert "NOAUTH" in ask(server, "GET", "anything", password=wrong)


def test_the_service_does_not_administer(server: Any) -> None:
    """Its user may neither see the configuration nor delete all keys."""
    for command in ("CONFIG GET *", "ACL LIST", "SHUTDOWN", "FLUSHALL", "KEYS *"):
        assert "NOPERM" in ask(server, *command.split()), command
