"""The Redis image: a confined cache that holds little, keeps nothing, and shows its password nowhere."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import pytest

from images.redis.entrypoint import StartError, user_name
from tests.images.conftest import assert_confined, run, wait_healthy

PASSWORD = '"> ~* +@all\nuser x on nopass päßwörd 密码 \\'


@pytest.fixture(scope="module")
def server(hardened: Callable[..., Any], images: dict[str, str]) -> Any:
    """A server whose password holds quotes, a line end and any letters."""
    settings = {"REDIS_PASSWORD_FILE": "/run/secrets/password"}
    container = hardened(images["redis"], {"password": f"{PASSWORD}\n"}, settings)
    wait_healthy(container)
    return container


def ask(container: Any, *words: str, password: str = PASSWORD, user: str = "") -> str:
    """Send one command as the service's user and return the answer; the password travels in the environment."""
    environment = {"REDISCLI_AUTH": password} if password else {}
    as_user = ["--user", user] if user else []
    return run(container, shlex.join(["redis-cli", "--no-auth-warning", *as_user, *words]), **environment)[1]


def test_the_password_is_that_of_the_named_user(hardened: Callable[..., Any], images: dict[str, str]) -> None:
    """With REDIS_USER the password opens as that user alone: ``default`` has no access, with it or without any."""
    settings = {"REDIS_PASSWORD_FILE": "/run/secrets/password", "REDIS_USER": "colleague"}
    container = hardened(images["redis"], {"password": PASSWORD}, settings)
    wait_healthy(container)
    assert ask(container, "PING", user="colleague") == "PONG"
    assert "WRONGPASS" in ask(container, "PING")
    assert "NOAUTH" in ask(container, "GET", "anything", password="")


@pytest.mark.parametrize("name", ["", "two words", "a\nuser b on nopass ~* +@all", "health", "monitoring", "colleague"])
def test_a_name_that_cannot_be_used_is_refused(name: str) -> None:
    """No name adds a rule, and none takes the place of a user that the server has."""
    with pytest.raises(StartError, match="REDIS_USER is"):
        user_name({"REDIS_USER": name, "REDIS_COLLEAGUE_PASSWORD": "tea"})
    assert user_name({}) == "default"
    assert user_name({"REDIS_USER": "colleague"}) == "colleague"


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
