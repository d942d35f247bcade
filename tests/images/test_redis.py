"""The Redis image: a confined cache that holds little, keeps nothing, and shows its password nowhere."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import pytest

from tests.images.conftest import assert_confined, run, wait_healthy

PASSWORD = '"> ~* +@all\nuser x on nopass päßwörd 密码 \\'


@pytest.fixture(scope="module")
def server(hardened: Callable[..., Any], images: dict[str, str]) -> Any:
    """A server whose password holds quotes, a line end and any letters."""
    settings = {"REDIS_PASSWORD_FILE": "/run/secrets/password"}
    container = hardened(images["redis"], {"password": f"{PASSWORD}\n"}, settings)
    wait_healthy(container)
    return container


def ask(container: Any, *words: str, password: str = PASSWORD) -> str:
    """Send one command as the service's user and return the answer; the password travels in the environment."""
    environment = {"REDISCLI_AUTH": password} if password else {}
    return run(container, shlex.join(["redis-cli", "--no-auth-warning", *words]), **environment)[1]


def test_only_the_password_opens_a_confined_server(server: Any) -> None:
    """The password in the file opens, without the line end behind it; no other does, nor does none."""
    assert_confined(server, 6379)
    assert ask(server, "PING") == "PONG"
    for wrong in ("", "wrong"):
        assert "NOAUTH" in ask(server, "GET", "anything", password=wrong)


def test_users_have_few_rights(server: Any) -> None:
    """The health check's user may run PING only; the service's user may not administer."""
    as_health = "redis-cli --no-auth-warning --user health --pass none"
    assert run(server, f"{as_health} PING") == (0, "PONG")
    for command in ("GET x", "INFO", "CONFIG GET '*'"):
        assert "NOPERM" in run(server, f"{as_health} {command}")[1], command
    for command in ("CONFIG GET *", "ACL LIST", "SHUTDOWN", "FLUSHALL", "KEYS *"):
        assert "NOPERM" in ask(server, *command.split()), command
